import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Clock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { slotAt, ORDERS } from "../../runtime/chain/slots.ts";
import { type Coverage, coverageOf } from "../../runtime/collect/coverage.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { FAULT_PLANS, without } from "../../runtime/simulator/faults.ts";
import { Random } from "../../runtime/simulator/random.ts";
import { type RequestRecord, type Simulator, startSimulator } from "../../runtime/simulator/server.ts";
import type { TruthOptions } from "../../runtime/simulator/truth.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { BACKLOAD_DEFAULTS } from "../../stacks/backloadConfig.ts";
import type { BackloadWorkerMessage, BackloadWorkerOptions } from "./backloadWorker.ts";
import { bundled } from "./bundled.ts";
import { compareLake, compareTables } from "./compare.ts";
import { fastClock } from "./fastClock.ts";
import { NOW } from "./line.ts";

const SLOTS = 1024;
const WORKERS = 4;
const KILLS_EACH = 2;
/** A relay of each kind of server; merlin forgets. */
const RELAYS = ["heron", "osprey", "swift", "lapwing", "wren", "merlin"];
const FORGETS = "merlin";
/** All that can be seen. */
const PLAN = without(FAULT_PLANS.all, "short", "late", "always-cut", "page-hole");
/** Tries that a Job gives a shard. */
const MAX_TRIES = 1 + BACKLOAD_DEFAULTS.retries;
/** What one process's search for a horizon takes at most, with the empties that gave rise to it. */
const PROBE = 90;

interface Ended {
  readonly code: number | null;
  readonly peakMb: number;
}

/** A worker's process; killed with -9 once it has sent so many requests, where that is given. */
async function work(entry: string, options: BackloadWorkerOptions, killAt?: number): Promise<Ended> {
  const child: ChildProcess = fork(entry, [JSON.stringify(options)], { execArgv: [] });
  let peakMb = 0;
  child.on("message", (message: BackloadWorkerMessage) => {
    if ("outcome" in message) peakMb = message.peakMb;
    else if (killAt !== undefined && message.requests >= killAt) child.kill("SIGKILL");
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return { code, peakMb };
}

/** Runs a worker again and again, as the Job does and with its waiting times, until it is done. */
async function workUntilDone(start: () => Promise<Ended>, clock: Clock): Promise<Ended> {
  let ended = await start();
  for (let tries = 1; tries < MAX_TRIES && ended.code !== 0; tries++) {
    // kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy: 10 s, doubled up to 6 minutes.
    await clock.sleep(Math.min(10_000 * 2 ** (tries - 1), 360_000));
    ended = await start();
  }
  return ended;
}

function setUp(seed: number, simulator: Simulator, origin: number) {
  const network = simulatedNetwork(seed);
  const folder = mkdtempSync(join(tmpdir(), "etl-backload-"));
  const last = slotAt(network, NOW) - 50;
  const range = { first: last - SLOTS + 1, last };
  const common = {
    seed,
    base: simulator.url,
    relays: RELAYS,
    lake: join(folder, "lake"),
    range,
    origin,
  };
  const relays = simulator.relays.filter(({ name }) => RELAYS.includes(name));
  const lake = openFolderLake(common.lake, network.name);
  const clock = fastClock(origin);
  const coverage = async () => {
    const rows = [];
    for (const relay of relays) {
      for (const name of AUCTION) {
        const onFault = (fault: string): never => {
          throw new Error(fault);
        };
        rows.push(await coverageOf(lake, { network, range, nowMs: clock.now() }, relay, name, onFault));
      }
    }
    return rows;
  };
  return { network, folder, range, common, relays, lake, clock, coverage };
}

/** A simulator of which one relay forgets, with all that it is asked. */
async function startForgetful(t: ExecutionContext, seed: number, origin: number) {
  const head = slotAt(simulatedNetwork(seed), NOW);
  // Somewhere inside the range, and between two of the times at which it forgets.
  const keepsSlots = { [FORGETS]: 50 + Math.floor(SLOTS * (0.3 + (seed % 100) / 250)) };
  const requests: RequestRecord[] = [];
  const options: TruthOptions = { seed, clock: fastClock(origin), scale: 0.02, head, keepsSlots };
  const onRequest = (request: RequestRecord) => void requests.push(request);
  const simulator = await startSimulator({ ...options, faults: PLAN, record: false, onRequest });
  t.teardown(() => simulator.close());
  return { simulator, requests };
}

/** A lake's tables in a new warehouse, compared with the truth. */
async function loadedTables(
  { network, folder, relays, lake, clock }: ReturnType<typeof setUp>,
  { truth }: Simulator,
) {
  const warehouse = openDuckDb(join(folder, "warehouse.duckdb"), network, { clock, log: silentLog });
  await warehouse.load(lake, relays);
  const comparison = await compareTables(lake, warehouse, truth);
  await warehouse.close();
  return comparison;
}

/** All that a relay keeps is covered, and what lies below its horizon is unavailable. */
function isWhatIsKept(t: ExecutionContext, row: Coverage, { truth }: Simulator): void {
  const { relay, dataset, slots, covered, unavailable, first_slot } = row;
  const oldest = relay === FORGETS ? (truth.horizon(relay, dataset) ?? 0) : 0;
  const gone = Math.max(0, oldest - (first_slot ?? 0));
  t.deepEqual(
    { relay, dataset, covered, unavailable },
    { relay, dataset, covered: slots - gone, unavailable: gone },
  );
}

test("after kills of every worker, one of them never started again until the end, lake and tables equal the truth", async (t) => {
  t.timeout(1_200_000);
  const seed = SEED;
  const random = new Random(seed);
  const origin = Date.now();
  const order = ORDERS[seed % 2] ?? "newest";
  const { simulator, requests } = await startForgetful(t, seed, origin);
  const parts = setUp(seed, simulator, origin);
  const { network, range, common, lake, clock, coverage } = parts;
  const horizon = simulator.truth.horizon(FORGETS, "bids") ?? Infinity;
  t.true(horizon > range.first && horizon < range.last, `${horizon} lies in the range`);
  const entry = await bundled("backloadWorker");

  const horizonFile = join(common.lake, network.name, "bids", `relay=${FORGETS}`, "horizon.json");
  // Who starts without knowing the horizon may look for it; what it found is lost when it is killed before it was written.
  let searches = 0;
  const start = (index: number, killAt?: number): Promise<Ended> => {
    if (!existsSync(horizonFile)) searches++;
    return work(entry, { ...common, order, shard: { index, count: WORKERS } }, killAt);
  };
  let kills = 0;
  const killedWorker = async (index: number): Promise<Ended> => {
    let mine = 0;
    for (let tries = 0; tries < MAX_TRIES && mine < KILLS_EACH; tries++) {
      const killAt = 1 + random.below(mine === 0 ? 400 : 1000);
      if ((await start(index, killAt)).code === null) mine++;
    }
    kills += mine;
    return index === absent ? { code: 0, peakMb: 0 } : workUntilDone(() => start(index), clock);
  };
  const absent = seed % WORKERS;
  const ended = await Promise.all(Array.from({ length: WORKERS }, (_, index) => killedWorker(index)));
  for (const { code } of ended) t.is(code, 0);
  t.is(kills, WORKERS * KILLS_EACH);
  t.true(
    (await coverage()).some(({ missing }) => missing > 0),
    "the absent worker's slots are missing, and said so",
  );
  const late = await workUntilDone(() => start(absent), clock);
  t.is(late.code, 0);
  for (const row of await coverage()) t.is(row.missing, 0, `${row.relay} ${row.dataset}`);
  const asked = requests.length;

  const comparison = await compareLake(lake, simulator.truth);
  t.deepEqual(comparison.differences, []);
  t.deepEqual((await loadedTables(parts, simulator)).differences, []);

  for (const row of await coverage()) isWhatIsKept(t, row, simulator);
  t.true(existsSync(horizonFile));
  // Questions: a request that a fault met is sent again, how often depends on the machine.
  const below = requests
    .slice(0, asked)
    .filter(({ fault }) => fault === undefined)
    .filter(({ relay, dataset, slot }) => relay === FORGETS && dataset === "bids" && (slot ?? 0) < horizon);
  t.true(
    below.length <= searches * PROBE,
    `${below.length} requests below the horizon, which ${searches} processes didn't know`,
  );
  t.log(
    `${order} first, ${asked} requests, ${kills} kills, ${below.length} asks below a horizon of ${horizon - range.first} slots by ${searches} processes that didn't know it; ` +
      `${comparison.slots} slots and ${comparison.rows} rows compared; peak ${Math.max(...ended.map(({ peakMb }) => peakMb)).toFixed(0)} MB`,
  );
});
