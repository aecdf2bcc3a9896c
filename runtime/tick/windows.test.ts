import test from "ava";
import fc from "fast-check";
import { type Network, findNetwork } from "../chain/networks.ts";
import { type SlotRange, slotCount, slotStartMs } from "../chain/slots.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { DATASET_NAMES, type Dataset, datasets } from "../datasets/dataset.ts";
import { ROTATION_MS, takeableSlot, tickWindows } from "./windows.ts";

const networks = ["mainnet", "hoodi", "sepolia", "simulated"].flatMap((name) => findNetwork(name, 1) ?? []);
const MINUTE = 60_000;

const world = fc.record({
  network: fc.constantFrom<Network>(...networks),
  dataset: fc.constantFrom(...DATASET_NAMES.map((name) => datasets[name])),
  intervalMs: fc.integer({ min: 3, max: 30 }).map((minutes) => minutes * MINUTE),
  head: fc.integer({ min: 0, max: 12_000_000 }),
  seed: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
});

/** Runs without what they share, ascending. */
function union(runs: readonly SlotRange[]): SlotRange[] {
  const all: SlotRange[] = [];
  for (const { first, last } of runs.toSorted((a, b) => a.first - b.first)) {
    const before = all.at(-1);
    if (before && first <= before.last + 1)
      all[all.length - 1] = { ...before, last: Math.max(before.last, last) };
    else all.push({ first, last });
  }
  return all;
}

const floorOf = (network: Network) => chunkRange(datasets.payloads, network.floor).first;
const isWhole = (dataset: Dataset, run: SlotRange) =>
  chunkRange(dataset, run.first).first === run.first && chunkRange(dataset, run.last).last === run.last;

test("in a day of ticks every slot is listed, however unevenly they come", (t) => {
  fc.assert(
    fc.property(world, ({ network, dataset, intervalMs, head, seed }) => {
      const begin = slotStartMs(network, network.floor + 60 + head);
      const seen: SlotRange[] = [];
      let seenMs: number | undefined;
      let nowMs = begin;
      for (const luck of seed) {
        const windows = tickWindows({ network, dataset, nowMs, seenMs, intervalMs });
        ({ seenMs } = windows);
        seen.push(...windows.slices, ...(windows.live ? [windows.live] : []));
        if (nowMs - begin > ROTATION_MS) break;
        // From a tick that is called twice at once to one that comes two intervals late.
        nowMs += Math.floor(luck * 3 * intervalMs);
      }
      const { last } = chunkRange(dataset, takeableSlot(network, dataset, nowMs));
      t.deepEqual(union(seen), [{ first: floorOf(network), last }]);
    }),
    { numRuns: 30 },
  );
});

test("after a pause the rotation goes on where it stopped, in bounded slices, until it has caught up", (t) => {
  const [network] = networks;
  if (!network) return t.fail();
  const dataset = datasets.bids;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 * 60 }), (pausedMinutes) => {
      const intervalMs = 5 * MINUTE;
      let nowMs = slotStartMs(network, 15_000_000);
      let { seenMs } = tickWindows({ network, dataset, nowMs, seenMs: undefined, intervalMs });
      nowMs += pausedMinutes * MINUTE;
      const seen: SlotRange[] = [];
      while (seenMs < nowMs) {
        const windows = tickWindows({ network, dataset, nowMs, seenMs, intervalMs });
        for (const slice of windows.slices) t.true(slotCount(slice) < 170_000);
        seen.push(...windows.slices);
        t.true(windows.seenMs > seenMs);
        ({ seenMs } = windows);
      }
      // Without a break: one run, or two where the rotation began anew.
      t.true(union(seen).length <= 2);
      if (union(seen).length === 2) t.is(union(seen)[0]?.first, floorOf(network));
    }),
    { numRuns: 40 },
  );
});

test("a tick's windows are whole chunks, newest first, and small enough for two pages of a listing each", (t) => {
  const [network] = networks;
  if (!network) return t.fail();
  const intervalMs = 5 * MINUTE;
  fc.assert(
    fc.property(
      fc.integer({ min: 4_800_000, max: 18_000_000 }),
      fc.integer({ min: 0, max: intervalMs * 1.2 }),
      fc.constantFrom(...DATASET_NAMES.map((name) => datasets[name])),
      (head, since, dataset) => {
        const nowMs = slotStartMs(network, head);
        const { live, slices, seenMs } = tickWindows({
          network,
          dataset,
          nowMs,
          seenMs: nowMs - since,
          intervalMs,
        });
        if (!live) return t.fail();
        t.is(seenMs, nowMs);
        t.is(live.last, chunkRange(dataset, takeableSlot(network, dataset, nowMs)).last);
        t.true([live, ...slices].every((run) => isWhole(dataset, run)));
        t.true(slices.every((slice) => slice.last < live.first && slice.first >= floorOf(network)));
        t.true(slices.every((slice, i) => slice.last < (slices[i - 1]?.first ?? Infinity)));
        for (const runs of [[live], slices]) {
          const chunks = runs.reduce((sum, run) => sum + Math.ceil(slotCount(run) / dataset.chunkSlots), 0);
          t.true(chunks <= 2000, `${chunks} chunks`);
        }
        if (dataset === datasets.bids) t.is(live.last, takeableSlot(network, dataset, nowMs));
      },
    ),
  );
});

test("what is being back-loaded is listed within 30 minutes, however unevenly ticks come", (t) => {
  fc.assert(
    fc.property(world, fc.nat(11_000_000), fc.nat(3_000_000), (one, first, more) => {
      const { network, dataset, head, seed } = one;
      const intervalMs = Math.min(one.intervalMs, 10 * MINUTE);
      const backload = { first: network.floor + first, last: network.floor + first + more };
      const begin = slotStartMs(network, network.floor + 60 + head);
      const seen: SlotRange[] = [];
      let seenMs: number | undefined;
      let nowMs = begin;
      for (const luck of seed) {
        const windows = tickWindows({ network, dataset, nowMs, seenMs, intervalMs, backload });
        ({ seenMs } = windows);
        seen.push(...windows.backload);
        if (nowMs - begin > 30 * MINUTE) break;
        nowMs += Math.floor((0.2 + luck * 0.8) * intervalMs);
      }
      const [run, ...others] = union(seen);
      t.deepEqual(others, []);
      t.true(run !== undefined && run.first <= backload.first && run.last >= backload.last);
      t.true(seen.every((range) => isWhole(dataset, range)));
    }),
    { numRuns: 100 },
  );
});
