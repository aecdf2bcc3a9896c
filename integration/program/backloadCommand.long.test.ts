import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { build } from "esbuild";
import pLimit from "p-limit";
import { fixedDateClock } from "../../runtime/chain/clock.ts";
import { START_FLAGS } from "../../runtime/heap.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { examples } from "../../runtime/seeds.testing.ts";
import { type RequestRecord, type Simulator, startSimulator } from "../../runtime/simulator/server.ts";
import { compareLake } from "./compare.ts";
import { saidIn } from "./saidLines.ts";

const SEED = 7;
const NOW = 1_760_000_000;
/** Two units of 320 slots, and a part of a third. */
const RANGE = { first: 4_998_400, last: 4_999_239 };
const SLOTS = RANGE.last - RANGE.first + 1;
const RELAYS = ["wren", "heron", "lapwing"].slice(0, examples(1, 3));
const world = ["--seed", String(SEED), "--now", String(NOW), "--slots", `${RANGE.first}-${RANGE.last}`];
const named = RELAYS.flatMap((name) => ["--relay", name]);

const bundle = join(import.meta.dirname, `../../node_modules/.cache/mev-boost-etl/backload-${process.pid}`);
const twoAtOnce = pLimit(2);

test.after.always(() => rmSync(bundle, { recursive: true, force: true }));

test.before(async () => {
  await build({
    entryPoints: {
      cli: join(import.meta.dirname, "../../runtime/cli/main.ts"),
      worker: join(import.meta.dirname, "../../runtime/services/backloadMain.ts"),
    },
    outdir: bundle,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "error",
  });
});

interface Ended {
  readonly code: number | string | null;
  readonly out: string;
  readonly said: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const {
  JOB_COMPLETION_INDEX: _index,
  ETL_TEST_SEED: _seed,
  ETL_TEST_LONG: _long,
  ...environment
} = process.env;

function start(entry: "cli" | "worker", args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [...START_FLAGS, join(bundle, `${entry}.js`), ...args], {
    cwd: bundle,
    env: { ...environment, LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, said]: [string[], string[]] = [[], []];
  child.stdout?.on("data", (data: Buffer) => out.push(data.toString()));
  child.stderr?.on("data", (data: Buffer) => said.push(data.toString()));
  const ended = once(child, "close").then(([code, signal]: unknown[]) => ({
    code: (code ?? signal ?? null) as number | string | null,
    out: out.join(""),
    said: said.join(""),
  }));
  return { child, ended };
}

const command = (...args: string[]) => twoAtOnce(() => start("cli", ["backload", ...args]).ended);

async function simulated(scale = 0.05) {
  const requests: RequestRecord[] = [];
  const clock = fixedDateClock(NOW * 1000);
  const onRequest = (request: RequestRecord) => void requests.push(request);
  const simulator = await startSimulator({
    seed: SEED,
    faults: "none",
    clock,
    scale,
    record: false,
    onRequest,
  });
  const folder = join(mkdtempSync(join(tmpdir(), "etl-backload-")), "lake");
  const lake = openFolderLake(folder, `simulated-${SEED}`);
  const at = ["--simulator", simulator.url, "--lake", folder];
  return { simulator, requests, folder, lake, at };
}

interface Told {
  readonly outcome: string;
  readonly reason: string | null;
  readonly peak_mb: number;
  readonly relays: readonly { relay: string; slots: number; done: number; read: number; requests: number }[];
  readonly coverage: readonly { relay: string; covered: number; missing: number }[];
}

const json = <T>({ out }: Ended): T => JSON.parse(out) as T;

/** Requests that asked for the bids of a slot more often than it takes: once where there are some, else twice. */
function repeated(requests: readonly RequestRecord[], { truth }: Simulator): number {
  const asks = new Map<string, number>();
  let most = 0;
  for (const { dataset, relay, slot = 0 } of requests) {
    if (dataset !== "bids") continue;
    const asked = asks.get(`${relay} ${slot}`) ?? 0;
    asks.set(`${relay} ${slot}`, asked + 1);
    if (asked > (truth.bids(relay, slot).length > 0 ? 0 : 1)) most++;
  }
  return most;
}

test.serial(
  "shards in any order fill the range once, and who is started again finds nothing left to ask",
  async (t) => {
    t.timeout(1_200_000);
    const { simulator, requests, lake, at } = await simulated();
    t.teardown(() => simulator.close());
    const shard = (index: number) =>
      command(...world, ...named, ...at, "--shard", `${index}/3`, "--json", "--quiet");
    for (const ended of await Promise.all([2, 0, 1].map(shard))) {
      t.is(ended.code, 0, ended.said);
      t.like(json<Told>(ended), { outcome: "done", reason: null });
    }
    const { slots, differences } = await compareLake(lake, simulator.truth);
    t.deepEqual(differences, []);
    t.is(slots, SLOTS * RELAYS.length * 2);
    // Witnesses of the empty ones, and a slot or two below a shard that show that the relay remembers what lies above.
    const more = repeated(requests, simulator);
    t.true(more <= 3 * RELAYS.length * 20, `${more} more requests than it takes`);
    requests.length = 0;
    const again = await shard(1);
    t.is(again.code, 0);
    t.is(requests.length, 0);
  },
);

test.serial(
  "two fleets over ranges that overlap neither lose nor double a row, and tell one progress for all their workers",
  async (t) => {
    t.timeout(1_200_000);
    const { simulator, lake, at } = await simulated();
    t.teardown(() => simulator.close());
    const middle = RANGE.first + 400;
    const fleet = (slots: string, order: string) => {
      const range = [...world.slice(0, -1), slots];
      return command(...range, ...named, ...at, "--workers", "2", "--order", order, "--json", "--quiet");
    };
    const ended = await Promise.all([
      fleet(`${RANGE.first}-${middle + 150}`, "oldest"),
      fleet(`${middle - 150}-${RANGE.last}`, "newest"),
    ]);
    for (const one of ended) {
      t.is(one.code, 0, one.said);
      const { relays, coverage } = json<Told>(one);
      t.deepEqual(relays.map(({ relay }) => relay).toSorted(), RELAYS.toSorted());
      for (const { slots, done } of relays) t.is(done, slots);
      for (const { missing } of coverage) t.is(missing, 0);
    }
    const { slots, differences } = await compareLake(lake, simulator.truth);
    t.deepEqual(differences, []);
    t.is(slots, SLOTS * RELAYS.length * 2);
  },
);

/** A log, line by line. */
const lines = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test.serial(
  "a worker that is stopped asks nothing more, writes what it has, asks to be started again, and goes on where it was",
  async (t) => {
    t.timeout(1_200_000);
    const { simulator, requests, folder, lake } = await simulated();
    t.teardown(() => simulator.close());
    const relays = Object.fromEntries(
      simulator.relays.map(
        ({ name, url }) => [name, RELAYS.includes(name) ? { url } : { off: true }] as const,
      ),
    );
    const env = {
      ETL_NETWORK: `simulated-${SEED}`,
      ETL_LAKE: folder,
      ETL_RELAYS: JSON.stringify(relays),
      ETL_RANGE: `${RANGE.first}-${RANGE.last}`,
      ETL_SHARDS: "2",
      ETL_RATE: "60",
      JOB_COMPLETION_INDEX: "0",
    };
    const { child, ended } = start("worker", [], env);
    while (requests.length < 150) await new Promise((resolve) => setImmediate(resolve));
    child.kill("SIGTERM");
    const asked = requests.length;
    const first = await ended;
    t.is(first.code, 75, first.out);
    // Before it is told, at 60 a second a relay, and what is under way then.
    t.true(requests.length - asked < 150, `${requests.length - asked} requests after SIGTERM`);
    t.like(lines(first.out).at(-1), {
      message: "backload.end",
      severity: "INFO",
      outcome: "retry",
      exit_code: 75,
      reason: "stopped by SIGTERM",
    });
    const kept = await compareLake(lake, simulator.truth);
    t.deepEqual(kept.differences, []);
    const answered = new Set(
      requests.filter(({ dataset }) => dataset === "bids").map(({ relay, slot }) => `${relay} ${slot}`),
    ).size;
    t.true(kept.slots > 0.5 * answered, `${kept.slots} slots kept of ${answered} answered`);

    requests.length = 0;
    const second = await start("worker", [], env).ended;
    t.is(second.code, 0, second.out);
    t.like(lines(second.out).at(-1), { message: "backload.end", outcome: "done", exit_code: 0, missing: 0 });
    t.true(requests.length < SLOTS * RELAYS.length);
    t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);

    const wrong = await start("worker", [], { ...env, ETL_RATE: "fast" }).ended;
    t.is(wrong.code, 42);
    t.like(lines(wrong.out).at(-1), { message: "backload.end", severity: "ERROR", exit_code: 42, shard: 0 });
    const chunk = readdirSync(join(folder, `simulated-${SEED}`, "bids", "relay=wren"))[0] ?? "";
    const object = join(folder, `simulated-${SEED}`, "bids", "relay=wren", chunk);
    const whole = readFileSync(object);
    writeFileSync(object, "not gzip");
    const bad = await start("worker", [], { ...env, ETL_SHARDS: "1" }).ended;
    t.is(bad.code, 42, "an object that can't be trusted is for a person");
    t.regex(bad.out, /move it away/);
    writeFileSync(object, whole);
  },
);

test.serial(
  "a relay that is down costs the others nothing, its slots stay missing, and the code says to try again",
  async (t) => {
    t.timeout(1_200_000);
    const { simulator, lake, at } = await simulated();
    t.teardown(() => simulator.close());
    const nobody = createServer();
    nobody.listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    await once(nobody, "close");
    const slots = `${RANGE.last - 63}-${RANGE.last}`;
    const range = [...world.slice(0, -1), slots];
    const down = ["--relay", `gone=http://127.0.0.1:${port}`];
    const ended = await command(...range, "--relay", "wren", ...down, ...at, "--json", "--quiet");
    t.is(ended.code, 3, ended.said);
    const told = json<Told>(ended);
    t.is(told.outcome, "retry");
    t.regex(told.reason ?? "", /gone can't be reached/);
    for (const { relay, missing } of told.coverage) t.is(missing, relay === "gone" ? 64 : 0, relay);
    t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);
  },
);

test.serial("a worker over millions of slots stops when its time is up, in little memory", async (t) => {
  t.timeout(1_200_000);
  const { simulator, at } = await simulated(0.2);
  t.teardown(() => simulator.close());
  const range = [...world.slice(0, -1), `0-${RANGE.last}`];
  const limit = examples(4, 12);
  const ended = await command(...range, ...at, "--time-limit", String(limit), "--json", "--quiet");
  t.is(ended.code, 3, ended.said);
  const { reason, peak_mb, relays } = json<Told>(ended);
  t.is(reason, `the time limit of ${limit} s was reached`);
  t.is(relays.length, 10);
  t.true(relays.every(({ slots }) => slots > 5_000_000));
  t.true(peak_mb <= 256, `${peak_mb} MB`);
});

test.serial("a dry run asks nobody, fits 80 columns, and tells machines the same", async (t) => {
  const network = ["--network", "mainnet", "--now", "1795600000", "--dry-run"];
  const shown = await command(...network, "--workers", "20");
  t.is(shown.code, 0, shown.said);
  for (const line of shown.out.split("\n")) t.true(line.length <= 80, line);
  for (const word of [/239|25\d\.\d/, /bloxroute-regulated no longer keeps/, /21 in-use external IPv4/, /\$/])
    t.regex(shown.out, word);
  const told = await command(...network, "--workers", "5", "--rate", "0.5", "--relay", "flashbots", "--json");
  const figures = json<{ workers: number; hours: { workers: number }[]; relays: { per_second: number }[] }>(
    told,
  );
  t.deepEqual(
    figures.hours.map(({ workers }) => workers),
    [1, 5, 50],
  );
  t.deepEqual(
    figures.relays.map(({ per_second }) => per_second),
    [0.5],
  );
});

test.serial("mistakes get one line and exit code 2", async (t) => {
  for (const [args, said] of [
    [["--shard", "4/4"], /"4\/4" is no shard: give I\/N/],
    [["--shard", "x"], /give I\/N/],
    [["--shard", "0/2", "--workers", "2"], /give one of the two/],
    [["--workers", "0"], /whole number from 1/],
    [["--order", "middle"], /newest, oldest/],
    [["--relay", "nobody"], /no such relay; known are heron/],
    [["--time-limit", "0"], /whole seconds from 1/],
    [["--simulator", "ftp://x"], /give the address that simulate prints/],
    [["--network", "mainnet", "--simulator", "http://127.0.0.1:1"], /only the simulated network/],
    [["--warehouse", "x.duckdb"], /unknown option/],
  ] as const) {
    const network = args.includes("mainnet" as never) ? ["--slots", "13000000-13000063"] : world;
    const ended = await command(...network, ...args);
    t.is(ended.code, 2, ended.said);
    const [line = "", ...more] = saidIn(ended.said);
    t.regex(line, said);
    t.deepEqual(more, []);
    t.is(ended.out, "");
  }
  const job = await start("cli", ["backload", ...world], { JOB_COMPLETION_INDEX: "1" }).ended;
  t.is(job.code, 2);
  t.regex(job.said, /ETL_SHARDS says not of how many/);
});
