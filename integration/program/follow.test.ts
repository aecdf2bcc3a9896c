import { saidIn } from "./saidLines.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { linesForPeople, linesForPrograms } from "../../runtime/cli/followLines.ts";
import { chainToCollect } from "../../runtime/cli/chain.ts";
import { FollowMetrics } from "../../runtime/cli/followMetrics.ts";
import { type FollowState, serveFollow } from "../../runtime/cli/followServer.ts";
import { type TickReport, ticksOf } from "../../runtime/cli/followTick.ts";
import { Connection } from "../../runtime/collect/connection.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { UserError } from "../../runtime/errors.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";
import { bundled } from "./bundled.ts";
import { NOW } from "./line.ts";
import { TickClock } from "./service.ts";

const main = await bundled("../../runtime/cli/main");
/** A chunk of bids and three slots more are settled then. */
const SOON = "1759999856";
const RANGE = ["--relay", "lapwing", "--last", "11", "--now", SOON];

function started(folder: string, args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  return { child, exit: once(child, "exit"), said: text(child.stderr) };
}

async function ended(folder: string, args: readonly string[]) {
  const { child, exit, said } = started(folder, args);
  const out = await text(child.stdout);
  return { code: (await exit)[0] as number, out, said: await said };
}

async function at(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.text() };
}

test("run --follow says where it begins and, with each tick, how all stands and when the next comes; it serves the same numbers", async (t) => {
  t.timeout(240_000);
  const folder = await newFolder(t);
  const { child, exit, said } = started(folder, ["run", "--follow", "--listen", "127.0.0.1:0", ...RANGE]);
  t.teardown(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () =>
    JSON.parse(((await lines.next()) as { value: string }).value) as Record<string, unknown>;
  const start = await line();
  t.like(start, { severity: "INFO", message: "following", first_slot: 4_999_928, last_slot: 4_999_935 });
  t.is(
    start["chunks"],
    "bids are taken by whole chunks of 32 slots: up to slot 4999935 by now, 3 short of the newest settled one (4999938), which come when their chunk is settled",
  );
  const url = String(start["url"]);
  t.is((await at(`${url}/ready`)).status, 503, "no tick has ended yet");
  t.is((await at(`${url}/health`)).status, 200);

  const tick = await line();
  t.like(tick, { severity: "INFO", message: "tick", outcome: "done", load_failed: 0 });
  t.regex(String(tick["next_tick"]), /^2025-10-09T\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.is((await at(`${url}/ready`)).status, 200);
  t.is((await at(`${url}/none`)).status, 404);
  t.is((await at(`${url}/metrics`, { method: "POST" })).status, 405);
  const { body } = await at(`${url}/metrics`);
  child.kill("SIGTERM");
  t.deepEqual(await exit, [0, null], await said);

  const slots = ["--slots", "4999928-4999935", "--relay", "lapwing", "--now", SOON];
  const { out } = await ended(folder, ["coverage", "--format", "json", ...slots]);
  const coverage = JSON.parse(out) as Record<string, string | number>[];
  t.is(coverage.length, 2);
  for (const row of coverage) {
    t.true(Number(row["covered"]) > 0);
    for (const name of ["covered", "missing", "unproven", "suspect", "rows"])
      t.true(
        body.includes(`\nmev_boost_etl_${name}{dataset="${row["dataset"]}",relay="lapwing"} ${row[name]}\n`),
        `${name} of ${row["dataset"]}: ${row[name]} in\n${body}`,
      );
  }
  t.true(body.includes('\nmev_boost_etl_lag_slots{dataset="bids",relay="lapwing"} 3\n'), body);
  t.true(body.includes('\nmev_boost_etl_tick_total{dataset="payloads",outcome="done"} 1\n'), body);
  t.true(body.includes('\nmev_boost_etl_tick_total{dataset="bids",outcome="failed"} 0\n'), body);
  t.true(body.includes('\nmev_boost_etl_refusals_total{relay="lapwing"} 0\n'), body);
  t.regex(body, /\nmev_boost_etl_tick_seconds_sum \d/);
  t.regex(body, /\nmev_boost_etl_free_disk_bytes\{of="warehouse"\} \d/);
});

test("run --follow of fewer slots than a chunk has begins with the newest whole chunk, and calls no slot missing that nobody wanted", async (t) => {
  t.timeout(240_000);
  const folder = await newFolder(t);
  const range = ["--relay", "lapwing", "--last", "3", "--now", SOON];
  const { child, exit, said } = started(folder, ["run", "--follow", ...range]);
  t.teardown(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () =>
    JSON.parse(((await lines.next()) as { value: string }).value) as Record<string, unknown>;
  t.like(await line(), { message: "following", first_slot: 4_999_904, last_slot: 4_999_935 });
  const tick = await line();
  t.like(tick, { outcome: "done", first_slot: 4_999_904, last_slot: 4_999_935 });
  const relays = tick["by_relay"] as Record<string, unknown>[];
  t.is(relays.length, 2, JSON.stringify(tick));
  for (const row of relays) t.like(row, { relay: "lapwing", covered: 32, missing: 0 });
  child.kill("SIGTERM");
  t.deepEqual(await exit, [0, null], await said);
});

test("--listen without --follow, an address that is none, and one that is taken are refused in a line", async (t) => {
  t.timeout(120_000);
  const folder = await newFolder(t);
  const alone = await ended(folder, ["run", "--listen", "9464", ...RANGE]);
  t.deepEqual(
    [alone.code, saidIn(alone.said)],
    [2, ["mev-boost-etl: --listen serves the metrics of --follow: give both"]],
  );
  const odd = await ended(folder, ["run", "--follow", "--listen", "localhost", ...RANGE]);
  t.is(odd.code, 2);
  t.true(odd.said.includes("Give HOST:PORT, [IPV6]:PORT, or a port, which is 127.0.0.1's."), odd.said);
  const { server, port } = await listening(t);
  const taken = await ended(folder, ["run", "--follow", "--listen", String(port), ...RANGE]);
  server.closeAllConnections();
  t.deepEqual(
    [taken.code, saidIn(taken.said)],
    [1, [`mev-boost-etl: can't listen on 127.0.0.1:${port}: it is in use; give --listen another address`]],
  );
});

async function listening(t: ExecutionContext) {
  const { createServer } = await import("node:http");
  const server = createServer().listen(0, "127.0.0.1");
  t.teardown(() => void server.close());
  await once(server, "listening");
  return { server, port: (server.address() as { port: number }).port };
}

/** What does ticks on a virtual clock, over one relay, a folder and DuckDB; `load` stands before the warehouse's own. */
async function ticksInProcess(t: ExecutionContext, load: (load: Warehouse["load"]) => Warehouse["load"]) {
  const seed = 1;
  const network = simulatedNetwork(seed);
  const clock = new TickClock(NOW);
  const simulator = await startSimulator({ seed, clock, scale: 0.02, faults: "none" });
  t.teardown(async () => simulator.close());
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const warehouse = openDuckDb(join(folder, "warehouse.duckdb"), network, { clock, log: silentLog });
  t.teardown(async () => warehouse.close());
  const connection = new Connection({ network, clock });
  t.teardown(() => connection.close());
  const relays = simulator.relays.filter(({ name }) => name === "lapwing");
  for (const relay of relays) connection.add(relay, { allowPrivate: true });
  const stop = new AbortController();
  const context = {
    network,
    clock,
    log: silentLog,
    datasets: AUCTION,
    say() {},
    note() {},
    print() {},
  };
  const asking = {
    relays,
    sources: connection.sources(stop.signal),
    sourcesUntil: (until: AbortSignal) => connection.sources(until),
    clients: connection.clients,
    nodes: undefined,
    close: async () => {},
  };
  const faulty = new Proxy(warehouse, {
    get(target, name): unknown {
      const member: unknown = name === "load" ? load(target.load.bind(target)) : Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const firstSlot = settledSlot(network, NOW) - 40;
  return {
    clock,
    tick: ticksOf(context, {
      lake,
      warehouse: faulty,
      asking,
      chain: await chainToCollect({}, context, lake, undefined),
      canonical: undefined,
      firstSlot,
      stop: stop.signal,
    }),
  };
}

test("a tick that fails is told of and counted, and the next one goes on; where the first fails already, it is thrown", async (t) => {
  t.timeout(240_000);
  let fails = true;
  const { clock, tick } = await ticksInProcess(t, (load) => async (...args) => {
    if (fails) throw new UserError("the warehouse is full");
    return load(...args);
  });
  await t.throwsAsync(tick, { message: "the warehouse is full" });
  const metrics = new FollowMetrics();
  const printed: string[] = [];
  const said: string[] = [];
  const logged: string[] = [];
  const people = linesForPeople(
    (line) => void printed.push(line),
    (line) => void said.push(line),
  );
  const quiet = linesForPrograms(true, { write: (line) => void logged.push(line) });
  const noted = async (): Promise<TickReport> => {
    const report = await tick();
    metrics.add(report);
    people.tick({ ...report, seconds: 2 }, Date.UTC(2026, 10, 29, 12, 5));
    quiet.tick(report, clock.now());
    clock.advance(300_000);
    return report;
  };
  fails = false;
  const first = await noted();
  fails = true;
  const second = await noted();
  fails = false;
  const third = await noted();
  t.deepEqual(
    [first, second, third].map(({ outcome }) => outcome),
    ["done", "failed", "done"],
  );
  t.true(third.range.last > first.range.last, "slots have settled meanwhile");
  t.is(said.length, 1);
  t.is(said[0], "tick failed in 2.0 s: the warehouse is full; next tick at 2026-11-29 12:05:00 UTC");
  t.is(printed.length, 2);
  t.regex(
    printed[0] ?? "",
    /^tick done in 2\.0 s: \d+ slots covered, [\d,]+ rows, [\d,]+ loaded; 0 slots missing; next tick at 2026-11-29 12:05:00 UTC$/,
  );
  t.deepEqual(
    logged.map((line) => (JSON.parse(line) as { severity: string; fault: string }).fault),
    ["the warehouse is full"],
    "quiet leaves the fault alone",
  );
  const { body } = await metrics.text();
  t.true(body.includes('\nmev_boost_etl_tick_total{dataset="bids",outcome="done"} 2\n'), body);
  t.true(body.includes('\nmev_boost_etl_tick_total{dataset="bids",outcome="failed"} 1\n'), body);
  t.true(body.includes("\nmev_boost_etl_errors_total 1\n"), body);
  const covered = third.coverage.find(({ dataset }) => dataset === "bids")?.covered;
  t.true(body.includes(`\nmev_boost_etl_covered{dataset="bids",relay="lapwing"} ${covered}\n`), body);
});

test("/health is 503 when no tick has ended for too long, /ready after one that failed and while it stops", async (t) => {
  const state: FollowState = { endedMs: undefined, endedWell: false, stopping: false };
  let now = 0;
  const server = await serveFollow({
    address: { host: "127.0.0.1", port: 0 },
    metrics: new FollowMetrics(),
    state,
    monotonic: () => now,
    hungAfterMs: 900_000,
  });
  t.teardown(async () => server.close());
  const codes = async () => [
    (await at(`${server.url}/health`)).status,
    (await at(`${server.url}/ready`)).status,
  ];
  t.deepEqual(await codes(), [200, 503]);
  now = 900_001;
  t.deepEqual(await codes(), [503, 503], "the first tick hangs");
  Object.assign(state, { endedMs: now, endedWell: true });
  t.deepEqual(await codes(), [200, 200]);
  state.endedWell = false;
  t.deepEqual(await codes(), [200, 503], "the last tick failed");
  Object.assign(state, { endedWell: true, stopping: true });
  t.deepEqual(await codes(), [200, 503]);
});
