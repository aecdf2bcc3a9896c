import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { startRegistry } from "./npmRegistry.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const out = mkdtempSync(join(tmpdir(), "etl-package-"));
execFileSync(process.execPath, ["build.mjs", "package", out], { cwd: root, stdio: "pipe" });
const [tarball = ""] = readdirSync(out).filter((name) => name.endsWith(".tgz"));
const folder = join(out, "package");
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const whole = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Described;

interface Described {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

test("the package is at most 2 MB, holds the command and nothing else, and depends on DuckDB alone", (t) => {
  t.is(tarball, `mev-boost-etl-${whole.version}.tgz`);
  t.true(statSync(join(out, tarball)).size <= 2e6);
  const files = execFileSync("tar", ["-tzf", join(out, tarball)], { encoding: "utf8" })
    .trim()
    .split("\n");
  t.deepEqual(files.filter((file) => !/^package\/chunks\/[0-9A-Z]{8}\.js$/.test(file)).toSorted(), [
    "package/LICENSE",
    "package/README.md",
    "package/THIRD-PARTY-LICENSES",
    "package/cli.js",
    "package/npm-shrinkwrap.json",
    "package/package.json",
  ]);
  const duckdb = "@duckdb/node-api";
  const own = JSON.parse(read("package.json")) as Described;
  t.deepEqual(own.dependencies, { [duckdb]: whole.dependencies[duckdb] });
  t.false("scripts" in own);
  const imported = new Set<string>();
  for (const file of ["cli.js", ...readdirSync(join(folder, "chunks")).map((name) => `chunks/${name}`)]) {
    const text = read(file);
    t.false(text.includes(root), `${file} holds a path of this machine`);
    for (const [, name = ""] of text.matchAll(
      /\b(?:from|import|import\(|require\w*\()\s*"((?:@[\w-]+\/)?[\w-][^"\s]*)"/g,
    ))
      if (!builtinModules.includes(name.replace(/^node:/, ""))) imported.add(name);
  }
  t.deepEqual([...imported], [duckdb]);
});

test("the licence of everything that is bundled goes along", (t) => {
  const text = read("THIRD-PARTY-LICENSES");
  // What is bundled whole, by hand: what the list is made from can't be what it is held to.
  for (const name of [
    "@google-cloud/bigquery",
    "@google-cloud/storage",
    "@observablehq/plot",
    "cli-progress",
    "cli-table3",
    "commander",
    "fp-ts",
    "google-auth-library",
    "http-proxy-agent",
    "https-proxy-agent",
    "io-ts",
    "linkedom",
    "lossless-json",
    "node-fetch",
    "p-limit",
    "pino",
    "prom-client",
    "proxy-from-env",
    "viem",
  ])
    t.true(text.includes(`\n${name} ${whole.dependencies[name]} (`), name);
  t.regex(text, /Apache License\s+Version 2\.0/);
  t.false(text.includes("@duckdb/"), "DuckDB brings its own");
});

/** npm with a cache of its own, filled from a registry on loopback that is gone afterwards. */
async function filledCache(): Promise<(command: string, ...words: string[]) => Promise<string>> {
  const home = mkdtempSync(join(tmpdir(), "etl-npm-"));
  // Of another npm nothing may come through: npx and npm run set settings in the environment.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const npmCache = execFileSync("npm", ["config", "get", "cache"], { env, encoding: "utf8" }).trim();
  const registry = await startRegistry(root, JSON.parse(read("npm-shrinkwrap.json")), npmCache);
  const npm = async (command: string, ...words: string[]) => {
    const settings = ["--cache", join(home, "cache"), "--no-audit", "--no-fund"];
    const { stdout } = await run("npm", [command, ...settings, ...words], { cwd: home, env });
    return stdout;
  };
  try {
    await npm(
      "install",
      "--global",
      "--prefix",
      join(home, "first"),
      "--registry",
      registry.url,
      join(out, tarball),
    );
  } finally {
    registry.close();
  }
  // Nobody listens there.
  return async (command, ...words) => npm(command, "--offline", "--registry", registry.url, ...words);
}

test("installed from a filled cache without a registry, the first command works in an empty folder, and so does npx", async (t) => {
  t.timeout(600_000);
  const npm = await filledCache();
  const place = mkdtempSync(join(tmpdir(), "etl-installed-"));
  await npm("install", "--global", "--prefix", place, join(out, tarball));
  const command = join(place, "bin/mev-boost-etl");
  const empty = join(place, "empty");
  mkdirSync(empty);
  const options = { cwd: empty, env: { PATH: process.env["PATH"], HOME: empty } };
  const first = await run(command, ["run", "--relay", "lapwing", "--last", "4"], options);
  t.regex(first.stdout, /^lapwing +4 +4 +0 /m);
  t.regex(first.stdout, /rows loaded into data\/simulated-1\.duckdb\n/);
  t.regex(first.stdout, /^report: data\/simulated-1\.html$/m);
  t.true(first.stdout.includes("\n  mev-boost-etl coverage\n"), first.stdout);
  // Google's clients are bundled too: they come as far as their credentials.
  const bigquery = run(command, ["check", "--warehouse", "bigquery://some-project/etl"], {
    ...options,
    env: { ...options.env, GOOGLE_APPLICATION_CREDENTIALS: join(empty, "none.json") },
  });
  const refused = await t.throwsAsync(bigquery);
  t.regex(
    refused?.message ?? "",
    /GOOGLE_APPLICATION_CREDENTIALS names \S+none\.json, which can't be used: there is no such file/,
  );
  const npx = ["--yes", "--package", join(out, tarball), "--", "mev-boost-etl"];
  t.regex(await npm("exec", ...npx, "--help"), /^Usage: mev-boost-etl /);
});
