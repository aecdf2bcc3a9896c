import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { DuckDBInstance } from "@duckdb/node-api";
import test, { type ExecutionContext } from "ava";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";
import { bundled } from "./bundled.ts";
import { saidIn } from "./saidLines.ts";

const root = join(import.meta.dirname, "../..");
const main = await bundled("../../runtime/cli/main");
/** 2025-10-09 08:53:20 UTC; the newest settled slot is 4999950. */
const NOW = 1_760_000_000;
const LAPWING = ["--relay", "lapwing"];

interface Ended {
  readonly code: unknown;
  readonly out: string;
  /** Standard error, as it came. */
  readonly err: string;
}

async function ended(
  folder: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { npm_lifecycle_event: _script, ...environment } = process.env;
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment, ...env },
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: code as unknown, out, err };
}

const command = (folder: string, now: number, ...args: string[]) =>
  ended(folder, process.execPath, [main, ...args, "--now", String(now)]);

const pages = (folder: string) => readdirSync(join(folder, "data")).filter((name) => name.endsWith(".html"));

async function ok(t: ExecutionContext, ending: Promise<Ended>): Promise<Ended> {
  const { code, out, err } = await ending;
  t.is(code, 0, err);
  return { code, out, err };
}

test("a second run tells what lies unasked, the page goes on to cover all that is loaded, and the command closes the gap", async (t) => {
  t.timeout(600_000);
  const folder = await newFolder(t);
  const first = await ok(t, command(folder, NOW, "run", ...LAPWING, "--last", "4"));
  t.true(
    first.out.startsWith("simulated-1, slots 4999947-4999950, 2025-10-09 08:42:44 to 08:43:20 UTC\n\n"),
    first.out,
  );
  t.is(first.out.match(/UTC/g)?.length, 1);
  t.notRegex(first.out, /unasked/);

  const later = NOW + 20 * 12;
  const second = await ok(t, command(folder, later, "run", ...LAPWING, "--last", "4"));
  t.true(
    second.out.includes(
      [
        "unasked: 16 slots between what the lake holds and what was asked now,",
        "  slots 4999951-4999966, 2025-10-09 08:43:32 to 08:46:32 UTC; to ask for them:",
        `  mev-boost-etl run --now ${later} --relay lapwing --slots 4999951-4999966`,
      ].join("\n"),
    ),
    second.out,
  );
  t.deepEqual(pages(folder), ["simulated-1.html"]);
  t.regex(readFileSync(join(folder, "data/simulated-1.html"), "utf8"), /4999947[^]*4999970/);

  await ok(t, command(folder, later, "run", ...LAPWING, "--slots", "4999951-4999966", "--quiet"));
  const third = await ok(t, command(folder, later, "run", ...LAPWING, "--last", "4", "--json"));
  const { unasked } = JSON.parse(third.out) as { unasked: unknown };
  t.deepEqual(unasked, []);
  t.true(
    saidIn(third.err).includes("simulated-1, slots 4999967-4999970, 2025-10-09 08:46:44 to 08:47:20 UTC"),
  );

  const page = readFileSync(join(folder, "data/simulated-1.html"), "utf8");
  const part = await ok(t, command(folder, later, "report", "--last", "2", ...LAPWING));
  t.regex(part.out, /\nreport: data\/simulated-1-4999969-4999970-lapwing\.html\n$/);
  t.deepEqual(pages(folder), ["simulated-1-4999969-4999970-lapwing.html", "simulated-1.html"]);
  t.is(readFileSync(join(folder, "data/simulated-1.html"), "utf8"), page);

  for (const args of [
    ["coverage", ...LAPWING],
    ["check"],
    ["export", "--partial", "--out", "parquet"],
    ["recheck", ...LAPWING, "--sample", "0"],
    ["backload", ...LAPWING, "--lake", "other", "--dataset", "payloads"],
    ["backload", ...LAPWING, "--dry-run"],
  ]) {
    const range = ["--from", "2025-10-09T08:46:44Z", "--to", "2025-10-09T08:47:20Z"];
    const { out } = await ok(t, command(folder, later, ...args, ...range));
    t.true(out.startsWith("simulated-1, slots 4999967-4999970, 2025-10-09 08:46:44 to 08:47:20 UTC\n"), out);
    t.is(out.match(/UTC/g)?.length, 1, args.join(" "));
    for (const line of out.split("\n")) t.true(line.length <= 80, line);
    const quiet = await ok(t, command(folder, later, ...args, ...range, "--quiet"));
    t.deepEqual([quiet.out, quiet.err], ["", ""], args.join(" "));
    const json = await ok(t, command(folder, later, ...args, ...range, "--quiet", "--json"));
    t.notThrows(() => JSON.parse(json.out) as unknown, args.join(" "));
    t.is(json.err, "", args.join(" "));
  }

  const csv = await command(folder, later, "export", "--format", "csv", "--slots", "4999967-4999970");
  const [, file = "", sql = ""] = /duckdb (\S+) "(.*)"$/.exec(saidIn(csv.err).join("\n")) ?? [];
  const instance = await DuckDBInstance.create(join(folder, file));
  const connection = await instance.connect();
  await connection.run(sql.replace("'bids.csv'", `'${join(folder, "bids.csv")}'`));
  t.regex(
    readFileSync(join(folder, "bids.csv"), "utf8"),
    /^relay,slot,block_timestamp,.*\nlapwing,49999\d\d,/,
  );
  connection.closeSync();
  instance.closeSync();
});

test("outside a terminal every line of standard error is a log line, a fault's too; --quiet leaves the faults", async (t) => {
  t.timeout(240_000);
  const folder = await newFolder(t);
  const args = ["run", "--relay", "lapwing=http://127.0.0.1:9", "--last", "2", "--dataset", "payloads"];
  const loud = await command(folder, NOW, ...args);
  t.is(loud.code, 3);
  t.true(
    saidIn(loud.err).some((line) => line.startsWith("lapwing: can't be reached")),
    loud.err,
  );
  const quiet = await command(folder, NOW, ...args, "--quiet");
  t.deepEqual([quiet.code, quiet.out], [3, ""]);
  t.deepEqual(
    saidIn(quiet.err).map((line) => line.slice(0, 25)),
    ["lapwing: can't be reached"],
  );
  const level = await ended(folder, process.execPath, [main, "coverage"], { LOG_LEVEL: "loud" });
  t.is(level.code, 2);
  t.deepEqual(saidIn(level.err), ["mev-boost-etl: LOG_LEVEL=loud: give silent, debug, info, warn, error"]);
});

test("options that npm took for its own are missed, and told how to be given", async (t) => {
  t.timeout(240_000);
  for (const [args, meant] of [
    [["run", "--last", "5"], "npm start -- run --last 5"],
    [["coverage", "--json"], "npm start -- coverage --json"],
    [["--network=hoodi"], "npm start -- run --network hoodi"],
  ] as const) {
    const { code, err } = await ended(root, "npm", ["start", "--silent", ...args]);
    t.is(code, 2, err);
    const ours = err.split("\n").filter((line) => line.startsWith("{"));
    t.deepEqual(saidIn(ours.join("\n")), [
      `mev-boost-etl: npm takes options for its own unless -- stands before them; write: ${meant}`,
    ]);
  }
});

test("relays are named with commas between them, and --version says which this is", async (t) => {
  t.timeout(240_000);
  const folder = await newFolder(t);
  const { out } = await command(
    folder,
    NOW,
    "coverage",
    "--relay",
    "lapwing, wren",
    "--relay",
    "heron",
    "--last",
    "2",
    "--json",
  );
  const relays = (JSON.parse(out) as { relay: string }[]).map(({ relay }) => relay);
  t.deepEqual([...new Set(relays)].toSorted(), ["heron", "lapwing", "wren"]);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  t.is((await ended(folder, process.execPath, [main, "--version"])).out, `${version}\n`);
});
