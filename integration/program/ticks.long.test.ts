import test from "ava";
import { type SlotRange, slotCount } from "../../runtime/chain/slots.ts";
import { isSampled } from "../../runtime/collect/reread.ts";
import { takeableSlot } from "../../runtime/tick/windows.ts";
import { AUCTION, type DatasetName } from "../../runtime/datasets/dataset.ts";
import { bids } from "../../runtime/datasets/bids.ts";
import { type Lake, isBad } from "../../runtime/lake/lake.ts";
import { SEED, examples } from "../../runtime/seeds.testing.ts";
import { FAULT_PLANS, without } from "../../runtime/simulator/faults.ts";
import type { RequestRecord } from "../../runtime/simulator/server.ts";
import { compareLake, compareTables } from "./compare.ts";
import { counted } from "./counted.ts";
import { SOON_GIVEN_UP } from "./line.ts";
import { TICK_MS, folders, ticking } from "./ticking.ts";

const HOUR = 3_600_000;
/** Slots that settle in an hour. */
const SLOTS_AN_HOUR = 300;

/** What no single answer can show: lists that end too early, and payloads that are on no page. */
const UNSEEN = ["short", "late", "always-cut", "page-hole"] as const;
const HOURS = examples(2, 24);

test(`${HOURS} hours of ticks under every fault and spell that can be seen: never covered with other rows; when they have passed and every age has doubled, all is covered, in the tables too`, async (t) => {
  t.timeout(3_600_000);
  const seen = without(FAULT_PLANS.all, ...UNSEEN);
  // Each takes the machine's own time until it is given up.
  const plan = { ...seen, rates: { ...seen.rates, hang: 0.0002, drip: 0.0002 } };
  const names = ["osprey", "wren"];
  const ticks = await ticking(t, {
    seed: SEED,
    names,
    before: 64,
    after: HOURS * SLOTS_AN_HOUR,
    faults: plan,
    relayLimits: SOON_GIVEN_UP,
    // A prime number: both services, and both parts of their loads, have their turn.
    oneLoadIn: 23,
    simulator: { record: false },
  });
  const { clock, range, lake, warehouse } = ticks;
  for (let hour = 1; hour <= HOURS; hour++) {
    await ticks.tickFor(HOUR);
    await ticks.isTrue(`after ${hour} hours`);
    // Spells have ended by now; others begin.
    if (hour % 2 === 0 && hour < HOURS) await ticks.replace(plan);
  }
  const { covered, slots } = sumOf(await ticks.coverage());
  t.log(`${covered} of ${slots} slots covered while faults strike`);
  await ticks.replace(FAULT_PLANS.none);
  await ticks.tickFor(2 * TICK_MS);
  // A slot without an answer is asked for again before its age has doubled; a busy machine may leave one unanswered once more.
  for (let round = 0; round < 3 && sumOf(await ticks.coverage()).missing > 0; round++) {
    await clock.sleep((HOURS + 1) * 2 ** round * HOUR);
    await ticks.tickFor(3 * TICK_MS);
  }
  await ticks.isTrue("when the faults have passed");
  await warehouse.load(lake, ticks.relays);
  for (const { relay, dataset, covered, missing, unproven } of await ticks.coverage()) {
    const of = `${relay} ${dataset}: ${(await uncovered(lake, dataset, relay, range)).join(" ")}`;
    t.deepEqual({ covered, missing, unproven }, { covered: slotCount(range), missing: 0, unproven: 0 }, of);
  }
  const { rows, differences } = await compareTables(lake, warehouse, ticks.simulator.truth);
  t.deepEqual(differences, []);
  t.log(`${rows} rows`);
});

test("a relay that shows nothing: each new slot is asked for once, and no more than four witnesses a tick and dataset", async (t) => {
  t.timeout(3_600_000);
  const hours = examples(2, 24);
  const ticks = await ticking(t, {
    seed: SEED,
    names: ["quiet"],
    before: 32,
    after: hours * SLOTS_AN_HOUR,
    faults: "none",
    oneLoadIn: 23,
  });
  const { clock, range, simulator, network } = ticks;
  let known = range.first - 1;
  for (let n = 0; n < (hours * HOUR) / TICK_MS; n++) {
    const takeable = takeableSlot(network, bids, clock.now());
    const before = simulator.requests.length;
    await ticks.tickFor(TICK_MS);
    const asked = simulator.requests.slice(before);
    const ofBids = asked.filter(({ dataset }) => dataset === "bids").length;
    // Payloads have witnesses among the bids, too.
    t.true(ofBids <= takeable - known + 2 * 4, `tick ${n}: ${ofBids} for ${takeable - known} new slots`);
    // Its newest payload, and two pages.
    t.true(asked.length - ofBids <= 3, `tick ${n}: ${asked.length - ofBids} for payloads`);
    known = takeable;
  }
  t.like(sumOf(await ticks.coverage()), { covered: 0 });
});

test("ticks read one slot in fifty again, once, an hour or more later; else a settled lake costs no question; a chunk of bids is written once", async (t) => {
  t.timeout(3_600_000);
  let writes: ReadonlyMap<string, number> = new Map();
  // Relays without extras, which would be asked for in the first tick of each hour.
  const names = ["heron", "swift"];
  const ticks = await ticking(t, {
    seed: SEED,
    names,
    before: 160,
    after: 60,
    faults: "none",
    places: (clock) => {
      const { lake, warehouse } = folders(SEED)(clock);
      const counting = counted(lake);
      writes = counting.writes;
      return { lake: counting.lake, warehouse };
    },
  });
  const { clock, simulator, range } = ticks;
  const keyOf = ({ relay, dataset, slot }: RequestRecord) => `${relay} ${dataset} ${slot}`;
  await ticks.tickFor(HOUR / 2);
  const read = simulator.requests.length;
  const readAt = clock.monotonic();
  await ticks.tickFor(2 * HOUR);
  const again = simulator.requests.slice(read);
  const sample = Array.from({ length: range.last - range.first + 1 }, (_, i) => range.first + i).filter(
    isSampled,
  );
  t.deepEqual(
    again.map(keyOf).toSorted(),
    names
      .flatMap((relay) => AUCTION.flatMap((dataset) => sample.map((slot) => `${relay} ${dataset} ${slot}`)))
      .toSorted(),
  );
  const firstAsked = new Map(
    simulator.requests
      .slice(0, read)
      .toReversed()
      .map((record) => [keyOf(record), record.at]),
  );
  for (const record of again) t.true(record.at - (firstAsked.get(keyOf(record)) ?? 0) >= HOUR, keyOf(record));
  await ticks.tickFor(HOUR);
  t.is(simulator.requests.length, read + again.length, "a settled lake is asked for nothing");
  t.log(`${read} questions, ${again.length} again, ${(clock.monotonic() - readAt) / HOUR} hours`);
  for (const { relay, dataset, missing, reread } of await ticks.coverage())
    t.like({ missing, ...reread }, { missing: 0, slots: sample.length, differing: 0 }, `${relay} ${dataset}`);
  for (const [chunk, times] of writes) if (chunk.startsWith("bids ")) t.is(times, 1, chunk);
});

test("a relay that shows its last rows late: where the sample shows it, all of the day is read again, once, and its rows are there", async (t) => {
  t.timeout(3_600_000);
  const ticks = await ticking(t, {
    seed: SEED,
    names: ["heron", "swift"],
    before: 256,
    after: 0,
    faults: { rates: {}, relays: { swift: { late: 0.9 } } },
  });
  const { lake, simulator } = ticks;
  await ticks.tickFor(TICK_MS);
  // Payloads are read by two questions anyway: what both leave out, few slots of a sample show.
  const wrong = async () =>
    (await compareLake(lake, simulator.truth)).differences.filter((one) => one.startsWith("bids ")).length;
  t.true((await wrong()) > 100, "the faults left little out");
  // Of a relay's day 40 slots a tick are read again, and none of a chunk that was written within the hour.
  await ticks.tickFor(3 * HOUR);
  t.is(await wrong(), 0);
  const read = await ticks.coverage();
  for (const { relay, dataset, slots, reread } of read) {
    t.log(`${relay} ${dataset}: ${JSON.stringify(reread)}`);
    if (relay === "heron") t.true(reread.slots < slots / 20 && reread.differing === 0);
    else if (dataset === "bids") t.true(reread.differing > slots / 2 && reread.rows_gained > slots);
  }
  await ticks.tickFor(HOUR);
  t.deepEqual(
    (await ticks.coverage()).map(({ reread }) => reread),
    read.map(({ reread }) => reread),
    "once",
  );
});

/** The slots of a range that no chunk covers. */
async function uncovered(
  lake: Lake,
  dataset: DatasetName,
  relay: string,
  range: SlotRange,
): Promise<number[]> {
  const covered = new Set<number>();
  for await (const entry of lake.list(dataset, relay, range))
    if (!isBad(entry)) for (const slot of entry.meta.covered.slots()) covered.add(slot);
  const slots = Array.from({ length: slotCount(range) }, (_, i) => range.first + i);
  return slots.filter((slot) => !covered.has(slot));
}

function sumOf(coverage: readonly { slots: number; covered: number; missing: number; suspect: number }[]) {
  const sum = { slots: 0, covered: 0, missing: 0, suspect: 0 };
  for (const one of coverage) {
    sum.slots += one.slots;
    sum.covered += one.covered;
    sum.missing += one.missing;
    sum.suspect += one.suspect;
  }
  return sum;
}
