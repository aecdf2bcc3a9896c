import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { ONE_CORE_FLAGS, START_FLAGS } from "../../runtime/heap.ts";
import { newPlace, publishedNetwork, tablesOf, twoDays } from "../../runtime/publish/publish.testing.ts";
import { expectedTableRows, tableRows } from "../../runtime/warehouse/warehouse.testing.ts";
import { containerFlags, idleSettings, startAlone } from "./container.ts";

const root = join(import.meta.dirname, "../..");
const out = mkdtempSync(join(tmpdir(), "etl-bundle-"));
execFileSync(process.execPath, ["build.mjs", "container", out], { cwd: root });
const entries = readdirSync(out).filter((name) => name.endsWith(".js"));

test("each entry is one file that needs nothing beside it, and is the same whenever it is built", (t) => {
  t.true(entries.includes("serve.js"));
  const again = mkdtempSync(join(tmpdir(), "etl-bundle-"));
  execFileSync(process.execPath, ["build.mjs", "container", again], { cwd: root });
  for (const name of entries) {
    const text = readFileSync(join(out, name), "utf8");
    t.false(/require\("@|import\("@|duckdb/.test(text), `${name} imports a package`);
    t.false(text.includes(root), `${name} holds a path of this machine`);
    t.true(text === readFileSync(join(again, name), "utf8"), `${name} differs when built again`);
  }
});

for (const dataset of ["bids", "payloads"]) {
  test(`alone in an empty folder, serve ${dataset} starts, answers, is small, and ends when told`, async (t) => {
    const service = await startAlone(join(out, "serve.js"), [dataset], idleSettings());
    t.teardown(() => service.stop());
    t.is((await fetch(`${service.url}/health`)).status, 200);
    t.is((await fetch(`${service.url}/`)).status, 404);
    const rss = service.rssMb();
    t.log(`${rss} MB`);
    t.true(rss <= 150, `${rss} MB`);
    t.is(await service.stop(), 0);
  });
}

test("alone in an empty folder, publish writes what the lake has, and ends", async (t) => {
  const { folder, lake, out: published } = await newPlace(t);
  await twoDays(lake);
  const alone = mkdtempSync(join(tmpdir(), "etl-bundle-"));
  copyFileSync(join(out, "publish.js"), join(alone, "publish.js"));
  const ended = spawnSync(process.execPath, [...containerFlags(), "publish"], {
    cwd: alone,
    env: {
      ETL_NETWORK: publishedNetwork.name,
      ETL_RELAYS: idleSettings()["ETL_RELAYS"],
      ETL_LAKE: join(folder, "lake"),
      ETL_OUT: published,
      ETL_DAYS: "4000",
      ETL_DATASET: "bids",
    },
    encoding: "utf8",
  });
  t.is(ended.status, 0, ended.stdout + ended.stderr);
  const last = JSON.parse(ended.stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
  t.like(last, { message: "publish.end", published: 2, unreadable: 0, faults: 0, exit_code: 0 });
  t.deepEqual(await tableRows(await tablesOf(t, published), "bids"), await expectedTableRows(lake, "bids"));
});

test("an entry that is started wrongly says so in one line of Cloud Logging's form", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "etl-bundle-"));
  for (const [words, env, said] of [
    [["serve"], {}, /serve bids, or serve payloads/],
    [["serve", "relays"], {}, /serve bids, or serve payloads/],
    [["serve", "bids"], { ETL_NETWORK: "mainnet" }, /5 settings are wrong: ETL_LAKE: missing/],
    [
      ["serve", "bids"],
      { ...idleSettings(), ETL_WAREHOUSE: "./w.duckdb" },
      /DuckDB file is opened by the command line/,
    ],
    [["publish"], { ETL_NETWORK: "mainnet" }, /^publish\.end$/],
  ] as const) {
    const [entry, ...rest] = words;
    const ended = spawnSync(process.execPath, [join(out, `${entry}.js`), ...rest], {
      cwd: folder,
      env: { ...env },
      encoding: "utf8",
    });
    t.is(ended.status, 2, ended.stderr);
    const line = JSON.parse(ended.stdout) as Record<string, unknown>;
    t.is(line["severity"], "ERROR");
    t.regex(String(line["message"]), said);
    t.is(ended.stderr, "");
  }
});

test("the image holds the bundle and no more, runs as a user without rights, on a base that is named by digest", (t) => {
  const lines = readFileSync(join(root, "Dockerfile"), "utf8").split("\n");
  const froms = lines.filter((line) => line.startsWith("FROM "));
  t.true(froms.every((line) => /^FROM node:\S+-slim@sha256:[0-9a-f]{64}( AS \w+)?$/.test(line)));
  t.is(new Set(froms.map((line) => line.split(" ")[1])).size, 1);
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
  t.deepEqual(
    last.filter((line) => /^(COPY|ADD|RUN)/.test(line)),
    ["COPY --from=build /src/dist/container/ ./"],
  );
  t.regex(last.join("\n"), /^USER [1-9]\d*:[1-9]\d*$/m);
  const entry = ["node", ...START_FLAGS, ...ONE_CORE_FLAGS].map((word) => `"${word}"`).join(", ");
  t.true(last.includes(`ENTRYPOINT [${entry}]`));
});

test("the program is started with V8's flags, whoever starts it", (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  t.is(scripts["start"], `exec node ${START_FLAGS.join(" ")} --import=tsx runtime/cli/main.ts`);
  for (const name of ["build.mjs", "buildPackage.mjs"])
    t.true(
      readFileSync(join(root, name), "utf8").includes(`#!/usr/bin/env -S node ${START_FLAGS.join(" ")}`),
    );
});
