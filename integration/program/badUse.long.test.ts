import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import test from "ava";
import { build } from "esbuild";
import pLimit from "p-limit";
import { saidIn } from "./saidLines.ts";

const NOW = 1_760_000_000;
/** The newest settled slots at that time. */
const LAST = 4_999_950;
/** One row of these is of those that no table can hold, so that there is a quarantine. */
const RANGE = `${LAST - 3}-${LAST}`;
const WORLD = ["--seed", "7", "--relay", "wren", "--now", String(NOW), "--quiet"];
const BIDS = "lake/simulated-7/bids/relay=wren/0004999936-0004999967.ndjson.gz";
const PAYLOADS = "lake/simulated-7/payloads/relay=wren/0004999680-0004999999.ndjson.gz";
const QUARANTINE = "lake/simulated-7/quarantine/bids/relay=wren/0004999936-0004999967.ndjson.gz";

const bundle = join(import.meta.dirname, `../../node_modules/.cache/mev-boost-etl/cli-${process.pid}`);
const cli = join(bundle, "cli.js");
const twoAtOnce = pLimit(2);

/** What a lake and a warehouse look like after a good run; every case begins with a copy. */
const good = mkdtempSync(join(tmpdir(), "etl-bad-use-"));

interface Ended {
  readonly code: number | string | null;
  readonly out: string;
  /** What the lines of standard error say. */
  readonly said: readonly string[];
}

/** Nobody's credentials, nor an emulator that needs none. */
const {
  STORAGE_EMULATOR_HOST: _storage,
  BIGQUERY_EMULATOR_HOST: _bigQuery,
  GOOGLE_APPLICATION_CREDENTIALS: _key,
  ...environment
} = process.env;
const withoutGoogle = {
  ...environment,
  CLOUDSDK_CONFIG: "/nonexistent",
  METADATA_SERVER_DETECTION: "none",
};

/** Runs a program in a folder until it ends; it is stopped after ten minutes. */
function ended(
  folder: string,
  program: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return twoAtOnce(
    () =>
      new Promise<Ended>((resolve) => {
        const env = { ...withoutGoogle, ...more };
        const options = { cwd: folder, timeout: 600_000, maxBuffer: 1 << 26, env };
        execFile(program, args, options, (error, out, err) => {
          // Below a shell there may be lines of others' too.
          const lines = err.split("\n").filter((line) => line !== "");
          const isOurs = (line: string) => program === process.execPath || line.startsWith("{");
          const said = lines.flatMap((line) => (isOurs(line) ? saidIn(line) : [line]));
          resolve({ code: error ? (error.code ?? error.signal ?? null) : 0, out, said });
        });
      }),
  );
}

const command = (folder: string, ...args: string[]) => ended(folder, process.execPath, [cli, ...args]);

const place = (lake: string, warehouse: string) => ["--lake", lake, "--warehouse", warehouse];
const run = ["run", ...WORLD, "--slots", RANGE, ...place("lake", "w.duckdb")];
const load = ["load", ...WORLD.slice(0, 2), ...WORLD.slice(4), ...place("lake", "w.duckdb")];
const coverage = ["coverage", ...WORLD, "--slots", RANGE, "--lake", "lake"];

/** Every file below a folder and its checksum. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return Object.fromEntries(
    files
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [
        path.slice(folder.length + 1),
        createHash("sha256").update(readFileSync(path)).digest("hex"),
      ]),
  );
}

function copyOfGood(): string {
  const folder = mkdtempSync(join(tmpdir(), "etl-bad-use-"));
  cpSync(good, folder, { recursive: true });
  return folder;
}

const edit = (path: string, change: (bytes: Buffer) => Buffer) => (folder: string) =>
  writeFileSync(join(folder, path), change(readFileSync(join(folder, path))));

/** Turns the bits of a byte over. */
const flip = (at: number) => (bytes: Buffer) => {
  bytes[at] = (bytes[at] ?? 0) ^ 255;
  return bytes;
};

test.before(async (t) => {
  t.timeout(1_200_000);
  await build({
    entryPoints: { cli: join(import.meta.dirname, "../../runtime/cli/main.ts") },
    outdir: bundle,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "error",
  });
  const { code, said } = await command(good, ...run);
  t.is(code, 0, said.join("\n"));
  t.deepEqual(
    Object.keys(contents(good)).toSorted(),
    [BIDS, PAYLOADS, QUARANTINE, "w.duckdb", "w.html"].toSorted(),
  );
});

test.after.always(() => {
  rmSync(bundle, { recursive: true, force: true });
  rmSync(good, { recursive: true, force: true });
});

interface Mistake {
  readonly args: readonly string[];
  readonly code: number;
  /** What the one line says: what is wrong and what to do. */
  readonly says: RegExp;
  /** Brings the data out of order first. */
  readonly prepare?: (folder: string) => void | Promise<void>;
  /** Beside the environment of the others. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files that the command may write all the same: what isn't damaged goes on. */
  readonly writes?: readonly string[];
}

const mistakes: Readonly<Record<string, Mistake>> = {
  "an unknown command": { args: ["collect"], code: 2, says: /unknown command 'collect'.*--help/ },
  "an unknown flag": { args: ["run", "--wide"], code: 2, says: /unknown option '--wide'.*--help/ },
  "a word too many": { args: ["coverage", "everything"], code: 2, says: /too many arguments/ },
  "an option without its value": {
    args: ["run", "--lake"],
    code: 2,
    says: /--lake <dir>.* argument missing/,
  },
  "an unknown relay": {
    args: ["run", ...WORLD, "--relay", "dodo"],
    code: 2,
    says: /dodo: no such relay; known are heron, .*=URL/,
  },
  "a relay's name that can't be one": { args: ["run", "--relay", "../up=http://a"], code: 2, says: /name/ },
  "one endpoint under two names": {
    args: ["run", ...WORLD, "--relay", "a=http://127.0.0.1:9", "--relay", "b=http://127.0.0.1:9"],
    code: 2,
    says: /the same endpoint: name it once/,
  },
  "a relay's URL that is none": {
    args: ["run", "--relay", "dodo=flashbots"],
    code: 2,
    says: /not a URL; write https:/,
  },
  "a password in a relay's URL that is none": {
    args: ["run", "--relay", "dodo=http://me:hun/ter2@127.0.0.1"],
    code: 2,
    says: /^(?!.*(?:hun|ter2)).*http:\/\/\*\*\*@127\.0\.0\.1 is not a URL; write https:/,
  },
  "a password behind a misspelled option": {
    args: ["run", "--rely=dodo=http://me:hunter2@127.0.0.1"],
    code: 2,
    says: /^(?!.*hunter2).*unknown option.*--help/,
  },
  "a relay's header whose variable isn't set": {
    args: ["run", ...WORLD, "--relay-header", "wren: X-Api-Key: hunter2"],
    code: 2,
    says: /^(?!.*hunter2).*--relay-header wren: X-Api-Key: the environment variable that it names isn't set.*export it/,
  },
  "a relay's header with its value": {
    args: ["run", ...WORLD, "--relay-header", "wren: Authorization: Bearer hunter2"],
    code: 2,
    says: /^(?!.*hunter2).*write 'NAME: Header: ENVVAR'/,
  },
  "a page limit of nothing": {
    args: ["run", ...WORLD, "--relay-limit", "wren=0"],
    code: 2,
    says: /--relay-limit wren=0: write NAME=N, N from 10 to 1000/,
  },
  "an unknown network": { args: ["run", "--network", "ropsten"], code: 2, says: /mainnet, hoodi, sepolia/ },
  "a misspelled network": {
    args: ["run", "--network", "mainet"],
    code: 2,
    says: /'mainet' is invalid\. .*Did you mean mainnet\?/,
  },
  "another program's option": {
    args: ["coverage", "--since", "yesterday"],
    code: 2,
    says: /unknown option '--since' \(Did you mean --from\?\)/,
  },
  "a word that is no time": {
    args: ["run", "--from", "last week"],
    code: 2,
    says: /--from <t>.*Give a slot, a date \(2026-11-01\), a time \(2026-11-01T12:00:00Z\), today or yesterday/,
  },
  "a day that no month has": {
    args: ["run", "--to", "2026-02-30"],
    code: 2,
    says: /--to <t>.*Give a slot, a date/,
  },
  "a date for slots": {
    args: ["run", "--slots", "2026-11-01"],
    code: 2,
    says: /FIRST-LAST.*dates go to --from and --to/,
  },
  "a length of time that is none": {
    args: ["run", "--last", "24x"],
    code: 2,
    says: /Give a whole number of slots \(64\), of hours \(24h\) or of days \(7d\)/,
  },
  "a date in the future": {
    args: ["run", ...WORLD, "--from", "2026-01-01"],
    code: 2,
    says: /lies in the future: the newest settled slot is 4999950 \(head - 50, 2025-10-09 08:43:20 UTC\)/,
  },
  "a date written as a number": {
    args: ["run", ...WORLD, "--from", "20251009"],
    code: 2,
    says: /a number is a slot, a date is written 2026-11-01/,
  },
  "a range that ends before it begins, in time": {
    args: ["coverage", ...WORLD, "--from", "2025-10-09", "--to", "2025-10-08"],
    code: 2,
    says: /--from 2025-10-09 --to 2025-10-08 holds no slot/,
  },
  "a run up to a day, from nowhere": {
    args: ["run", ...WORLD, "--to", "2025-10-08"],
    code: 2,
    says: /--to 2025-10-08 alone begins at slot 1: say with --from where to begin/,
  },
  "an export as CSV": {
    args: ["export", ...WORLD, "--warehouse", "w.duckdb", "--format", "csv", "--slots", RANGE],
    code: 2,
    says: /a CSV is made by duckdb w\.duckdb "COPY \(FROM bids WHERE slot BETWEEN 4999947 AND 4999950\) TO 'bids\.csv'"$/,
  },
  "an export to nowhere": {
    args: ["export", ...WORLD, "--warehouse", "w.duckdb"],
    code: 2,
    says: /say where the files go: export --out FOLDER/,
  },
  "an unknown dataset": { args: ["run", "--dataset", "blobs"], code: 2, says: /bids, payloads/ },
  "a range that isn't one": { args: ["run", "--slots", "now"], code: 2, says: /FIRST-LAST/ },
  "a range with a negative slot": { args: ["run", "--slots=-5-9"], code: 2, says: /FIRST-LAST/ },
  "a range that ends before it starts": {
    args: ["run", "--slots", "9-5"],
    code: 2,
    says: /FIRST not above LAST/,
  },
  "two ranges": {
    args: ["run", "--slots", "5-9", "--last", "3"],
    code: 2,
    says: /'--slots .*cannot be used with option '--last/,
  },
  "a range in the future": {
    args: ["run", ...WORLD, "--slots", `${LAST + 1}-${LAST + 9}`],
    code: 2,
    says: new RegExp(`lies in the future: the newest settled slot is ${LAST}`),
  },
  "a range before the first slot": {
    args: ["run", "--network", "mainnet", "--now", String(NOW), "--quiet", "--slots", "1-9"],
    code: 2,
    says: /before the first MEV-Boost slot, 4700567/,
  },
  "a number that is none": { args: ["run", "--last", "many"], code: 2, says: /whole number/ },
  "a rate of nothing": { args: ["run", "--rate", "0"], code: 2, says: /above 0/ },
  "a sample beyond everything": { args: ["recheck", "--sample", "7"], code: 2, says: /from 0 to 1/ },
  "a lake in a bucket without credentials": {
    args: ["run", ...WORLD, "--slots", RANGE, "--lake", "gs://bucket/lake"],
    code: 1,
    says: /can't \w+ gs:\/\/bucket\/lake.*credentials here; run `gcloud auth application-default login`/,
  },
  "a lake in a bucket, with a key file that isn't there": {
    args: ["coverage", "--lake", "gs://bucket/lake"],
    env: { GOOGLE_APPLICATION_CREDENTIALS: "nowhere.json" },
    code: 1,
    says: /GOOGLE_APPLICATION_CREDENTIALS names nowhere\.json, which can't be used: there is no such file; correct it/,
  },
  "a lake in a bucket, with a key file that is none": {
    args: ["coverage", "--lake", "gs://bucket/lake"],
    env: { GOOGLE_APPLICATION_CREDENTIALS: "key.json" },
    prepare: (folder) => writeFileSync(join(folder, "key.json"), "a-private-key"),
    code: 1,
    says: /^(?!.*private).*names key\.json, which can't be used: it holds no key or configuration/,
  },
  "a warehouse in BigQuery, with a key file that isn't there": {
    args: ["load", ...place("lake", "bigquery://project/dataset")],
    env: { GOOGLE_APPLICATION_CREDENTIALS: "nowhere.json" },
    code: 1,
    says: /GOOGLE_APPLICATION_CREDENTIALS names nowhere\.json, which can't be used: there is no such file; correct it/,
  },
  "a bucket's name that can't be one": {
    args: ["coverage", "--lake", "gs://Bucket!"],
    code: 2,
    says: /names no bucket; write gs:\/\/BUCKET or gs:\/\/BUCKET\/PREFIX/,
  },
  "a lake whose path is a pattern": { args: ["run", ...WORLD, "--lake", "l*ke"], code: 2, says: /--lake/ },
  "a lake below a file": {
    args: ["run", ...WORLD, "--slots", RANGE, ...place("w.duckdb/lake", "w.duckdb")],
    code: 1,
    says: /w\.duckdb\/lake.*a file lies where a folder should be; move it away, or choose another --lake/,
  },
  "a warehouse below a file": {
    args: ["load", ...load.slice(1, -1), `${BIDS}/w.duckdb`],
    code: 1,
    says: /a file lies where a folder should be; choose another --warehouse/,
  },
  "a warehouse that is a folder": {
    args: ["load", ...load.slice(1, -1), "lake"],
    code: 1,
    says: /lake.*name a file with --warehouse/,
  },
  "a warehouse to export that isn't there": {
    args: ["export", ...WORLD, "--warehouse", "none.duckdb", "--out", "out"],
    code: 1,
    says: /no warehouse at .*none\.duckdb; run/,
  },
  "a warehouse to report on that isn't there": {
    args: ["report", ...WORLD, "--warehouse", "none.duckdb"],
    code: 1,
    says: /no warehouse at .*none\.duckdb; run/,
  },
  "a warehouse to check that isn't there": {
    args: ["check", ...WORLD, "--warehouse", "none.duckdb"],
    code: 1,
    says: /no warehouse at .*none\.duckdb; run/,
  },
  "a dataset to check": {
    args: ["check", ...WORLD, "--dataset", "bids"],
    code: 2,
    says: /unknown option '--dataset'/,
  },
  "names of builders that aren't there": {
    args: ["report", ...WORLD, ...place("lake", "w.duckdb"), "--builders", "none"],
    code: 2,
    says: /--builders none can't be read/,
  },
  "names of builders that aren't names": {
    args: ["report", ...WORLD, ...place("lake", "w.duckdb"), "--builders", "names"],
    code: 2,
    says: /--builders names, line 2: write a builder's public key \(0x and 96 hex digits\), a space, and its name/,
    prepare: (folder) => writeFileSync(join(folder, "names"), `0x${"a".repeat(96)} alder\nbeech\n`),
  },
  "a report below a file": {
    args: ["report", ...WORLD, ...place("lake", "w.duckdb"), "--out", "w.duckdb/page.html"],
    code: 1,
    says: /can't be written to w\.duckdb\/page\.html.*choose another --out/,
  },
  "a lake to recheck that isn't there": {
    args: ["recheck", ...WORLD, ...place("none", "w.duckdb")],
    code: 1,
    says: /none.*run/,
  },
  ...Object.fromEntries(
    [
      ["load"],
      ["load", "--rebuild"],
      ["coverage"],
      ["coverage", "--slots", RANGE],
      ["check"],
      ["report"],
      ["recheck", "--slots", RANGE],
      ["publish", "--out", "out"],
      ["prune", "--older", "1d", "--published", "out"],
      ["verify-published", "out"],
    ].map(([command = "", ...more]) => [
      `${[command, ...more].join(" ")} of a lake that isn't there`,
      {
        args: [command, ...WORLD.slice(0, 2), ...WORLD.slice(4), "--lake", "none", ...more],
        code: 1,
        says: /there is no lake none: correct --lake, or let .* run make it/,
      },
    ]),
  ),
  "a load of a lake that isn't there and that nobody named": {
    args: ["load", "--seed", "8"],
    code: 1,
    says: /there is no lake data\/lake: correct --lake, or let .* run make it/,
  },
  "a chunk cut short": {
    args: load,
    code: 1,
    says: /bids\/relay=wren\/0004999936-0004999967.*can't be used.*move it away and its slots will be asked again/,
    prepare: (folder) => {
      rmSync(join(folder, "w.duckdb"));
      truncateSync(join(folder, BIDS), 9_000);
    },
    writes: ["w.duckdb"],
  },
  "a chunk with a wrong byte, asked for more": {
    args: ["run", ...run.slice(1), "--slots", `${LAST - 4}-${LAST}`],
    code: 1,
    says: /bids\/relay=wren\/0004999936-0004999967.*can't be used.*move it away/,
    prepare: edit(BIDS, flip(9_000)),
    writes: [PAYLOADS, "w.duckdb", "w.html"],
  },
  "a chunk whose metadata was changed": {
    args: coverage,
    code: 1,
    says: /bids\/relay=wren\/0004999936-0004999967.*metadata.*move it away/,
    prepare: edit(BIDS, (bytes) =>
      Buffer.from(bytes.toString("latin1").replace('"covered":"000000', '"covered":"000001'), "latin1"),
    ),
  },
  "a chunk that is something else": {
    args: coverage,
    code: 1,
    says: /payloads\/relay=wren\/0004999680-0004999999.*not a gzip file.*move it away/,
    prepare: edit(PAYLOADS, () => Buffer.from("my notes about payloads, kept in an unlucky place")),
  },
  "a damaged quarantine": {
    args: ["coverage", ...WORLD, "--slots", `${LAST - 3}-${LAST - 1}`, "--lake", "lake"],
    code: 1,
    says: /quarantine\/bids\/relay=wren\/0004999936-0004999967.*move it away \(and keep it: it is evidence\)/,
    prepare: edit(QUARANTINE, flip(400)),
  },
  "a damaged horizon": {
    args: coverage,
    code: 1,
    says: /bids\/relay=wren\/horizon\.json can't be used.*move it away|remove it/,
    prepare: (folder) => writeFileSync(join(folder, BIDS, "../horizon.json"), "oldest: 7"),
  },
  "a warehouse that isn't DuckDB": {
    args: load,
    code: 1,
    says: /w\.duckdb is damaged or not a DuckDB file; move it away and run `load`/,
    prepare: edit("w.duckdb", () => Buffer.from("slot,value\n1,2\n".repeat(1000))),
  },
  "a warehouse cut short": {
    args: load,
    code: 1,
    says: /w\.duckdb.*damaged or not a DuckDB file; move it away and run `load`/,
    prepare: (folder) => truncateSync(join(folder, "w.duckdb"), 8_000),
  },
  "somebody else's DuckDB file": {
    args: load,
    code: 1,
    says: /w\.duckdb is a DuckDB file, but not a warehouse of this program; choose another --warehouse/,
    prepare: async (folder) => {
      rmSync(join(folder, "w.duckdb"));
      const instance = await DuckDBInstance.create(join(folder, "w.duckdb"));
      const connection = await instance.connect();
      await connection.run("CREATE TABLE mine AS SELECT 7 AS seven");
      connection.closeSync();
      instance.closeSync();
    },
  },
  "a warehouse of another network": {
    args: ["load", "--seed", "8", ...load.slice(3)],
    code: 2,
    says: /w\.duckdb is the warehouse of network "?simulated-7"?, not of simulated-8; choose another/,
  },
};

for (const [what, { args, code, says, prepare, env, writes = [] }] of Object.entries(mistakes)) {
  test(`${what}: one clear line, exit ${code}, and the data stays as it was`, async (t) => {
    t.timeout(1_200_000);
    const folder = copyOfGood();
    await prepare?.(folder);
    const before = contents(folder);
    const { said, ...result } = await ended(folder, process.execPath, [cli, ...args], env);
    t.is(said.length, 1, said.join("\n"));
    t.regex(said[0] ?? "", says);
    t.is(result.code, code);
    t.notRegex(result.out + said.join("\n"), /^ +at |\.[jt]s:\d+|unexpected:/m);
    const after = contents(folder);
    const kept = (files: Record<string, string>) =>
      Object.entries(files).filter(([name]) => !writes.includes(name));
    t.deepEqual(kept(after), kept(before));
    rmSync(folder, { recursive: true });
  });
}

test("run, check and export work in a folder whose path DuckDB would take for a pattern", async (t) => {
  t.timeout(240_000);
  const folder = join(copyOfGood(), "a [b] {c,d}");
  mkdirSync(folder);
  const tables = [...WORLD, "--warehouse", "w.duckdb"];
  for (const args of [
    run,
    ["check", ...tables, "--lake", "lake"],
    ["export", ...tables, "--partial", "--out", "out"],
  ]) {
    const { code, said } = await command(folder, ...args);
    t.deepEqual([code, said], [0, []], args[0]);
  }
  t.true(
    readdirSync(join(folder, "out"), { recursive: true }).some((name) => String(name).endsWith(".parquet")),
  );
  rmSync(join(folder, ".."), { recursive: true });
});

test("a full disk is told in one line; what was there before is kept, and with more room the rest comes", async (t) => {
  t.timeout(1_200_000);
  const asRoot = ["--user", "--map-root-user", "--mount"];
  if (spawnSync("unshare", [...asRoot, "true"]).status !== 0)
    return t.log("not shown: this system lets its users mount no small disk");
  const first = [...load.slice(0, -1), "new.duckdb"];
  const recent = ["--slots", `${LAST - 60}-${LAST}`];
  for (const [args, says] of [
    [
      ["run", ...run.slice(1), ...recent, ...place("lake", "../../w.duckdb")],
      /lake\/.*: the disk is full; free some space and run again/,
    ],
    [load, /w\.duckdb: the disk is full; free some space and run `load`/],
    [first, /new\.duckdb: the disk is full; free some space and run `load`/],
  ] as const) {
    const folder = copyOfGood();
    const [disk, kept] = [join(folder, "disk"), join(folder, "kept")];
    mkdirSync(disk);
    // More to load than the warehouse has.
    if (args === load) {
      const more = await command(folder, ...run, ...recent, ...place("lake", "more.duckdb"));
      t.is(more.code, 0, more.said.join("\n"));
      rmSync(join(folder, "more.duckdb"));
    }
    const script = `
      mount -t tmpfs -o size=16m none '${disk}' && cp -r '${folder}/lake' '${folder}/w.duckdb' '${disk}' || exit 99
      cat /dev/zero > '${disk}/filler' 2> '${folder}/cat.log'
      truncate -s -${args === first ? 600 : 40}k '${disk}/filler'
      cd '${disk}' && "$@"; code=$?
      rm '${disk}/filler'; cp -r '${disk}' '${kept}' || exit 98
      exit $code`;
    const before = contents(folder);
    const { code, said } = await ended(
      folder,
      "unshare",
      asRoot.concat("sh", "-c", script, "sh", process.execPath, cli, args),
    );
    t.is(said.length, 1, said.join("\n"));
    t.regex(said[0] ?? "", says);
    t.is(code, 1);
    const after = contents(kept);
    if (args === load) {
      t.true(Object.keys(after).every((name) => name.startsWith("w.duckdb") || after[name] === before[name]));
    } else t.is(after["w.duckdb"], before["w.duckdb"]);
    t.deepEqual(
      Object.keys(after).filter((name) => /(^|\/)\.|\.tmp/.test(name)),
      [],
    );
    if (args === first) {
      t.false("new.duckdb" in after);
      const { code, said } = await command(kept, ...first);
      t.is(code, 0, said.join("\n"));
    }
    const again = await command(kept, ...run, ...recent);
    t.is(again.code, 0, again.said.join("\n"));
    rmSync(folder, { recursive: true });
  }
});

test("mainnet without internet: one sentence with the likely causes and the next step, exit 3, nothing covered, nothing written", async (t) => {
  t.timeout(1_200_000);
  const args = [
    "run",
    "--network",
    "mainnet",
    "--last",
    "4",
    "--quiet",
    "--json",
    ...place("lake", "w.duckdb"),
  ];
  // A port on which nobody listens, and, where that can be had, a machine without any network.
  const refused = ["flashbots", "titan", "agnostic"].flatMap((name, index) => [
    "--relay",
    `${name}=http://127.0.0.1:${7 + index}`,
  ]);
  const runs = [
    { program: process.execPath, before: [] as string[], args: [...args, ...refused], relays: 3 },
  ];
  const apart = ["--user", "--map-root-user", "--net"];
  if (spawnSync("unshare", [...apart, "true"]).status === 0)
    runs.push({ program: "unshare", before: [...apart, process.execPath], args, relays: 0 });
  else t.log("not shown: this system can't cut a process off the network");
  const work = runs.map(async (one) => {
    const folder = mkdtempSync(join(tmpdir(), "etl-bad-use-"));
    const { code, out, said } = await ended(folder, one.program, [...one.before, cli, ...one.args]);
    t.is(code, 3, said.join("\n"));
    const { coverage: rows } = JSON.parse(out) as {
      coverage: { relay: string; state: string; covered: number; missing: number }[];
    };
    const active = new Set(rows.filter(({ state }) => state === "active").map(({ relay }) => relay));
    t.true(active.size >= Math.max(1, one.relays));
    t.is(said.length, 1, said.join("\n"));
    const causes =
      "this machine may be offline, or reach the internet only through a proxy; see whether it opens";
    t.true(
      said[0]?.startsWith(`none of the ${active.size} relays answered (flashbots: can't be reached`),
      said[0],
    );
    t.true(said[0]?.includes(`): ${causes} http`), said[0]);
    t.true(rows.every(({ covered }) => covered === 0));
    t.true(rows.every(({ missing }) => missing === 4));
    t.deepEqual(Object.keys(contents(folder)), ["w.duckdb"]);
    rmSync(folder, { recursive: true });
  });
  await Promise.all(work);
});

test("mainnet through a proxy that doesn't answer: the sentence names the proxy, and what to do about it", async (t) => {
  t.timeout(1_200_000);
  const folder = mkdtempSync(join(tmpdir(), "etl-bad-use-"));
  const args = ["run", "--network", "mainnet", "--last", "4", "--quiet", ...place("lake", "w.duckdb")];
  const { code, said } = await ended(folder, "env", [
    "HTTPS_PROXY=http://127.0.0.1:9",
    process.execPath,
    cli,
    ...args,
  ]);
  t.is(code, 3, said.join("\n"));
  const last = said.at(-1) ?? "";
  t.regex(last, /^none of the \d+ relays answered \(flashbots: can't be reached \(/);
  t.true(last.includes("): the proxy http://127.0.0.1:9 may be down, or let nobody through to them"), last);
  t.true(last.includes("correct HTTPS_PROXY or take it away"), last);
  t.false(last.includes("offline"), last);
  rmSync(folder, { recursive: true });
});

test("a report that can't be written costs a run one line, and nothing else", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "etl-bad-use-"));
  cpSync(good, folder, { recursive: true });
  rmSync(join(folder, "w.html"));
  mkdirSync(join(folder, "w.html"));
  const { code, out, said } = await command(folder, ...run);
  t.is(code, 0);
  t.is(said.length, 1, said.join("\n"));
  t.regex(said[0] ?? "", /^no report was written: .*w\.html.*; what was collected is not touched$/);
  t.notRegex(out, /report:/);
  rmSync(join(folder, "w.html"), { recursive: true });
  const again = await command(folder, ...run.filter((word) => word !== "--quiet"));
  t.deepEqual([again.code, again.said], [0, []]);
  t.regex(again.out, /\nreport: w\.html\n$/);
  t.regex(readFileSync(join(folder, "w.html"), "utf8"), /^<!doctype html>[^]*<\/html>\n$/);
  rmSync(folder, { recursive: true });
});
