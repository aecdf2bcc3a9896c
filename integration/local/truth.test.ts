import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { DATASET_NAMES } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { FAULT_PLANS, type FaultPlan, without } from "../../runtime/simulator/faults.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb.ts";
import { compareLake, compareTables } from "./compare.ts";
import { NOW, hastyClock, lineOf } from "./line.ts";

/** Any seed will do; a run that fails names its own. ETL_TEST_SEED repeats it. */
const seeds = process.env["ETL_TEST_SEED"]
  ? [Number(process.env["ETL_TEST_SEED"])]
  : Array.from({ length: 3 }, () => Math.floor(Math.random() * 2 ** 31));

/** Runs that are enough for every fault of the plan to have passed; the long ones last an hour of the simulated time. */
const MAX_RUNS = 40;

async function setUp(seed: number, faults: FaultPlan) {
  const clock = hastyClock();
  const folder = mkdtempSync(join(tmpdir(), "etl-truth-"));
  const simulator = await startSimulator({ seed, faults, clock, scale: 0.1, record: false });
  const lake = openFolderLake(join(folder, "lake"), `simulated-${seed}`);
  const line = lineOf(seed, simulator.relays, lake, clock);
  const warehouse = openDuckDb(join(folder, "warehouse.duckdb"), line.network, { clock, log: silentLog });
  const last = settledSlot(line.network, NOW);
  const range = { first: last - 39, last };
  const missing = async () => {
    let count = 0;
    for (const relay of simulator.relays.filter(({ state }) => state === "active")) {
      for (const name of DATASET_NAMES) {
        const coverage = await coverageOf(lake, line.network, relay, name, range, clock.now(), (fault) => {
          throw new Error(fault);
        });
        count += coverage.missing;
      }
    }
    return count;
  };
  return { clock, simulator, lake, line, warehouse, range, missing };
}

for (const seed of seeds) {
  test(`seed ${seed}: under every fault that can be seen no slot is ever covered with other rows, and in the end all are covered`, async (t) => {
    const plan = without(FAULT_PLANS.harsh, "short", "late");
    const { clock, simulator, lake, line, warehouse, range, missing } = await setUp(seed, plan);
    t.teardown(() => simulator.close());
    let runs = 0;
    do {
      await line.run(range);
      await clock.sleep(10 * 60_000);
      const { differences } = await compareLake(lake, simulator.truth);
      t.deepEqual(differences, []);
    } while ((await missing()) > 0 && ++runs < MAX_RUNS);
    t.is(await missing(), 0, `after ${runs} runs`);
    await warehouse.load(lake, simulator.relays);
    const { slots, rows, refused, differences } = await compareTables(lake, warehouse, simulator.truth);
    t.deepEqual(differences, []);
    t.true(
      slots >= 10 * 2 * 40 && rows > 1000 && refused > 0,
      `${slots} slots, ${rows} rows, ${refused} refused`,
    );
    t.is((await warehouse.load(lake, simulator.relays)).rows, 0, "a second load finds nothing new");
    await warehouse.close();
  });

  test(`seed ${seed}: what short and late answers left out is there after a recheck, in the lake and in the tables`, async (t) => {
    const { clock, simulator, lake, line, warehouse, range, missing } = await setUp(seed, FAULT_PLANS.harsh);
    t.teardown(() => simulator.close());
    let runs = 0;
    do {
      await line.run(range);
      await clock.sleep(10 * 60_000);
      await warehouse.load(lake, simulator.relays);
    } while ((await missing()) > 0 && ++runs < MAX_RUNS);
    const before = await compareLake(lake, simulator.truth);
    t.true(before.differences.length > 0, "the faults left nothing out: this test shows nothing");
    for (let rechecks = 0; rechecks < 6; rechecks++) {
      const tallies = await line.recheck(range);
      await clock.sleep(10 * 60_000);
      if (
        tallies.every(
          ({ bids, payloads }) => bids.failed + payloads.failed + bids.differing + payloads.differing === 0,
        )
      )
        break;
    }
    await warehouse.load(lake, simulator.relays);
    t.deepEqual((await compareTables(lake, warehouse, simulator.truth)).differences, []);
    await warehouse.close();
  });
}
