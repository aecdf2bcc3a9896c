import test from "ava";
import fc from "fast-check";
import { type SlotRange, slotCount, ORDERS } from "../chain/slots.ts";
import { findNetwork } from "../chain/networks.ts";
import { AUCTION } from "../datasets/dataset.ts";
import { directoryOf } from "../relays/directory.ts";
import { estimate } from "./estimate.ts";
import { expectedBids, expectedRows } from "./expectedRows.ts";
import { examples } from "../seeds.testing.ts";
import {
  type PlanInput,
  type PlannedRelay,
  UNIT_SLOTS,
  answerable,
  planShards,
  plannedRelay,
} from "./plan.ts";
import type { RelayProgress } from "./progress.ts";
import { segmentsOf, parseShard } from "./shard.ts";
import { divideRates, smaller } from "./shares.ts";

const mainnet = findNetwork("mainnet", 0) ?? { name: "mainnet", floor: 0 };
const mainnetRelays = directoryOf("mainnet").filter(({ state }) => state === "active");

const relayNames = ["flashbots", "ultrasound", "bloxroute-max-profit", "aestus", "unheard-of"];

/** Ranges of up to a million slots anywhere in mainnet's history, relays that worked in any part of them, any number of shards. */
const inputs: fc.Arbitrary<PlanInput> = fc
  .record({
    first: fc.integer({ min: mainnet.floor, max: 15_000_000 }),
    slots: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 5000, max: 1_000_000 })),
    spans: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...relayNames),
        from: fc.double({ min: -0.5, max: 1, noNaN: true }),
        length: fc.double({ min: 0, max: 2, noNaN: true }),
        keeps: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      }),
      { selector: ({ name }) => name, maxLength: 5 },
    ),
    datasets: fc.constantFrom(AUCTION, ["bids"] as const, ["payloads"] as const),
    shards: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 20, max: 5000 })),
    order: fc.constantFrom(...ORDERS),
  })
  .map(({ first, slots, spans, ...rest }) => {
    const relays = spans.map(({ name, from, length, keeps }): PlannedRelay => {
      const begins = first + Math.floor(from * slots);
      const span = { first: begins, last: begins + Math.floor(length * slots) };
      return { name, span, keeps: keeps === undefined ? undefined : Math.floor(keeps * slots) };
    });
    return { network: "mainnet", range: { first, last: first + slots - 1 }, relays, ...rest };
  });

/** The rows of a run, summed independently of the planner: slot by slot of each relay. */
function rowsOf(input: PlanInput, range: SlotRange): number {
  let rows = 0;
  for (const relay of input.relays) {
    const asked = answerable(relay, input.range);
    const bids = expectedBids(input.network, relay.name);
    for (let slot = range.first; slot <= range.last; slot++) {
      if (!asked || slot < asked.first || slot > asked.last) continue;
      const one = { first: slot, last: slot };
      const payloads = expectedRows(input.network, relay.name, "payloads", one, input.relays.length);
      rows += Math.max(
        1,
        (input.datasets.includes("bids") ? bids(slot) : 0) +
          (input.datasets.includes("payloads") ? payloads : 0),
      );
    }
  }
  return rows;
}

test("shards follow each other without hole or overlap, aligned to both datasets' chunks, the first by the order that was asked for", (t) => {
  fc.assert(
    fc.property(inputs, (input) => {
      const shards = planShards(input);
      t.is(shards.length, input.shards);
      t.deepEqual(
        shards.map(({ index }) => index),
        shards.map((_, at) => at),
      );
      const ranges = (input.order === "oldest" ? shards : shards.toReversed()).flatMap(
        ({ range }) => range ?? [],
      );
      t.is(ranges[0]?.first, input.range.first);
      t.is(ranges.at(-1)?.last, input.range.last);
      ranges.slice(1).forEach(({ first }, at) => {
        t.is(first, (ranges[at]?.last ?? 0) + 1);
        t.is(first % UNIT_SLOTS, 0);
      });
      for (const { first, last } of ranges) t.true(first <= last);
      const units =
        Math.floor(input.range.last / UNIT_SLOTS) - Math.floor(input.range.first / UNIT_SLOTS) + 1;
      t.is(
        ranges.length,
        Math.min(units, input.shards),
        "nobody goes without while there is a unit for each",
      );
    }),
    { numRuns: examples(30) },
  );
});

test("every shard's expected rows differ from the mean by at most those of the heaviest 320 slots", (t) => {
  fc.assert(
    fc.property(inputs, (input) => {
      const shards = planShards(input);
      const { first, last } = input.range;
      const units = planShards({ ...input, shards: Math.ceil((last - first + 1) / UNIT_SLOTS) + 1 });
      const heaviest = Math.max(...units.map(({ rows }) => rows));
      const total = shards.reduce((sum, { rows }) => sum + rows, 0);
      for (const { rows, index } of shards) {
        const off = Math.abs(rows - total / shards.length);
        t.true(
          off <= heaviest * (1 + 1e-9) + 1e-6,
          `shard ${index} is off by ${off}, a unit has ${heaviest}`,
        );
      }
    }),
    { numRuns: examples(30) },
  );
});

test("a shard's rows are those of its slots, relay by relay", (t) => {
  fc.assert(
    fc.property(inputs, (input) => {
      const [short] = planShards(input).filter(({ range }) => range && slotCount(range) <= 3000);
      if (!short?.range) return;
      const expected = rowsOf(input, short.range);
      // Rows are taken to be even within 320 slots; a relay's share of these may lie off their middle.
      t.true(Math.abs(short.rows - expected) <= 1e-3 * expected + 1e-6, `${short.rows}, not ${expected}`);
    }),
    { numRuns: examples(10) },
  );
});

test("the same input gives the same plan, whoever makes it", (t) => {
  fc.assert(
    fc.property(inputs, (input) => {
      const copy = JSON.parse(JSON.stringify(input), (key, value: unknown) =>
        key === "last" && value === null ? Infinity : value,
      ) as PlanInput;
      t.deepEqual(planShards(copy), planShards(input));
    }),
    { numRuns: examples(10) },
  );
});

test("ten million slots of nine relays in a thousand shards: even to 7 %, though new slots hold many times the rows of old ones", (t) => {
  const relays = mainnetRelays.map((relay) => plannedRelay(mainnet, relay));
  t.is(relays.length, 9);
  const range = { first: 4_700_567, last: 15_030_000 };
  const input = { network: "mainnet", range, relays, datasets: AUCTION, order: "newest" } as const;
  const shards = planShards({ ...input, shards: 1000 });
  const mean = shards.reduce((sum, { rows }) => sum + rows, 0) / 1000;
  for (const { rows } of shards) t.true(Math.abs(rows / mean - 1) < 0.08, `${rows} of ${mean}`);
  const [newest, oldest] = [shards[0]?.range, shards.at(-1)?.range];
  t.true(newest && oldest && slotCount(oldest) > 4 * slotCount(newest));
  t.true(mean * 1000 > 50e9 && mean * 1000 < 100e9, "fifty to a hundred billion rows, as the facts say");
});

test("expected rows pass through the published counts, and are never taken for less than nothing", (t) => {
  t.is(expectedBids("mainnet", "flashbots")(5_145_000), 300);
  t.is(expectedBids("mainnet", "flashbots")(10_360_000), 1250);
  t.is(expectedBids("mainnet", "ultrasound")(10_360_000), 2900);
  const counted = directoryOf("mainnet").map(({ name }) => expectedBids("mainnet", name)(10_360_000));
  t.true(counted.every((bids) => bids > 0));
  fc.assert(
    fc.property(fc.nat(20_000_000), fc.nat(20_000_000), (a, b) => {
      const bids = expectedBids("mainnet", "titan");
      t.true(bids(Math.min(a, b)) <= bids(Math.max(a, b)));
    }),
  );
});

test("a shard is written I/N, and everything else is refused with what to write", (t) => {
  t.deepEqual(parseShard("3/4"), { index: 3, count: 4 });
  for (const text of ["4/4", "-1/4", "1", "1/0", "a/b", "0/100001", "1/4/2", " 1/4"])
    t.throws(() => parseShard(text), { message: /give I\/N/ }, text);
  for (const shards of [0, 1.5, 100_001, Number.NaN])
    t.throws(() =>
      planShards({
        network: "mainnet",
        range: { first: 0, last: 9 },
        relays: [],
        datasets: [],
        shards,
        order: "newest",
      }),
    );
});

test("segments are the range's slots once each, newest first, cut at the same places for all", (t) => {
  fc.assert(
    fc.property(fc.nat(20_000_000), fc.integer({ min: 1, max: 300_000 }), (first, slots) => {
      const range = { first, last: first + slots - 1 };
      const segments = segmentsOf(range);
      t.is(segments[0]?.last, range.last);
      t.is(segments.at(-1)?.first, range.first);
      segments.slice(1).forEach(({ last }, at) => t.is(segments[at]?.first, last + 1));
      for (const segment of segments.slice(0, -1)) t.is(segment.first % 32_000, 0);
      t.is(
        segments.reduce((sum, range) => sum + slotCount(range), 0),
        slots,
      );
    }),
  );
});

test("workers of one address never take more than a relay's rate together, and end together", (t) => {
  const nothing = {
    read: 0,
    failed: 0,
    rows: 0,
    requests: 0,
    left: 0,
    rest: 0,
    refusals: 0,
    bytes: 0,
    borne: null,
  };
  const progress = fc.array(
    fc.option(
      fc
        .array(fc.tuple(fc.nat(1_000_000), fc.double({ min: 0, max: 1, noNaN: true })), {
          minLength: 2,
          maxLength: 2,
        })
        .map((relays) =>
          relays.map(([slots, part], at): RelayProgress => ({
            relay: `r${at}`,
            slots,
            done: Math.floor(slots * part),
            ...nothing,
          })),
        ),
      { nil: undefined },
    ),
    { minLength: 1, maxLength: 40 },
  );
  const total = (shares: readonly Readonly<Record<string, number>>[], relay: string) =>
    shares.reduce((sum, mine) => sum + (mine[relay] ?? 0), 0);
  fc.assert(
    fc.property(progress, progress, (before, after) => {
      const [a, b] = [divideRates(before), divideRates(after)];
      for (const relay of ["r0", "r1"]) {
        if (before.some((one) => one !== undefined)) t.true(Math.abs(total(a, relay) - 1) < 1e-9);
        t.true(a.every((mine) => (mine[relay] ?? 1) > 0));
        if (before.length === after.length) t.true(total(smaller(b, a), relay) <= 1 + 1e-9);
      }
    }),
  );
  const left = (slots: number) => [{ relay: "r", slots, done: 0, ...nothing }];
  const [first, second] = divideRates([left(3000), left(1000)]);
  t.true(Math.abs((first?.["r"] ?? 0) / 3000 - (second?.["r"] ?? 0) / 1000) < 1e-5);
});

test("an estimate adds up, knows who no longer keeps the range, and counts on no more workers than there are shards", (t) => {
  const input = {
    network: mainnet,
    range: { first: 4_700_567, last: 15_030_000 },
    head: 15_030_000,
    relays: directoryOf("mainnet"),
    datasets: AUCTION,
    shards: 1000,
    order: "newest",
    workers: 20,
    horizons: new Map([["aestus", 10_000_000]]),
  } as const;
  const figures = estimate(input);
  t.is(figures.slots, 10_329_434);
  t.is(figures.relays.length, 9);
  const of = (name: string) => figures.relays.find(({ relay }) => relay === name);
  t.is(of("flashbots")?.slots, 10_329_434);
  t.is(of("aestus")?.slots, 5_030_001);
  t.is(of("bloxroute-regulated")?.slots, 98 * 7200);
  for (const { requests, slots, rows } of figures.relays)
    t.true(requests > slots && requests < slots * 1.75 && rows > 0);
  t.is(
    figures.total.rows,
    figures.relays.reduce((sum, { rows }) => sum + rows, 0),
  );
  // 10.33 million requests at half a request a second are 239 days (facts: relay-data-api §4); payload pages come on top, and
  // since September 2025 the slots without bids, most of ethgas's, are asked twice.
  const ethgas = of("ethgas");
  const empties = ethgas ? 0.6 * (15_030_000 - 12_488_399 + 1) : 0;
  t.true(ethgas && Math.abs((ethgas.requests - empties) / ethgas.per_second / 86_400 - 239) < 15);
  const [one, twenty, twoHundred] = figures.hours;
  t.deepEqual([one?.workers, twenty?.workers, twoHundred?.workers], [1, 20, 200]);
  t.true(one && twenty && Math.abs(one.hours / twenty.hours - 20) < 1e-6);
  t.is(one?.bound_by, "ethgas");
  t.regex(figures.gone.join("\n"), /bloxroute-max-profit no longer keeps \d+ of 10329434 slots/);
  t.regex(figures.gone.join("\n"), /aestus no longer keeps 5299433 of/);
  t.regex(figures.gone.join("\n"), /blocknative has ended, until slot 7\d{6}/);
  t.regex(
    figures.quotas.join("\n"),
    /21 in-use external IPv4 addresses[^]*40 spot CPUs[^]*vmExternalIpAccess/,
  );
  for (const dollars of Object.values(figures.cost)) t.true(dollars > 0 && dollars < 1000, `${dollars}`);
  const few = estimate({ ...input, shards: 20 });
  t.is(few.hours[2]?.bound_by, "longest shard", "more workers than shards are no use, and it says so");
});
