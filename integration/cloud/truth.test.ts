import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { silentLog } from "../../runtime/log.ts";
import { FAULT_PLANS } from "../../runtime/simulator/faults.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { compareLake, compareTables } from "../program/compare.ts";
import { NOW, SOON_GIVEN_UP, hastyClock, lineOf } from "../program/line.ts";
import { startCloud } from "./cloud.ts";

/** Any seed will do; a run that fails names its own. ETL_TEST_SEED repeats it. */
const seed = Number(process.env["ETL_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const MAX_RUNS = 40;
const SLOTS = 20;

const cloud = await startCloud();
test.after.always(() => cloud.close());

test(`seed ${seed}: under harsh faults and a recheck, lake, BigQuery and DuckDB end equal to the truth, field by field`, async (t) => {
  t.timeout(900_000);
  const clock = hastyClock();
  const faults = FAULT_PLANS.harsh;
  const simulator = await startSimulator({ seed, faults, clock, scale: 0.05, record: false });
  t.teardown(() => simulator.close());
  const project = await cloud.project(t);
  const network = simulatedNetwork(seed);
  const lake = project.lake(network);
  const line = lineOf(seed, simulator.relays, lake, clock, { limitsOf: () => SOON_GIVEN_UP });
  const bigQuery = project.warehouse(network, clock, "create");
  const file = join(mkdtempSync(join(tmpdir(), "etl-cloud-truth-")), "warehouse.duckdb");
  const duckDb = openDuckDb(file, network, { clock, log: silentLog });
  const last = settledSlot(network, NOW);
  const range = { first: last - SLOTS + 1, last };
  const active = simulator.relays.filter(({ state }) => state === "active");
  const missing = async () => {
    let count = 0;
    for (const relay of active)
      for (const name of AUCTION) {
        const onFault = (fault: string) => t.fail(fault);
        count += (await coverageOf(lake, { network, range, nowMs: clock.now() }, relay, name, onFault))
          .missing;
      }
    return count;
  };

  let runs = 0;
  do {
    await line.run(range);
    await clock.sleep(10 * 60_000);
    // What is loaded early is what a recheck then has to replace.
    if (runs === 0) await bigQuery.load(lake, simulator.relays);
  } while ((await missing()) > 0 && ++runs < MAX_RUNS);
  t.is(await missing(), 0);
  const before = await compareLake(lake, simulator.truth);
  t.true(before.differences.length > 0, "the faults left nothing out: the recheck shows nothing");
  for (let rechecks = 0; rechecks < 6; rechecks++) {
    const tallies = await line.recheck(range);
    await clock.sleep(10 * 60_000);
    if (rechecks === 0) await bigQuery.load(lake, simulator.relays);
    const unsure = ({ failed, differing }: { failed: number; differing: number }) => failed + differing > 0;
    if (!tallies.some(({ bids, payloads }) => unsure(bids) || unsure(payloads))) break;
  }

  await duckDb.load(lake, simulator.relays);
  t.deepEqual((await bigQuery.load(lake, simulator.relays)).failed, []);
  for (const warehouse of [bigQuery, duckDb]) {
    const { slots, rows, refused, differences } = await compareTables(lake, warehouse, simulator.truth);
    t.deepEqual(differences, [], warehouse.url);
    t.true(slots >= 10 * 2 * SLOTS && rows > 1000 && refused > 0);
    t.log(`${warehouse.url}: ${slots} slots, ${rows} rows, ${refused} refused`);
  }
  for (const table of ["bids", "payloads"])
    t.deepEqual(await ledger(bigQuery, table), await ledger(duckDb, table));
  t.deepEqual(await bigQuery.coverage(), await duckDb.coverage());
  t.is((await bigQuery.load(lake, simulator.relays)).rows, 0, "a further load finds nothing new");
  await bigQuery.close();
  await duckDb.close();
});

/** A ledger as text, without when and in how many loads it came to be. */
async function ledger(warehouse: Warehouse, dataset: string): Promise<string[]> {
  const rows = await warehouse.query(`SELECT * FROM ${dataset}_loads`);
  return rows
    .map((row) => Object.entries(row).filter(([key]) => key !== "loaded_at"))
    .map((cells) => JSON.stringify(cells))
    .sort();
}
