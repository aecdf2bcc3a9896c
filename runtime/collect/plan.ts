import { FINAL_LAG_SLOTS, type Network, SETTLE_LAG_SLOTS } from "../chain/networks.ts";
import {
  type Order,
  type SlotRange,
  cutRange,
  intersect,
  slotAt,
  slotCount,
  slotStartMs,
} from "../chain/slots.ts";
import { chunkRange, chunkRanges } from "../datasets/chunks.ts";
import { type Dataset } from "../datasets/dataset.ts";
import {
  type BadChunk,
  type ChunkMeta,
  type Lake,
  type StoredChunk,
  isBad,
  prunedRows,
} from "../lake/lake.ts";
import type { Relay } from "../relays/relay.ts";
import { Awaiting } from "./awaiting.ts";

/** A chunk and those of its slots that are to be asked for, newest first. */
export interface ChunkPlan extends SlotRange {
  readonly missing: readonly number[];
  /** Those of them that an earlier pass was given no rows of, which proves nothing yet. */
  readonly unproven?: ReadonlySet<number>;
  /** Those of the unproven ones that would be asked for now if they had had no answer at all. */
  readonly due?: ReadonlySet<number>;
  /** Those of them that are covered, and asked again because they are doubtful. */
  readonly again?: ReadonlySet<number>;
  /** Covered slots that are asked again and stored without rows, with nothing to be proven about them. */
  readonly empty?: ReadonlySet<number>;
}

/** Slots of a lake that are listed at once: bounds the memory of a plan, whatever its range. */
const WINDOW_SLOTS = 32_000;

/** A missing slot younger than this is asked at every tick; older ones at every doubling of their age. */
const RETRY_UNIT_MS = 10 * 60 * 1000;

/** All slots that a relay should have, up to the newest settled one, or final one; undefined when there are none yet. */
export function target(network: Network, relay: Relay, nowMs: number): SlotRange | undefined {
  const first = Math.max(network.floor, relay.activeFrom ?? 0, relay.collectFrom ?? 0);
  const lag = relay.dialect === "chain" ? FINAL_LAG_SLOTS : SETTLE_LAG_SLOTS;
  const last = Math.min(relay.activeTo ?? Infinity, slotAt(network, nowMs) - lag);
  return first <= last ? { first, last } : undefined;
}

/** A run of slots that is listed at once, and which of them are asked for. */
export interface Window extends SlotRange {
  /**
   * Which of the slots without an answer are wanted; all without it. `stored` is the run from the first to the last chunk that
   * the window holds an object of.
   */
  readonly wanted?: (slot: number, stored: SlotRange | undefined) => boolean;
  /** Which of the doubtful slots are asked again; none without it. */
  readonly again?: (slot: number) => boolean;
  /** Which slots are left to others, whatever state they are in; none without it. */
  readonly spared?: (slot: number) => boolean;
}

/** A window that has been listed, with the run from the first to the last chunk that it holds an object of. */
interface ListedWindow extends Window {
  readonly stored: SlotRange | undefined;
}

/** What a plan is made with. */
export interface PlanOptions {
  /** The slots that the relay can be asked for. */
  readonly askable: SlotRange;
  /** The order of the windows, and of the chunks in them; newest first without it. */
  readonly order?: Order;
  readonly onBad: (bad: BadChunk) => void;
  /** Told of each window as it has been listed: how many slots it has, and how many are to be asked. */
  readonly onListed?: (slots: number, missing: number) => void;
}

/**
 * What is to be asked of a relay in some windows, chunk by chunk in their order: target − covered − below the horizon, and
 * what is covered but has to be asked again: doubtful slots where the window wants them, and payload slots that wait for the
 * relay's next payload. Lists the lake a window at a time. A chunk whose object can't be trusted is handed to `onBad`.
 */
export async function* planMissing(
  lake: Lake,
  dataset: Dataset,
  relay: string,
  windows: Iterable<Window>,
  options: PlanOptions,
): AsyncGenerator<ChunkPlan> {
  const awaiting = new Awaiting(lake);
  for (const window of windows) {
    const range = intersect(window, options.askable);
    if (!range) continue;
    const held = new Map<number, StoredChunk>();
    const bad = new Set<number>();
    for await (const entry of lake.list(dataset.name, relay, { first: window.first, last: window.last })) {
      if (isBad(entry)) {
        options.onBad(entry);
        bad.add(entry.chunk.first);
      } else held.set(entry.chunk.first, entry);
    }
    const firsts = [...held.keys(), ...bad].toSorted((a, b) => a - b);
    const [first] = firsts;
    const last = firsts.at(-1);
    const stored =
      first === undefined || last === undefined ? undefined : { first, last: chunkRange(dataset, last).last };
    if (dataset.asked === "pages")
      for (const chunk of [...held.values()].toReversed()) await awaiting.add(chunk);
    const plans: ChunkPlan[] = [];
    for (const chunk of chunkRanges(dataset, range)) {
      if (bad.has(chunk.first)) continue;
      const asked = intersect(chunk, range);
      const isAwaiting = (slot: number) => dataset.target === "delivered" || awaiting.has(slot);
      const plan = asked && planOf(chunk, asked, held.get(chunk.first), { ...window, stored }, isAwaiting);
      if (plan && plan.missing.length > 0) plans.push(plan);
    }
    const missing = plans.reduce((sum, plan) => sum + plan.missing.length, 0);
    options.onListed?.(slotCount(range), missing);
    yield* options.order === "oldest" ? plans : plans.toReversed();
  }
}

function planOf(
  chunk: SlotRange,
  asked: SlotRange,
  entry: StoredChunk | undefined,
  window: ListedWindow,
  isAwaiting: (slot: number) => boolean,
): ChunkPlan {
  const missing: number[] = [];
  const unproven = new Set<number>();
  const due = new Set<number>();
  const again = new Set<number>();
  for (let slot = asked.last; slot >= asked.first; slot--) {
    if (window.spared?.(slot)) continue;
    const isWanted = window.wanted?.(slot, window.stored) ?? true;
    if (entry?.meta.unproven?.has(slot)) {
      unproven.add(slot);
      if (isWanted) due.add(slot);
    } else if (entry && isDoubtful(entry.meta, slot) && (isAwaiting(slot) || window.again?.(slot)))
      again.add(slot);
    else if (entry?.meta.covered.has(slot) || !isWanted) continue;
    missing.push(slot);
  }
  return { ...chunk, missing, unproven, due, again };
}

/** What was pruned can't be compared with another answer. */
function isDoubtful(meta: ChunkMeta, slot: number): boolean {
  return meta.suspect.has(slot) && prunedRows(meta, slot) === undefined;
}

/** A range in windows small enough to be listed at once, newest first. */
export function windowsOf(dataset: Dataset, range: SlotRange): Iterable<Window> {
  return cutRange(range, Math.floor(WINDOW_SLOTS / dataset.chunkSlots) * dataset.chunkSlots);
}

/** Whether ticks wait until a chunk can be read whole, so that each is written once: where every slot is asked for. */
export function isTakenWhole({ asked, target: of }: Dataset): boolean {
  return asked === "slot" && of === "all";
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
    const newest = isTakenWhole(dataset) ? chunkRange(dataset, slot).last : slot;
    const age = (atMs - slotStartMs(network, newest + SETTLE_LAG_SLOTS)) / RETRY_UNIT_MS;
    return age < 0 ? -Infinity : Math.floor(Math.log2(Math.max(age, 2 ** -20)));
  };
  return (slot) => previousTickMs === undefined || step(slot, nowMs) !== step(slot, previousTickMs);
}
