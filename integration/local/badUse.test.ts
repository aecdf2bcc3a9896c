import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, writeFileSync, mkdirSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import { build } from "esbuild";

/** The command line bundled once: starting it through the TypeScript loader dozens of times would take a minute. */
const cli = join(
  import.meta.dirname,
  "../../node_modules/.cache/mev-boost-etl",
  `cli-${process.pid}`,
  "cli.js",
);

test.before(async () => {
  await build({
    entryPoints: { cli: join(import.meta.dirname, "../../runtime/cli/main.ts") },
    outdir: join(cli, ".."),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "error",
  });
});

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function etl(...words: readonly string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...words],
      { env: { ...process.env, LOG_LEVEL: "silent" } },
      (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, out, err });
      },
    );
  });
}

/** A network date, so that the simulated relays have settled slots to show. */
const NOW = ["--now", "1760000000"];
/** The newest settled slot at that date: (1760000000 − 1700000000) / 12 − 50. */
const SETTLED = 4_999_950;

function place() {
  const folder = mkdtempSync(join(tmpdir(), "etl-cli-"));
  const lake = join(folder, "lake");
  const warehouse = join(folder, "warehouse.duckdb");
  return { folder, lake, warehouse, where: ["--lake", lake, "--warehouse", warehouse] };
}

const collectFew = async (where: readonly string[]) =>
  etl("run", ...NOW, ...where, "--relay", "wren", "--slots", `${SETTLED - 9}-${SETTLED}`);

test("bad usage gets one line that says what is allowed, and exit code 2", async (t) => {
  const { where } = place();
  const cases: [string[], RegExp][] = [
    [["bogus"], /unknown command 'bogus'/],
    [["run", "--bogus"], /unknown option '--bogus'/],
    [["run", "--network", "ropsten"], /Allowed choices are mainnet, hoodi, sepolia, simulated/],
    [["run", ...NOW, ...where, "--relay", "nobody"], /nobody.*wren/],
    [["run", ...NOW, ...where, "--relay", "Bad_Name=http://127.0.0.1:1"], /Bad_Name/],
    [["run", ...NOW, ...where, "--relay", "x=ftp://127.0.0.1"], /ftp/],
    [["run", ...NOW, ...where, "--slots", "12"], /FIRST-LAST/],
    [["run", ...NOW, ...where, "--slots", "20-10"], /ends before it starts/],
    [["run", ...NOW, ...where, "--slots", "6000000-6000010"], new RegExp(`future.*${SETTLED}`)],
    [["run", ...NOW, ...where, "--slots", "1-2", "--last", "4"], /cannot be used/],
    [["run", ...NOW, ...where, "--last", "0"], /whole number/],
    [["run", ...NOW, ...where, "--rate", "-1"], /rate/],
    [["recheck", "--sample", "2"], /from 0 to 1/],
    [["coverage", "--network", "mainnet", "--slots", "1-2", ...where.slice(0, 2)], /4700567/],
    [["run", "--lake", "gs://bucket/x"], /gs:\/\/bucket/],
    [["export"], /--out/],
  ];
  for (const [words, message] of cases) {
    const { code, err } = await etl(...words);
    t.is(code, 2, words.join(" "));
    t.regex(err, message, words.join(" "));
    t.is(err.trim().split("\n").length, 1, err);
    t.notRegex(err, /\n\s+at /);
  }
});

test("a range that reaches past what is settled is clipped and says so", async (t) => {
  const { where } = place();
  const { code, out, err } = await etl(
    "run",
    ...NOW,
    ...where,
    "--relay",
    "wren",
    "--slots",
    `${SETTLED - 3}-${SETTLED + 9}`,
    "--json",
  );
  t.is(code, 0, err);
  t.regex(err, new RegExp(`clipped to ${SETTLED - 3}-${SETTLED}`));
  const { coverage, loaded_rows: rows } = JSON.parse(out) as {
    coverage: { slots: number; covered: number }[];
    loaded_rows: number;
  };
  t.deepEqual(
    coverage.map(({ slots, covered }) => [slots, covered]),
    [
      [4, 4],
      [4, 4],
    ],
  );
  t.true(rows > 0);
});

test("a relay that can't be reached gets one line, its slots stay missing, and the exit code is 3", async (t) => {
  const { where } = place();
  const { code, out, err } = await etl(
    "run",
    ...where,
    "--network",
    "mainnet",
    "--last",
    "4",
    "--relay",
    "gone=http://127.0.0.1:9",
    "--json",
  );
  t.is(code, 3, err);
  t.is(err.split("\n").filter((line) => line.startsWith("gone: can't be reached")).length, 1, err);
  const { coverage } = JSON.parse(out) as { coverage: { covered: number; missing: number }[] };
  t.deepEqual(
    coverage.map(({ covered, missing }) => [covered, missing]),
    [
      [0, 4],
      [0, 4],
    ],
  );
});

test("folders that can't be written are named, with what to do, and exit code 1", async (t) => {
  const { folder } = place();
  const file = join(folder, "file");
  writeFileSync(file, "x");
  const { code, err } = await etl(
    "run",
    ...NOW,
    "--relay",
    "wren",
    "--last",
    "4",
    "--lake",
    join(file, "lake"),
    "--warehouse",
    join(folder, "w"),
  );
  t.is(code, 1);
  t.true(err.includes(file), err);
  t.is(err.trim().split("\n").length, 1, err);
});

test("a corrupt object, its metadata or its quarantine is named with the remedy, stops nothing else, and stays as it was", async (t) => {
  const { lake, where } = place();
  t.is((await collectFew(where)).code, 0);
  const chunks = join(lake, "simulated-1/bids/relay=wren");
  const [name] = readdirSync(chunks).filter((one) => one.endsWith(".gz"));
  if (!name) return t.fail("nothing was collected");
  const path = join(chunks, name);
  const sound = readFileSync(path);
  const flipped = Buffer.from(sound);
  flipped[sound.length - 100] = (flipped[sound.length - 100] ?? 0) ^ 0xff;
  for (const bad of [sound.subarray(0, 300), Buffer.from("nonsense"), gzipSync("{}\n"), flipped]) {
    writeFileSync(path, bad);
    const load = await etl("load", ...NOW, ...where, "--rebuild");
    t.is(load.code, 1, load.err);
    t.true(load.err.includes(name), load.err);
    t.notRegex(load.err, /\n\s+at /);
    const run = await collectFew(where);
    t.not(run.code, 0, run.err);
    t.true(run.err.includes(name), run.err);
    t.deepEqual(readFileSync(path), bad, "a bad object is evidence, and is left alone");
  }
  writeFileSync(path, sound);
  t.is((await etl("coverage", ...NOW, "--lake", lake)).code, 3, "only wren was collected");
  const again = await etl("load", ...NOW, ...where, "--rebuild");
  t.is(again.code, 0, again.err);

  const quarantine = join(lake, "simulated-1/quarantine/bids/relay=wren");
  mkdirSync(quarantine, { recursive: true });
  writeFileSync(join(quarantine, name), "nonsense");
  const more = await etl("run", ...NOW, ...where, "--relay", "wren", "--slots", `${SETTLED - 40}-${SETTLED}`);
  t.notRegex(more.err, /\n\s+at /);
  t.is(readFileSync(join(quarantine, name), "utf8"), "nonsense");
});

test("a file that isn't this network's warehouse is refused in one line and left byte for byte", async (t) => {
  const { folder, lake, warehouse, where } = place();
  t.is((await collectFew(where)).code, 0);
  const other = join(folder, "other.duckdb");
  copyFileSync(warehouse, other);
  const corrupt = join(folder, "corrupt.duckdb");
  writeFileSync(corrupt, "not a database at all".repeat(1000));
  for (const [words, file, message, exit] of [
    [["--seed", "2"], other, /simulated-1/, 2],
    [[], corrupt, /corrupt\.duckdb/, 1],
  ] as const) {
    const before = readFileSync(file);
    const { code, err } = await etl("load", ...NOW, "--lake", lake, "--warehouse", file, ...words);
    t.is(code, exit, err);
    t.regex(err, message);
    t.is(err.trim().split("\n").length, 1, err);
    t.deepEqual(readFileSync(file), before);
  }
});

test("help and the names of all commands come without anything being started", async (t) => {
  const { code, out } = await etl("--help");
  t.is(code, 0);
  for (const command of ["run", "load", "coverage", "recheck", "export", "probe", "simulate"])
    t.regex(out, new RegExp(`  ${command}\\b`));
});
