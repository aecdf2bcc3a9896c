import { type Network, SECONDS_PER_SLOT, SETTLE_LAG_SLOTS, SLOTS_PER_EPOCH } from "./networks.ts";

/** An inclusive run of slots. `last < first` never occurs: an empty run is `undefined`. */
export interface SlotRange {
  readonly first: number;
  readonly last: number;
}

/** Start of a slot, Unix ms. */
export function slotStartMs(network: Network, slot: number): number {
  return (network.genesis + SECONDS_PER_SLOT * slot) * 1000;
}

/** The slot that is running at a Unix time (ms); negative before genesis. */
export function slotAt(network: Network, unixMs: number): number {
  return Math.floor((Math.floor(unixMs / 1000) - network.genesis) / SECONDS_PER_SLOT);
}

/** The epoch that a slot belongs to. */
export function epochOf(slot: number): number {
  return Math.floor(slot / SLOTS_PER_EPOCH);
}

/** The newest slot that is old enough to be read: head − 50. */
export function settledSlot(network: Network, unixMs: number): number {
  return slotAt(network, unixMs) - SETTLE_LAG_SLOTS;
}

/** The slots that both runs hold, or undefined when there are none. */
export function intersect(a: SlotRange, b: SlotRange): SlotRange | undefined {
  const first = Math.max(a.first, b.first);
  const last = Math.min(a.last, b.last);
  return first <= last ? { first, last } : undefined;
}

/** The slots that begin in a UTC day (counted since 1970), from genesis on. */
export function slotsOfDay({ genesis }: Network, day: number): SlotRange {
  const firstOf = (start: number) => Math.max(0, Math.ceil((start * 86_400 - genesis) / SECONDS_PER_SLOT));
  return { first: firstOf(day), last: firstOf(day + 1) - 1 };
}

/** How many slots a run holds. */
export function slotCount(range: SlotRange): number {
  return range.last - range.first + 1;
}

/** A range cut at the multiples of a number of slots, newest first. */
export function* cutRange(range: SlotRange, slots: number): Generator<SlotRange> {
  for (let { last } = range; last >= range.first;) {
    const first = Math.max(range.first, Math.floor(last / slots) * slots);
    yield { first, last };
    last = first - 1;
  }
}

/** Runs in ascending order, those that touch as one; or those whose ends lie at most `gap` slots apart. */
export function joinedRuns(runs: readonly SlotRange[], gap = 1): SlotRange[] {
  const joined: { first: number; last: number }[] = [];
  for (const { first, last } of runs.toSorted((a, b) => a.first - b.first)) {
    const before = joined.at(-1);
    if (before && first <= before.last + gap) before.last = Math.max(before.last, last);
    else joined.push({ first, last });
  }
  return joined;
}

/** Slots as runs, likewise. */
export function slotRuns(slots: readonly number[], gap?: number): SlotRange[] {
  return joinedRuns(
    slots.map((slot) => ({ first: slot, last: slot })),
    gap,
  );
}

/** Which end of a range is collected first. */
export const ORDERS = ["newest", "oldest"] as const;
export type Order = (typeof ORDERS)[number];
