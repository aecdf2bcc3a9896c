import { type Network, SETTLE_LAG_SLOTS } from "../chain/networks.ts";
import { type SlotRange, intersect, settledSlot, slotCount, slotStartMs } from "../chain/slots.ts";
import { chunkRange, chunkRanges } from "../datasets/chunks.ts";
import { type Dataset, bids } from "../datasets/dataset.ts";
import { type BadChunk, type Lake, isBad } from "../lake/lake.ts";
import type { Relay } from "../relay/relay.ts";

/** A chunk and those of its slots that are wanted and not covered, newest first. */
export interface ChunkPlan extends SlotRange {
  readonly missing: readonly number[];
}

/** Slots of a lake that are listed at once: bounds the memory of a plan, whatever its range. */
const WINDOW_SLOTS = 32_000;

/** A missing slot younger than this is asked at every tick; older ones at every doubling of their age (design §2). */
const RETRY_UNIT_MS = 10 * 60 * 1000;

/** All slots that a relay should have, up to the newest settled one; undefined when there are none yet. */
export function target(network: Network, relay: Relay, nowMs: number): SlotRange | undefined {
  const first = Math.max(network.floor, relay.activeFrom ?? 0, relay.collectFrom ?? 0);
  const last = Math.min(relay.activeTo ?? Infinity, settledSlot(network, nowMs));
  return first <= last ? { first, last } : undefined;
}

/** Which end of a range is collected first. */
export const ORDERS = ["newest", "oldest"] as const;
export type Order = (typeof ORDERS)[number];

/** A run of slots that is listed at once, and which of them are asked for. */
export interface Window extends SlotRange {
  /**
   * Which of the missing slots are wanted; all without it. `stored` is the run from the first to the last chunk that the
   * window holds an object of.
   */
  readonly wanted?: (slot: number, stored: SlotRange | undefined) => boolean;
}

/**
 * What is to be asked of a relay in some windows, chunk by chunk in their order: target − covered − below the horizon.
 * Lists the lake a window at a time. A chunk whose object can't be trusted is handed to `onBad` and left out.
 */
export async function* planMissing(
  lake: Lake,
  dataset: Dataset,
  relay: string,
  windows: Iterable<Window>,
  options: {
    /** The slots that the relay can be asked for. */
    askable: SlotRange;
    /** The order of the windows, and of the chunks in them; newest first without it. */
    order?: Order;
    onBad: (bad: BadChunk) => void;
    /** Told of each window as it has been listed: how many slots it has, and how many are to be asked. */
    onListed?: (slots: number, missing: number) => void;
  },
): AsyncGenerator<ChunkPlan> {
  for (const window of windows) {
    const range = intersect(window, options.askable);
    if (!range) continue;
    const plans: ChunkPlan[] = [];
    const held = new Map<number, (slot: number) => boolean>();
    let stored: SlotRange | undefined;
    for await (const entry of lake.list(dataset.name, relay, { first: window.first, last: window.last })) {
      const { first, last } = entry.chunk;
      stored = { first: stored?.first ?? first, last };
      if (isBad(entry)) {
        options.onBad(entry);
        held.set(first, () => true);
      } else held.set(first, (slot) => entry.meta.covered.has(slot));
    }
    for (const chunk of chunkRanges(dataset, range)) {
      const has = held.get(chunk.first) ?? (() => false);
      const missing: number[] = [];
      for (let slot = Math.min(chunk.last, range.last); slot >= Math.max(chunk.first, range.first); slot--) {
        if (!has(slot) && (window.wanted?.(slot, stored) ?? true)) missing.push(slot);
      }
      if (missing.length > 0) plans.push({ ...chunk, missing });
    }
    const missing = plans.reduce((sum, plan) => sum + plan.missing.length, 0);
    options.onListed?.(slotCount(range), missing);
    yield* options.order === "oldest" ? plans : plans.toReversed();
  }
}

/** A range in windows small enough to be listed at once, newest first. */
export function* windowsOf(dataset: Dataset, range: SlotRange): Generator<Window> {
  const step = Math.floor(WINDOW_SLOTS / dataset.chunkSlots) * dataset.chunkSlots;
  for (let { last } = range; last >= range.first;) {
    const first = Math.max(range.first, Math.floor(last / step) * step);
    yield { first, last };
    last = first - 1;
  }
}

/**
 * Which missing slots a tick asks for, without any stored state: those whose age in units of 10 minutes has passed a power
 * of two since the tick before. A relay that is down is thus asked often for its newest slots and ever more rarely for old
 * ones. A slot's age counts from when it could first be asked for: bids are taken by whole chunks.
 */
export function dueAtTick(
  network: Network,
  dataset: Dataset,
  nowMs: number,
  previousTickMs: number | undefined,
): (slot: number) => boolean {
  const step = (slot: number, atMs: number) => {
    const newest = dataset === bids ? chunkRange(bids, slot).last : slot;
    const age = (atMs - slotStartMs(network, newest + SETTLE_LAG_SLOTS)) / RETRY_UNIT_MS;
    return age < 0 ? -Infinity : Math.floor(Math.log2(Math.max(age, 2 ** -20)));
  };
  return (slot) => previousTickMs === undefined || step(slot, nowMs) !== step(slot, previousTickMs);
}
