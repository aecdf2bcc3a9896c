import test from "ava";
import { emptyMeta, isBad } from "../lake/lake.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { deflateSlot } from "../lake/gzip.ts";
import { SETTLED, recheckAll, setUp, stored } from "./collect.testing.ts";

const FIRST = 950;
/** A slot in the middle of what is read. */
const SLOT = 975;
/** Any number of identical answers. */
const OFTEN = 4;

/** A relay with three bids and one of their payloads in every slot. */
function sound() {
  const { source, lake, clock, run, cover, ...rest } = setUp();
  for (let slot = 0; slot <= SETTLED + 50; slot++) {
    source.held.bids.set(slot, 3);
    source.held.payloads.set(slot, 1);
  }
  const again = async (accept = false, onlyEmpty = false) =>
    recheckAll(lake, clock, source, accept, onlyEmpty);
  const suspect = async (name: DatasetName = "bids") => (await cover(name, FIRST, SETTLED)).suspect;
  const rows = async (slot: number, name: DatasetName = "bids") =>
    (await stored(lake, name, FIRST, SETTLED)).get(slot);
  const collect = async () => run(["payloads", "bids"], FIRST, SETTLED);
  return { ...rest, source, lake, clock, cover, again, suspect, rows, collect };
}

test("limit: a slot with as many rows as a page stays suspect until it shows more, twice alike", async (t) => {
  const { source, again, suspect, rows, collect } = sound();
  source.held.bids.set(SLOT, 100);
  await collect();
  for (let time = 0; time < OFTEN; time++) {
    t.is(await suspect(), 1);
    await again();
    await collect();
  }
  source.held.bids.set(SLOT, 101);
  await again();
  t.deepEqual([await rows(SLOT), await suspect()], [101, 1], "two reads differ");
  await again();
  t.is(await suspect(), 0);
});

test("undelivered: bids that lack the delivered block stay suspect until they show it", async (t) => {
  const { source, again, suspect, rows, collect } = sound();
  source.held.payloads.set(SLOT, 4);
  await collect();
  for (let time = 0; time < OFTEN; time++) {
    t.is(await suspect(), 1);
    await again();
    await collect();
  }
  source.held.bids.set(SLOT, 4);
  await again();
  await again();
  t.deepEqual([await rows(SLOT), await suspect()], [4, 0]);
});

test("awaiting: slots above the newest payload stay suspect until a newer payload comes", async (t) => {
  const { source, cover, again, suspect, collect } = sound();
  for (let slot = SLOT + 1; slot <= SETTLED + 50; slot++) source.held.payloads.set(slot, 0);
  await collect();
  const waiting = SETTLED - SLOT;
  for (let time = 0; time < OFTEN; time++) {
    t.like(await cover("payloads", FIRST, SETTLED), {
      missing: 0,
      suspect: waiting,
      awaiting: waiting,
    });
    await again(time % 2 === 1);
    await collect();
  }
  source.held.payloads.set(SETTLED + 20, 1);
  await collect();
  t.is(await suspect("payloads"), 0);
});

test("awaiting: a payload that comes into the slots that wait for it is read, and those above it wait on", async (t) => {
  const { source, cover, rows, collect } = sound();
  for (let slot = SLOT + 1; slot <= SETTLED + 50; slot++) source.held.payloads.set(slot, 0);
  await collect();
  source.held.payloads.set(SLOT + 10, 2);
  await collect();
  t.is(await rows(SLOT + 10, "payloads"), 2);
  const { awaiting, missing } = await cover("payloads", FIRST, SETTLED);
  t.deepEqual({ awaiting, missing }, { awaiting: SETTLED - SLOT - 10, missing: 0 });
});

test("differs: what was read otherwise before stays suspect for as long as answers differ, and until one is the same", async (t) => {
  const { source, again, suspect, rows, collect } = sound();
  await collect();
  source.held.bids.set(SLOT, 2);
  for (let time = 0; time < OFTEN; time++) {
    await again();
    t.deepEqual([await rows(SLOT), await suspect()], [3, 1]);
  }
  source.held.bids.set(SLOT, 3);
  await again();
  t.deepEqual([await rows(SLOT), await suspect()], [3, 0]);
});

test("every mark goes with --accept, which takes what the relay says now", async (t) => {
  const { source, again, suspect, rows, collect } = sound();
  source.held.bids.set(SLOT, 100);
  source.held.payloads.set(SLOT + 1, 4);
  await collect();
  source.held.bids.set(SLOT + 2, 2);
  await again();
  t.is(await suspect(), 3);
  await again(true);
  t.deepEqual([await suspect(), await rows(SLOT + 2)], [0, 2]);
});

test("no rows any more: kept and suspect, however often; --accept takes it between witnesses, and never without", async (t) => {
  const { source, again, suspect, rows, collect } = sound();
  source.held.payloads.set(SLOT, 0);
  await collect();
  source.held.bids.set(SLOT, 0);
  for (let time = 0; time < OFTEN; time++) {
    await again();
    t.deepEqual([await rows(SLOT), await suspect()], [3, 1]);
  }
  const { held } = source;
  const bids = new Map(held.bids);
  for (let slot = 0; slot <= SETTLED + 50; slot++) held.bids.set(slot, 0);
  await again(true);
  for (let slot = FIRST; slot <= SETTLED; slot++) t.is(await rows(slot), 3);
  for (const [slot, count] of bids) held.bids.set(slot, count);
  await again(true);
  t.deepEqual([await rows(SLOT), await suspect()], [0, 0]);
});

test("recheck --empty on a lake from before witnesses: wrongly covered slots get their rows, empty ones their proof", async (t) => {
  const { source, lake, again, cover, rows, collect } = sound();
  const empty = (slot: number) => slot % 7 === 0;
  for (let slot = 0; slot <= SETTLED; slot++)
    if (empty(slot)) for (const held of Object.values(source.held)) held.set(slot, 0);
  await collect();
  // What that version wrote: no word of what is proven, and some slots covered without their rows.
  const lost = (slot: number) => slot % 5 === 0;
  for (const name of ["bids", "payloads"] as const) {
    for await (const entry of lake.list(name, "alpha", { first: FIRST, last: SETTLED })) {
      if (isBad(entry)) return t.fail(entry.fault);
      const content = await lake.read(entry.chunk);
      const blocks = [...(content?.lines ?? [])].map(([slot, lines]) => {
        const kept = lost(slot) ? [] : lines;
        return [slot, deflateSlot(kept.join(""), kept.length)] as const;
      });
      const counted = blocks.reduce((sum, [, block]) => sum + block.rows, 0);
      const meta = { ...emptyMeta(entry.chunk), covered: entry.meta.covered, unproven: null, rows: counted };
      await lake.write(entry.chunk, new Map(blocks), meta, entry.generation);
    }
  }
  await again(false, true);
  for (const name of ["bids", "payloads"] as const) {
    t.like(await cover(name, FIRST, SETTLED), { covered: SETTLED - FIRST + 1, missing: 0 }, name);
    for (let slot = FIRST; slot <= SETTLED; slot++)
      t.is(await rows(slot, name), source.held[name].get(slot), `${name} ${slot}`);
    for await (const entry of lake.list(name, "alpha", { first: FIRST, last: SETTLED }))
      t.true(!isBad(entry) && entry.meta.unproven?.count === 0, `${name} ${entry.chunk.first}`);
  }
  source.asked.length = 0;
  await collect();
  t.deepEqual(source.asked, []);
});
