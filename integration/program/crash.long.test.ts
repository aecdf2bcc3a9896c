import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { SEED, examples } from "../../runtime/seeds.testing.ts";
import { Random } from "../../runtime/simulator/random.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { bundled } from "./bundled.ts";
import { compareTables } from "./compare.ts";
import { NOW, hastyClock } from "./line.ts";
import type { WorkerOptions } from "./worker.ts";

const KILLS = examples(8, 50);
/** The phases that must each be hit, and how often at least. */
const PHASES = ["quarantine-write", "chunk-replace", "load-transaction"];
const HITS = examples(1, 3);

async function setUp(t: ExecutionContext) {
  t.timeout(1_200_000);
  const seed = SEED;
  const simulator = await startSimulator({
    seed,
    faults: "none",
    clock: hastyClock(),
    scale: 0.05,
    record: false,
  });
  t.teardown(() => simulator.close());
  const folder = mkdtempSync(join(tmpdir(), "etl-crash-"));
  const network = simulatedNetwork(seed);
  const last = settledSlot(network, NOW);
  const options = {
    seed,
    base: simulator.url,
    lake: join(folder, "lake"),
    warehouse: join(folder, "warehouse.duckdb"),
    last,
  };
  const truth = async () => {
    const clock = hastyClock();
    const lake = openFolderLake(options.lake, network.name);
    const warehouse = openDuckDb(options.warehouse, network, { clock, log: silentLog });
    const comparison = await compareTables(lake, warehouse, simulator.truth);
    await warehouse.close();
    return comparison;
  };
  const missing = async (first: number) => {
    const lake = openFolderLake(options.lake, network.name);
    let count = 0;
    for (const relay of simulator.relays.filter(({ state }) => state === "active")) {
      for (const name of AUCTION) {
        count += (
          await coverageOf(lake, { network, range: { first, last }, nowMs: NOW }, relay, name, () => count++)
        ).missing;
      }
    }
    return count;
  };
  return { worker: await bundled("worker"), folder, options, last, truth, missing };
}

async function ended(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}

const start = (worker: string, options: WorkerOptions) =>
  fork(worker, [JSON.stringify(options)], { execArgv: [] });

test(`after ${KILLS} kills through every phase one clean run ends in exactly the truth, and nothing is left over`, async (t) => {
  const { worker, folder, options, last, truth, missing } = await setUp(t);
  const random = new Random(SEED);
  const hits = new Map(PHASES.map((point) => [point, 0]));
  let kills = 0;
  // Every try reaches a few slots further back, so that there is always something left to do.
  let first = last - 8;
  for (let tries = 0; kills < KILLS && tries < 4 * KILLS; tries++, first -= 2) {
    const wanting = PHASES.filter((point) => (hits.get(point) ?? 0) < HITS);
    const point = wanting[tries % wanting.length];
    const die = point === undefined ? {} : { die: { point, time: 1 + (tries % 2) } };
    const child = start(worker, { ...options, first, ...die });
    const exit = ended(child);
    if (point === undefined) {
      await once(child, "message");
      const timer = setTimeout(() => child.kill("SIGKILL"), random.below(500));
      await exit;
      clearTimeout(timer);
    }
    if ((await exit) !== "SIGKILL") continue;
    kills++;
    if (point !== undefined) hits.set(point, (hits.get(point) ?? 0) + 1);
  }
  t.is(kills, KILLS);
  t.deepEqual(
    [...hits.values()],
    PHASES.map(() => HITS),
  );

  t.is(await ended(start(worker, { ...options, first })), 0);
  t.is(await missing(first), 0);
  const { slots, rows, differences } = await truth();
  t.deepEqual(differences, []);
  t.true(slots >= 20 * KILLS && rows > 1000, `${slots} slots, ${rows} rows`);
  const left = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => !/(^|\/)[a-z0-9][^/]*$/.test(name) || /\.(wal|tmp)$/.test(name),
  );
  t.deepEqual(left, []);
});

test("two collectors at once on one lake and one warehouse end in exactly the truth", async (t) => {
  const { worker, options, last, truth, missing } = await setUp(t);
  const first = last - 63;
  const both = [start(worker, { ...options, first }), start(worker, { ...options, first })];
  t.deepEqual(await Promise.all(both.map(ended)), [0, 0]);
  t.is(await missing(first), 0);
  t.deepEqual((await truth()).differences, []);
});
