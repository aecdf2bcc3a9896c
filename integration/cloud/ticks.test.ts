import test from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { slotCount } from "../../runtime/chain/slots.ts";
import { FAULT_PLANS, without } from "../../runtime/simulator/faults.ts";
import { compareTables } from "../program/compare.ts";
import { SOON_GIVEN_UP, hastyClock } from "../program/line.ts";
import { TICK_MS, ticking } from "../program/ticking.ts";
import { startCloud } from "./cloud.ts";
import { seed } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

const HOUR = 3_600_000;
/** Two in an ordinary run; `ETL_TEST_HOURS=24` is the day that `ticks.long.test.ts` has in a folder and DuckDB. */
const HOURS = Number(process.env["ETL_TEST_HOURS"] ?? 2);

test("ticks of both services under every fault and spell that can be seen: the bucket never holds other rows; afterwards all is covered, in BigQuery too", async (t) => {
  t.timeout(HOURS * 600_000);
  t.log(`seed ${seed}`);
  const project = await cloud.project(t);
  const network = simulatedNetwork(seed);
  const seen = without(FAULT_PLANS.all, "short", "late", "always-cut", "page-hole");
  const names = ["osprey", "wren"];
  const ticks = await ticking(t, {
    seed,
    names,
    before: 64,
    after: HOURS * 300,
    // Who hangs takes the machine's own time until it is given up.
    faults: { ...seen, rates: { ...seen.rates, hang: 0.0002, drip: 0.0002 } },
    relayLimits: SOON_GIVEN_UP,
    oneLoadIn: 7,
    simulator: { record: false },
    places: (clock) => ({
      lake: project.lake(network),
      // Time stands still for ticks while BigQuery's jobs are waited for.
      warehouse: project.warehouse(network, { ...hastyClock(), now: () => clock.now() }, "create"),
    }),
  });
  const { clock, range, lake, warehouse, relays } = ticks;
  t.teardown(async () => warehouse.close());
  for (let hour = 1; hour <= HOURS; hour++) {
    await ticks.tickFor(HOUR);
    await ticks.isTrue(`after ${hour} hours`);
  }
  await ticks.replace(FAULT_PLANS.none);
  const missing = async () => (await ticks.coverage()).reduce((sum, coverage) => sum + coverage.missing, 0);
  for (let round = 0; round < 3 && (await missing()) > 0; round++) {
    await clock.sleep((HOURS + 1) * 2 ** round * HOUR);
    await ticks.tickFor(3 * TICK_MS);
  }
  await ticks.isTrue("when the faults have passed");
  for (const { relay, dataset, covered } of await ticks.coverage())
    t.is(covered, slotCount(range), `${relay} ${dataset}`);
  t.deepEqual((await warehouse.load(lake, relays)).failed, []);
  const { rows, differences } = await compareTables(lake, warehouse, ticks.simulator.truth);
  t.deepEqual(differences, []);
  t.log(`${rows} rows`);
});
