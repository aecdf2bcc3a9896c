import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import type { Clock } from "../chain/clock.ts";
import { slotStartMs, ORDERS } from "../chain/slots.ts";
import { payloads } from "../datasets/payloads.ts";
import { isBad } from "../lake/lake.ts";
import { silentLog } from "../log.ts";
import { RelayError } from "../relays/http/errors.ts";
import { examples } from "../seeds.testing.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { SETTLED, testNetwork, recheckAll, relay, setUp, stored } from "./collect.testing.ts";
import { findHorizon } from "./horizon.ts";
import { judgeReading, relate } from "./merge.ts";
import { dueAtTick } from "./plan.ts";
import { tick } from "../tick/tick.ts";

test("payload pages of any size over any rows cover every slot with exactly its rows", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 300, max: SETTLED }), fc.integer({ min: 1, max: 5 })), {
        maxLength: 60,
      }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 400, max: SETTLED - 1 }),
      async (held, pageLimit, first) => {
        const { source, lake, run } = setUp();
        source.pageLimit = pageLimit;
        source.held.payloads.set(0, 1);
        for (const [slot, count] of held) source.held.payloads.set(slot, count);
        await run(["payloads"], first, SETTLED);
        const counts = await stored(lake, "payloads", first, SETTLED);
        for (let slot = first; slot <= SETTLED; slot++)
          t.is(counts.get(slot), source.held.payloads.get(slot) ?? 0);
        t.is(counts.size, SETTLED - first + 1);
      },
    ),
    { numRuns: examples(8, 80) },
  );
});

test("a slot with more payloads than a page holds is asked by itself, and paging goes on below it", async (t) => {
  const { source, lake, run } = setUp();
  source.pageLimit = 2;
  for (const [slot, count] of [
    [900, 5],
    [899, 2],
    [800, 1],
    [0, 1],
  ] as const)
    source.held.payloads.set(slot, count);
  await run(["payloads"], 850, SETTLED);
  const counts = await stored(lake, "payloads", 850, SETTLED);
  t.deepEqual([counts.get(900), counts.get(899), counts.get(898)], [5, 2, 0]);
});

test("what a relay has forgotten is unavailable, is not asked for beyond the probe, and what it remembers is covered", async (t) => {
  for (const [first, horizon] of [
    [200, 700],
    [200, 965],
    [100, 301],
    [640, 670],
  ] as const) {
    const { source, run, cover } = setUp();
    for (let slot = 0; slot <= SETTLED; slot++) {
      const hasBids = slot % 5 !== 3 || slot === horizon;
      source.held.bids.set(slot, hasBids ? 3 : 0);
      if (hasBids && (slot % 2 === 0 || slot === horizon)) source.held.payloads.set(slot, 1);
    }
    source.horizon = horizon;
    await run(["payloads", "bids"], first, SETTLED);
    for (const name of ["payloads", "bids"] as const) {
      const { covered, missing, unavailable } = await cover(name, first, SETTLED);
      t.deepEqual(
        { covered, missing, unavailable },
        { covered: SETTLED - horizon + 1, missing: 0, unavailable: horizon - first },
      );
    }
    const below = source.asked.filter(({ kind, slot }) => kind === "bids" && slot < horizon).length;
    t.true(below <= 60, `${below} requests below the horizon ${horizon}`);
    const before = source.asked.length;
    await run(["payloads", "bids"], first, SETTLED);
    t.is(source.asked.length, before, "nothing is asked again");
  }
});

test("empty slots among a relay's very oldest rows are covered in one run, wherever the rows lie", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 881, max: SETTLED - 2 }),
      fc.infiniteStream(fc.boolean()),
      fc.constantFrom(...ORDERS),
      async (oldest, coins, order) => {
        const { source, clock, run, cover } = setUp();
        source.held.bids.set(oldest, 1);
        // Never two empty ones in a row: more would look like the end of its memory.
        for (let slot = oldest + 1; slot <= SETTLED; slot++)
          if (!source.held.bids.has(slot - 1) || coins.next().value) source.held.bids.set(slot, 1);
        // Time goes on with every question: an answer that came before another was asked for proves nothing.
        source.onAsk = () => void clock.sleep(1);
        await run(["bids"], 880, SETTLED, order);
        t.like(await cover("bids", 880, SETTLED), {
          covered: SETTLED - oldest + 1,
          missing: 0,
          unavailable: oldest - 880,
        });
      },
    ),
    { numRuns: examples(10, 100) },
  );
});

test("a relay that forgets while it is asked never has a forgotten slot taken for an empty one, in either order", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...ORDERS),
      fc.integer({ min: 100, max: 900 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 2, max: 9 }),
      async (order, horizon, every, step, emptyEach) => {
        const { source, clock, lake, run, cover } = setUp();
        const held = (slot: number) => (slot % emptyEach === 1 ? 0 : 2);
        for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, held(slot));
        source.horizon = horizon;
        let asks = 0;
        source.onAsk = () => {
          void clock.sleep(1000);
          if (++asks % every === 0) source.horizon += step;
        };
        await run(["bids"], 700, SETTLED, order);
        for (const [slot, rows] of await stored(lake, "bids", 700, SETTLED))
          t.is(rows, held(slot), `slot ${slot}`);
        if (source.horizon < 700) t.is((await cover("bids", 700, SETTLED)).missing, 0);
      },
    ),
    { numRuns: examples(6, 50) },
  );
});

test("the oldest slots are asked for first where that is wanted", async (t) => {
  for (const order of ORDERS) {
    const { source, run, cover } = setUp();
    for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, slot % 7 === 0 ? 0 : 2);
    await run(["bids"], 704, SETTLED, order);
    const first = [...new Set(source.asked.map(({ slot }) => slot))].filter((slot) => slot <= SETTLED);
    const chunks = first.map((slot) => Math.floor(slot / 32)).filter((chunk) => chunk >= 22);
    const sorted = chunks.toSorted((a, b) => (order === "oldest" ? a - b : b - a));
    const displaced = chunks.filter((chunk, at) => Math.abs(chunk - (sorted[at] ?? 0)) > 1).length;
    t.is(displaced, 0, order);
    t.like(await cover("bids", 704, SETTLED), { missing: 0, unavailable: 0 });
    // Each once, the empty ones twice, and their witnesses.
    const most = (SETTLED - 703) * (1 + 1 / 7) + 20;
    t.true(source.asked.length <= most, `${source.asked.length} requests`);
  }
});

test("a range that lies wholly below the horizon is found out with at most 60 requests", async (t) => {
  const { source, run, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, 2);
  source.horizon = 900;
  await run(["bids"], 100, 400);
  t.true(source.asked.length <= 60, `${source.asked.length} requests`);
  t.like(await cover("bids", 100, 400), { covered: 0, missing: 0, unavailable: 301 });
});

test("a horizon is found to the slot by bisecting over delivered slots, with at most 60 questions, over two weeks of slots for certain", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 100, max: 9_999_000 }),
      fc.nat(9_999_999),
      fc.boolean(),
      async (horizon, from, knowsAbove) => {
        const slot = Math.min(from, horizon - 1);
        let questions = 0;
        const hasRows = async (slot: number) => {
          questions++;
          return slot >= horizon;
        };
        const finding = await findHorizon({
          slot,
          target: { first: 0, last: 10_000_000 },
          rowsAbove: knowsAbove ? horizon + 1 : undefined,
          shareFrom: () => 1,
          hasRows,
          again: async (slots) => Promise.all(slots.map(hasRows)),
          // Every third slot was delivered, and the relay says so for all of its history.
          delivered: async (from) => Array.from({ length: 100 }, (_, i) => from - (from % 3) - 3 * i),
        });
        t.true(questions <= 60, `${questions} questions`);
        if (finding.kind === "unknown") t.false(knowsAbove && horizon - slot < 100_000);
        else t.deepEqual(finding, { kind: "horizon", oldest: horizon });
      },
    ),
  );
});

test("an outage of the relay is empty, not forgotten: an older slot with rows proves it", async (t) => {
  const { source, run, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, slot > 300 && slot < 900 ? 0 : 2);
  await run(["bids"], 600, SETTLED);
  t.like(await cover("bids", 600, SETTLED), { missing: 0, unavailable: 0, covered: SETTLED - 599 });
});

test("a healthy relay is asked once a slot for bids, once a page for payloads, and then only for what is new", async (t) => {
  const { source, run } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) {
    source.held.bids.set(slot, slot % 100 === 0 ? 0 : 4);
    source.held.payloads.set(slot, slot % 20 === 0 ? 0 : 1);
  }
  await run(["payloads", "bids"], SETTLED - 699, SETTLED - 100);
  const bidsAsked = source.asked.filter(({ kind }) => kind === "bids").length;
  t.true(bidsAsked <= 600 * 1.02, `${bidsAsked} requests`);
  const pages = source.asked.filter(({ kind }) => kind !== "bids").length;
  t.true(pages <= 6 + 570 / 45, `${pages} requests for payloads`);
  source.asked.length = 0;
  await run(["payloads", "bids"], SETTLED - 399, SETTLED);
  const asked = new Set(source.asked.filter(({ kind }) => kind === "bids").map(({ slot }) => slot));
  const isNew = (slot: number) => slot > SETTLED - 100 && slot <= SETTLED;
  t.is([...asked].filter(isNew).length, 100);
  t.true([...asked].filter((slot) => !isNew(slot)).length <= 5, "witnesses");
});

test("a busy relay, one slot of a hundred empty, costs 1.02 requests a slot in all, and nothing once all is covered", async (t) => {
  const { source, run, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) {
    source.held.bids.set(slot, slot % 100 === 0 ? 0 : 4);
    source.held.payloads.set(slot, slot % 20 === 0 ? 0 : 1);
  }
  await run(["payloads", "bids"], 1, SETTLED);
  const bidsAsked = source.asked.filter(({ kind }) => kind === "bids").length;
  t.true(bidsAsked <= SETTLED * 1.02, `${bidsAsked} requests`);
  const pages = source.asked.filter(({ kind }) => kind !== "bids").length;
  t.true(pages <= 6 + (SETTLED * 0.95) / 45, `${pages} requests for payloads`);
  for (const name of ["payloads", "bids"] as const)
    t.like(await cover(name, 1, SETTLED), { covered: SETTLED, missing: 0 });
  source.asked.length = 0;
  await run(["payloads", "bids"], 1, SETTLED);
  t.deepEqual(source.asked, []);
});

test("a failed slot stays missing while later slots are covered, and is covered once the relay answers", async (t) => {
  const { source, run, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, 2);
  source.failing.add(950);
  await run(["bids"], 937, SETTLED);
  t.like(await cover("bids", 937, SETTLED), { missing: 1, missing_ranges: [[950, 950]] });
  source.failing.clear();
  source.asked.length = 0;
  await run(["bids"], 937, SETTLED);
  t.deepEqual(source.asked, [{ kind: "bids", slot: 950 }]);
  t.like(await cover("bids", 937, SETTLED), { missing: 0, covered: 64 });
});

test("answers of exactly 100, 200, 450 or 500 rows are suspect, however often they are the same, until they are accepted", async (t) => {
  const { source, lake, clock, run, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, 3);
  [99, 100, 101, 200, 450, 500, 501].forEach((count, i) => source.held.bids.set(960 + i, count));
  await run(["bids"], 950, SETTLED);
  t.is((await cover("bids", 950, SETTLED)).suspect, 4);
  for (let again = 0; again < 3; again++) {
    await recheckAll(lake, clock, source, false);
    t.is((await cover("bids", 950, SETTLED)).suspect, 4);
  }
  await recheckAll(lake, clock, source, true);
  t.like(await cover("bids", 950, SETTLED), { suspect: 0, missing: 0 });
});

test("a second read with fewer rows destroys nothing without --accept, and a read with more replaces the slot", async (t) => {
  const { source, lake, clock, run, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, 5);
  source.short.set(961, 2);
  await run(["bids"], 960, 970);
  t.is((await stored(lake, "bids", 960, 970)).get(961), 3);
  source.short.set(965, 4);
  await recheckAll(lake, clock, source, false);
  const counts = await stored(lake, "bids", 960, 970);
  t.deepEqual([counts.get(961), counts.get(965)], [5, 5]);
  t.is((await cover("bids", 960, 970)).suspect, 2);
  const chunk = await lake.head({ dataset: "bids", relay: "alpha", first: 960, last: 991 });
  t.true(chunk !== undefined && !isBad(chunk) && chunk.meta.revised.has(961) && chunk.meta.revision === 1);
  await recheckAll(lake, clock, source, false);
  t.is((await cover("bids", 960, 970)).suspect, 0);
  source.short.set(965, 4);
  await recheckAll(lake, clock, source, true);
  t.is((await stored(lake, "bids", 960, 970)).get(965), 1);
});

test("a forgotten slot is not emptied by a recheck, not even by one that accepts", async (t) => {
  const { source, lake, clock, run, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, 5);
  await run(["bids"], 900, 970);
  source.horizon = 940;
  await recheckAll(lake, clock, source, true);
  t.is((await stored(lake, "bids", 900, 970)).get(920), 5);
  t.like(await cover("bids", 900, 970), { covered: 71, suspect: 0 });
});

test("bids that lack a delivered block are suspect, whether bids or payloads were read first", async (t) => {
  for (const order of [
    ["payloads", "bids"],
    ["bids", "payloads"],
  ] as const) {
    const { source, run, cover } = setUp();
    for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, 1);
    for (let slot = 900; slot <= SETTLED; slot++) source.held.payloads.set(slot, slot === 955 ? 2 : 1);
    for (const name of order) await run([name], 950, 960);
    t.like(await cover("bids", 950, 960), { covered: 11, suspect: 1 }, order.join());
  }
});

test("a payload that no table can hold is a delivery all the same: its slot without bids isn't believed", async (t) => {
  const before = async (order: readonly ("bids" | "payloads")[]) => {
    const { source, run, cover } = setUp();
    for (let slot = 0; slot <= SETTLED; slot++) if (slot !== 955) source.held.bids.set(slot, 1);
    for (let slot = 900; slot <= SETTLED; slot++) source.held.payloads.set(slot, 1);
    source.odd.add(955);
    for (const name of order) await run([name], 950, 960);
    t.like(await cover("payloads", 950, 960), { covered: 11, quarantined: 1 });
    return cover("bids", 950, 960);
  };
  t.like(await before(["payloads", "bids"]), { covered: 10, missing: 1, unproven: 1, suspect: 0 });
  t.like(await before(["bids", "payloads"]), { covered: 11, missing: 0, suspect: 1 });
});

test("payload slots whose questions fail stay missing: no empty answer was given that could be unproven", async (t) => {
  for (const question of ["payloadNewest", "payloadPage"] as const) {
    const { source, run, cover } = setUp();
    for (let slot = 0; slot <= 955; slot++) source.held.payloads.set(slot, 1);
    const { payloadNewest } = source;
    const newest = await payloadNewest.call(source);
    source.payloadNewest = async () => newest;
    source[question] = async () => {
      throw new RelayError("alpha", "http://a", "server", "HTTP 500");
    };
    const [tally] = await run(["payloads"], 950, 960);
    t.like(await cover("payloads", 950, 960), { covered: 0, missing: 11, unproven: 0 }, question);
    t.like(tally?.payloads, { failed: 11, read: 0 }, question);
  }
});

test("two collectors at once on one lake end with every slot once", async (t) => {
  const { source, lake, run } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) {
    source.held.bids.set(slot, slot % 4);
    if (slot % 4 > 0) source.held.payloads.set(slot, slot % 3);
  }
  await Promise.all([
    run(["bids", "payloads"], 700, SETTLED),
    run(["bids", "payloads"], 800, 950),
    run(["bids"], 650, 900),
  ]);
  const counts = await stored(lake, "bids", 650, SETTLED);
  for (let slot = 650; slot <= SETTLED; slot++) t.is(counts.get(slot), slot % 4);
});

test("a tick that runs out of time stops asking, and what it has read is in the lake", async (t) => {
  const { clock, source, lake, cover } = setUp();
  for (let slot = 0; slot <= SETTLED; slot++) source.held.bids.set(slot, 2);
  let ring = () => {};
  const rung = new Promise<void>((resolve) => (ring = resolve));
  // The time for asking is up when the bell rings; the time for all never is.
  const alarmed: Clock = {
    ...clock,
    sleep: async (ms, signal) =>
      Promise.race([
        ...(ms < 1000 ? [rung] : []),
        new Promise<void>((_, reject) => signal?.addEventListener("abort", () => reject(new Error("over")))),
      ]),
  };
  const { slot: ask } = source;
  source.slot = async (dataset, slot, delivered) => {
    if (source.asked.length === 40) ring();
    return ask.call(source, dataset, slot, delivered);
  };
  const stop = new AbortController().signal;
  const path = join(mkdtempSync(join(tmpdir(), "etl-tick-")), "warehouse.duckdb");
  const warehouse = openDuckDb(path, testNetwork, { clock, log: silentLog });
  const { outOfTime, loaded } = await tick({
    network: testNetwork,
    lake,
    warehouse,
    clock: alarmed,
    log: silentLog,
    relays: [relay],
    sources: () => new Map([[relay, source]]),
    datasets: ["bids"],
    deadlineMs: 1000,
    intervalMs: 1000,
    previous: undefined,
    firstSlot: 300,
    stop,
  });
  t.true(outOfTime);
  const { covered, missing } = await cover("bids", 300, SETTLED);
  t.true(covered >= 40 && covered < 50, `${covered} covered`);
  t.is(covered + missing, SETTLED - 299);
  t.is(loaded?.slots, covered);
});

test("merging knows multisets: order is nothing, copies count", (t) => {
  const lines = fc.array(fc.constantFrom("a\n", "b\n", "c\n"), { maxLength: 6 });
  fc.assert(
    fc.property(lines, lines, (stored_, read) => {
      const count = (list: readonly string[], line: string) => list.filter((one) => one === line).length;
      const within = (small: readonly string[], big: readonly string[]) =>
        small.every((line) => count(small, line) <= count(big, line));
      const expected = within(stored_, read)
        ? within(read, stored_)
          ? "same"
          : "new-contains-stored"
        : within(read, stored_)
          ? "stored-contains-new"
          : "neither";
      t.is(relate(stored_, read), expected);
      const verdict = judgeReading("recheck", stored_, read, false);
      t.true(verdict.take === "stored" || read.length >= stored_.length);
      t.is(verdict.suspect, expected !== "same");
    }),
  );
});

test("a tick asks young gaps every time and old ones at each doubling of their age", (t) => {
  const minute = 60_000;
  const slot = 500;
  const settledMs = slotStartMs(testNetwork, slot + 50);
  let asks = 0;
  for (let at = settledMs; at < settledMs + 24 * 60 * minute; at += 5 * minute) {
    if (dueAtTick(testNetwork, payloads, at, at - 5 * minute)(slot)) asks++;
  }
  t.true(asks >= 6 && asks <= 14, `${asks} asks in a day`);
  t.true(dueAtTick(testNetwork, payloads, settledMs + 600 * minute, undefined)(slot));
});
