import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import type { Counts } from "../../runtime/collect/tally.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { KERNEL_SWITCH } from "../../runtime/kernel/switch.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { FAULT_PLANS, type FaultPlan, without } from "../../runtime/simulator/faults.ts";
import { type Simulator, startSimulator } from "../../runtime/simulator/server.ts";
import { SPELLS_END_MS } from "../../runtime/simulator/spellDraw.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { compareLake, compareTables } from "./compare.ts";
import { NOW, SOON_GIVEN_UP, hastyClock, lineOf } from "./line.ts";

const seed = SEED;

/** Runs that are enough for every fault of the plan to have passed; the long ones last an hour of the simulated time. */
const MAX_RUNS = 40;
/** The simulated time between two runs, ms: drawn spells end within seven of them. */
const BETWEEN_RUNS_MS = 10 * 60_000;
const RUNS_UNDER_SPELLS = SPELLS_END_MS / BETWEEN_RUNS_MS + 1;
/** What no single answer can show: lists that end too early, and payloads that are on no page. */
const UNSEEN = ["short", "late", "always-cut", "page-hole"] as const;

async function setUp(t: ExecutionContext, seed: number, faults: FaultPlan) {
  t.timeout(1_200_000);
  const clock = hastyClock();
  const folder = mkdtempSync(join(tmpdir(), "etl-truth-"));
  const simulated = async (plan: FaultPlan) => {
    const simulator = await startSimulator({ seed, faults: plan, clock, scale: 0.1, record: false });
    t.teardown(() => simulator.close());
    return simulator;
  };
  const simulator = await simulated(faults);
  const lake = openFolderLake(join(folder, "lake"), `simulated-${seed}`);
  const lineTo = ({ relays }: Simulator) =>
    lineOf(seed, relays, lake, clock, { limitsOf: () => SOON_GIVEN_UP });
  const line = lineTo(simulator);
  const warehouse = openDuckDb(join(folder, "warehouse.duckdb"), line.network, { clock, log: silentLog });
  const last = settledSlot(line.network, NOW);
  const range = { first: last - 39, last };
  const missing = async () => {
    let count = 0;
    for (const relay of simulator.relays.filter(({ state }) => state === "active")) {
      for (const name of AUCTION) {
        const coverage = await coverageOf(
          lake,
          { network: line.network, range, nowMs: clock.now() },
          relay,
          name,
          (fault) => {
            throw new Error(fault);
          },
        );
        count += coverage.missing;
      }
    }
    return count;
  };
  const isTrue = async (when: string) =>
    void t.deepEqual((await compareLake(lake, simulator.truth)).differences, [], when);
  /** After the faults have ended, three runs make everything covered and equal. */
  const endsComplete = async () => {
    const sound = lineTo(await simulated(FAULT_PLANS.none));
    for (let run = 1; run <= 3; run++) {
      await sound.run(range);
      await clock.sleep(BETWEEN_RUNS_MS);
      await isTrue(`run ${run} after the faults`);
    }
    t.is(await missing(), 0, "three runs after the faults");
    await warehouse.load(lake, simulator.relays);
    const { slots, rows, refused, differences } = await compareTables(lake, warehouse, simulator.truth);
    t.deepEqual(differences, []);
    t.true(slots >= 800 && rows > 1000 && refused > 0, `${slots} slots, ${rows} rows, ${refused} refused`);
    t.is((await warehouse.load(lake, simulator.relays)).rows, 0, "a second load finds nothing new");
    await warehouse.close();
  };
  return { clock, simulator, lake, line, warehouse, range, missing, isTrue, endsComplete };
}

/** How many answers the kernel took while every fault and spell struck that can be seen, and the truth was held. */
async function takenUnderFaults(t: ExecutionContext): Promise<number> {
  const plan = without(FAULT_PLANS.all, ...UNSEEN);
  const { clock, line, range, isTrue, endsComplete } = await setUp(t, seed, plan);
  let taken = 0;
  for (let run = 1; run <= RUNS_UNDER_SPELLS; run++) {
    for (const { bids } of await line.run(range)) taken += bids.ways.kernel;
    await clock.sleep(BETWEEN_RUNS_MS);
    await isTrue(`run ${run}`);
  }
  await endsComplete();
  return taken;
}

test(`seed ${seed}: under every fault and spell that can be seen no slot is ever covered with other rows, and three runs after them all are covered`, async (t) => {
  t.true((await takenUnderFaults(t)) > 100);
});

// Before the others, which have the kernel on.
test.serial(`seed ${seed}: the same with the kernel switched off`, async (t) => {
  process.env[KERNEL_SWITCH] = "off";
  try {
    t.is(await takenUnderFaults(t), 0);
  } finally {
    delete process.env[KERNEL_SWITCH];
  }
});

test(`seed ${seed}: what short and late answers left out is there after a recheck, in the lake and in the tables`, async (t) => {
  const { clock, simulator, lake, line, warehouse, range, missing } = await setUp(t, seed, FAULT_PLANS.harsh);
  let runs = 0;
  do {
    await line.run(range);
    await clock.sleep(BETWEEN_RUNS_MS);
    await warehouse.load(lake, simulator.relays);
  } while ((await missing()) > 0 && ++runs < MAX_RUNS);
  const before = await compareLake(lake, simulator.truth);
  t.true(before.differences.length > 0, "the faults left nothing out: this test shows nothing");
  for (let rechecks = 0; rechecks < 6; rechecks++) {
    const tallies = await line.recheck(range);
    await clock.sleep(BETWEEN_RUNS_MS);
    const isQuiet = ({ failed, unanswered, differing }: Counts) =>
      failed + unanswered.length + differing === 0;
    if (tallies.every(({ bids, payloads }) => isQuiet(bids) && isQuiet(payloads))) break;
  }
  await warehouse.load(lake, simulator.relays);
  t.deepEqual((await compareTables(lake, warehouse, simulator.truth)).differences, []);
  await warehouse.close();
});
