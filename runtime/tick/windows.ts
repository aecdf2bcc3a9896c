import { type Network } from "../chain/networks.ts";
import { type SlotRange, intersect, joinedRuns, settledSlot } from "../chain/slots.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { type Dataset, type DatasetName, datasets } from "../datasets/dataset.ts";
import { isTakenWhole } from "../collect/plan.ts";

/** Slots behind the head that every tick lists: 4.4 days. */
const LIVE_SLOTS = 32_000;
/** The older lake is seen once in this time. */
export const ROTATION_MS = 24 * 3600 * 1000;
/** What back-load workers are bringing is seen once in this time. */
const BACKLOAD_ROTATION_MS = 30 * 60 * 1000;
/** A slice begins so many slots early, so that a gap at the border of two slices lies well inside one of them. */
const OVERLAP_SLOTS = 3200;
/** After a pause a tick catches up by so many ticks' worth at most: bounds its memory. */
const CATCH_UP = 4;
/** Windows begin and end with chunks of both datasets. */
const ALIGNED_SLOTS = Math.max(...Object.values(datasets).map(({ chunkSlots }) => chunkSlots));

/** The parts of a lake that one tick lists: runs of whole chunks, even where only some of their slots can be asked for. */
export interface TickWindows {
  /** The newest slots; undefined before a network's first whole chunk is settled. */
  readonly live: SlotRange | undefined;
  /** Runs of the older lake, newest first; two when the day begins anew. */
  readonly slices: readonly SlotRange[];
  /** Runs of what back-load workers are filling. */
  readonly backload: readonly SlotRange[];
  /** Up to when (Unix ms) the rotation has come: where the next tick's slice begins. */
  readonly seenMs: number;
}

export interface WindowOptions {
  readonly network: Network;
  readonly dataset: Dataset;
  readonly nowMs: number;
  /** Where the rotation had come to, Unix ms; undefined for the first tick of a process. */
  readonly seenMs: number | undefined;
  /** Time between two ticks as planned, ms. */
  readonly intervalMs: number;
  readonly backload?: SlotRange | undefined;
}

/**
 * What a tick lists: the newest slots, and so much of the older lake as the clock has passed since the tick before, so that
 * in a day all of it is seen, however unevenly ticks come. Each place of the older lake has its time of the day.
 */
export function tickWindows(options: WindowOptions): TickWindows {
  const { network, dataset, nowMs, intervalMs, backload } = options;
  // A process that has just begun doesn't know when its forerunner's last tick was; half an interval more is time for it.
  const from = Math.min(options.seenMs ?? nowMs - 1.5 * intervalMs, nowMs);
  const until = Math.min(nowMs, from + CATCH_UP * intervalMs);
  const older = sweep((ms) => olderThan(network, dataset, ms), from, until, ROTATION_MS);
  const kept = backload && wholeChunks(backload);
  return {
    live: liveWindow(network, dataset, nowMs),
    slices: older,
    backload: sweep(() => kept, Math.min(from, nowMs - 1.5 * intervalMs), nowMs, BACKLOAD_ROTATION_MS),
    seenMs: until,
  };
}

/** The newest slot that a tick asks for: of what is asked for slot by slot only whole chunks are taken, so that each is written once. */
export function takeableSlot(network: Network, dataset: Dataset, nowMs: number): number {
  const settled = settledSlot(network, nowMs);
  return isTakenWhole(dataset) ? chunkRange(dataset, settled + 1).first - 1 : settled;
}

function liveWindow(network: Network, dataset: Dataset, nowMs: number): SlotRange | undefined {
  const last = takeableSlot(network, dataset, nowMs);
  if (last < network.floor) return undefined;
  const first = alignedDown(Math.max(network.floor, last - LIVE_SLOTS + 1));
  return { first, last: chunkRange(dataset, last).last };
}

function olderThan(network: Network, dataset: Dataset, nowMs: number): SlotRange | undefined {
  const live = liveWindow(network, dataset, nowMs);
  const first = alignedDown(network.floor);
  return live && live.first > first ? { first, last: live.first - 1 } : undefined;
}

/**
 * The places of a range that a hand passes which goes round it once a period, in the time from one moment to another: as
 * runs of whole chunks, newest first. The range may grow meanwhile.
 */
function sweep(
  rangeAt: (ms: number) => SlotRange | undefined,
  fromMs: number,
  untilMs: number,
  periodMs: number,
): SlotRange[] {
  const range = rangeAt(untilMs);
  if (!range) return [];
  if (untilMs - fromMs >= periodMs) return [range];
  const placeAt = (ms: number) => {
    const { first, last } = rangeAt(ms) ?? range;
    return first + Math.floor(((ms % periodMs) / periodMs) * (last - first + 1));
  };
  const run = (from: number, until: number): SlotRange | undefined =>
    intersect(range, wholeChunks({ first: Math.max(0, from - OVERLAP_SLOTS), last: until }));
  const [from, until] = [placeAt(fromMs), placeAt(untilMs)];
  const wraps = Math.floor(fromMs / periodMs) !== Math.floor(untilMs / periodMs);
  const runs = wraps ? [run(from, range.last), run(range.first, until)] : [run(from, until)];
  return joinedRuns(runs.filter((part) => part !== undefined)).toReversed();
}

function wholeChunks({ first, last }: SlotRange): SlotRange {
  return { first: alignedDown(first), last: alignedDown(last + ALIGNED_SLOTS) - 1 };
}

function alignedDown(slot: number): number {
  return Math.floor(slot / ALIGNED_SLOTS) * ALIGNED_SLOTS;
}

/** A dataset's run of slots that a tick lists. */
export interface ListedRange {
  readonly dataset: DatasetName;
  readonly range: SlotRange;
}

/** All that a tick lists of a dataset to ask for. */
export function listedRanges(dataset: DatasetName, { live, slices }: TickWindows): ListedRange[] {
  return [...(live ? [live] : []), ...slices].map((range) => ({ dataset, range }));
}
