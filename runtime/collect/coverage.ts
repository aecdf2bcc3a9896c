import { type SlotRange, intersect, slotCount } from "../chain/slots.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import {
  type BadObjectError,
  type Horizon,
  type Lake,
  type StoredChunk,
  isBad,
  prunedRows,
  trusted,
} from "../lake/lake.ts";
import { refusedRows } from "../lake/quarantine.ts";
import type { Relay, RelayState } from "../relays/relay.ts";
import { type Agreement, agreementOf } from "./agreement.ts";
import { Awaiting } from "./awaiting.ts";
import { target, windowsOf } from "./plan.ts";
import type { SlotScope } from "./scope.ts";

/** What the lake has of one relay and dataset in a range. Every slot is covered, missing or unavailable. */
export interface Coverage extends Readonly<typeof NONE> {
  readonly network: string;
  readonly dataset: DatasetName;
  readonly relay: string;
  readonly state: RelayState;
  /** The slots of the range that the relay should have; null when there are none. */
  readonly first_slot: number | null;
  readonly last_slot: number | null;
  readonly missing_ranges: readonly (readonly [number, number])[];
  /** What reading slots of these days again has shown. */
  readonly reread: Agreement;
}

const NONE = {
  slots: 0,
  covered: 0,
  missing: 0,
  /** Missing though the relay answered: without rows, which nothing has shown to be true yet. */
  unproven: 0,
  /** Not covered and older than what the relay remembers. */
  unavailable: 0,
  /** Covered, but doubtful. */
  suspect: 0,
  /** Suspect slots above the relay's newest payload, which wait for its next. */
  awaiting: 0,
  rows: 0,
  quarantined: 0,
  /** Covered slots whose rows lie in published files alone, `rows` counted with them. */
  pruned: 0,
};

/** How long a horizon that was found is believed. */
const HORIZON_GOOD_MS = 24 * 3600 * 1000;

/** The oldest slot that a relay remembers, where that is known well enough to act on; undefined otherwise. */
export function oldestKept(horizon: Horizon | undefined, nowMs: number): number | undefined {
  if (!horizon) return undefined;
  return nowMs - Date.parse(horizon.asked_at) < HORIZON_GOOD_MS ? horizon.oldest_slot : undefined;
}

/** Reads the coverage of one relay and dataset from the lake alone. `onFault` is told of objects that can't be trusted. */
export async function coverageOf(
  lake: Lake,
  scope: SlotScope,
  relay: Relay,
  dataset: DatasetName,
  onFault: (fault: string) => void,
): Promise<Coverage> {
  const { network, range, nowMs } = scope;
  const wanted = target(network, relay, nowMs);
  const asked = wanted && intersect(wanted, range);
  const base = { network: network.name, dataset, relay: relay.name, state: relay.state };
  if (!asked) {
    const reread = { slots: 0, differing: 0, rows_gained: 0 };
    return { ...base, first_slot: null, last_slot: null, ...NONE, missing_ranges: [], reread };
  }
  const onBad = ({ message }: BadObjectError) => onFault(message);
  const horizon = await trusted(() => lake.readHorizon(dataset, relay.name), undefined, onBad);
  const isAwaiting = await awaitingIn(lake, { ...scope, range: asked }, relay, dataset);
  const count = new SlotCount(asked, horizon?.oldest_slot ?? 0, isAwaiting);
  for await (const entry of lake.list(dataset, relay.name, asked)) {
    if (isBad(entry)) onFault(entry.fault);
    else count.add(entry, await countInside(lake, entry, asked, onBad));
  }
  const { tail } = count;
  if (tail) {
    const empty = relay.hasEnded === true ? await emptyTail(lake, dataset, relay.name, tail, wanted) : 0;
    if (empty > 0) count.addEmpty(empty);
    else count.addUncovered(tail);
  }
  return {
    ...base,
    first_slot: asked.first,
    last_slot: asked.last,
    ...count.sums,
    missing_ranges: count.missing,
    reread: await agreementOf(lake, { network, range: asked }, relay.name, dataset, onFault),
  };
}

/** Counts the slots of a range by their state, chunk by chunk, the oldest first. */
class SlotCount {
  /** The runs of missing slots. */
  readonly missing: [number, number][] = [];
  readonly #range: SlotRange;
  readonly #kept: number;
  readonly #isAwaiting: (slot: number) => boolean;
  readonly #sums = { ...NONE };
  #next: number;

  /** `kept`: the oldest slot that the relay remembers. `isAwaiting`: whether a doubtful slot waits for the relay's next payload. */
  constructor(range: SlotRange, kept: number, isAwaiting: (slot: number) => boolean) {
    this.#range = range;
    this.#kept = kept;
    this.#isAwaiting = isAwaiting;
    this.#next = range.first;
  }

  add({ meta }: StoredChunk, inside: { rows: number; quarantined: number }): void {
    const { first, last } = this.#range;
    const sums = this.#sums;
    for (const slot of meta.unproven?.slots() ?? [])
      if (slot >= Math.max(first, this.#kept) && slot <= last) sums.unproven++;
    sums.rows += inside.rows;
    sums.quarantined += inside.quarantined;
    for (const slot of meta.covered.slots()) {
      if (slot < first || slot > last) continue;
      if (slot > this.#next) this.addUncovered({ first: this.#next, last: slot - 1 });
      this.#next = slot + 1;
      sums.covered++;
      if (prunedRows(meta, slot) !== undefined) sums.pruned++;
      if (!meta.suspect.has(slot)) continue;
      sums.suspect++;
      if (this.#isAwaiting(slot)) sums.awaiting++;
    }
  }

  /** The slots above the newest covered one. */
  get tail(): SlotRange | undefined {
    return this.#next <= this.#range.last ? { first: this.#next, last: this.#range.last } : undefined;
  }

  /** Slots that no chunk covers: unavailable where the relay has forgotten them, else missing. */
  addUncovered({ first, last }: SlotRange): void {
    const gone = Math.max(0, Math.min(last, this.#kept - 1) - first + 1);
    this.#sums.unavailable += gone;
    if (first + gone > last) return;
    const before = this.missing.at(-1);
    if (before && before[1] === first + gone - 1) before[1] = last;
    else this.missing.push([first + gone, last]);
  }

  /** Unproven slots of which the relay has nothing and never will. */
  addEmpty(slots: number): void {
    this.#sums.unavailable += slots;
    this.#sums.unproven -= slots;
  }

  get sums(): typeof NONE {
    const { covered, unavailable } = this.#sums;
    const slots = slotCount(this.#range);
    return { ...this.#sums, slots, missing: slots - covered - unavailable };
  }
}

/**
 * The slots at the end of a range that a relay which has ended has nothing of: all of them, where it answered each without rows,
 * has shown older slots, and newer ones neither; else 0.
 */
async function emptyTail(
  lake: Lake,
  dataset: DatasetName,
  relay: string,
  tail: SlotRange,
  whole: SlotRange,
): Promise<number> {
  let hasOlder = false;
  let answered = 0;
  for await (const entry of lake.list(dataset, relay, whole)) {
    if (isBad(entry)) continue;
    for (const slot of entry.meta.covered.slots()) {
      if (slot >= tail.first) return 0;
      hasOlder = true;
    }
    for (const slot of entry.meta.unproven?.slots() ?? [])
      if (slot >= tail.first && slot <= tail.last) answered++;
  }
  return hasOlder && answered === slotCount(tail) ? slotCount(tail) : 0;
}

/** Tells which doubtful slots of payloads, and of what is had where there are any, wait for the relay's next payload: the newest one may be stored above the range. */
async function awaitingIn(
  lake: Lake,
  { network, range, nowMs }: SlotScope,
  relay: Relay,
  dataset: DatasetName,
): Promise<(slot: number) => boolean> {
  const whole = target(network, relay, nowMs);
  const { asked, target: of } = datasets[dataset];
  if ((asked === "slot" && of === "all") || !whole) return () => false;
  const awaiting = new Awaiting(lake);
  for (const window of windowsOf(datasets.payloads, { first: range.first, last: whole.last })) {
    const entries: StoredChunk[] = [];
    for await (const entry of lake.list("payloads", relay.name, window))
      if (!isBad(entry)) entries.unshift(entry);
    for (const entry of entries) await awaiting.add(entry);
    if (awaiting.isDone) break;
  }
  return (slot) => awaiting.has(slot);
}

/** Rows of a chunk in a range: what its metadata says, or, where covered slots lie outside, what is counted in it. */
async function countInside(
  lake: Lake,
  entry: StoredChunk,
  range: SlotRange,
  onBad: (bad: BadObjectError) => void,
): Promise<{ rows: number; quarantined: number }> {
  const outside = (slot: number) => slot < range.first || slot > range.last;
  if (![...entry.meta.covered.slots()].some(outside)) return entry.meta;
  const counted = async () => {
    const lines = (await lake.read(entry.chunk))?.lines ?? new Map<number, readonly string[]>();
    const kept = [...lines].filter(([slot]) => !outside(slot));
    const refused = entry.meta.quarantined > 0 ? (await lake.readQuarantine(entry.chunk)).lines : [];
    const inside = refusedRows(refused).filter(({ slot }) => !outside(slot) && entry.meta.covered.has(slot));
    const pruned = [...(entry.meta.pruned?.rows ?? [])].filter(([slot]) => !outside(slot));
    return {
      rows:
        kept.reduce((sum, [, slotLines]) => sum + slotLines.length, 0) +
        pruned.reduce((sum, [, rows]) => sum + rows, 0),
      quarantined: inside.reduce((sum, { copies }) => sum + copies, 0),
    };
  };
  return trusted(counted, { rows: 0, quarantined: 0 }, onBad);
}

/** The run of slots that the lake holds anything of, answers that prove nothing yet among it, over all relays and these datasets; undefined when it is empty. */
export async function storedRange(lake: Lake, names: readonly DatasetName[]): Promise<SlotRange | undefined> {
  let first = Infinity;
  let last = -Infinity;
  for (const name of names) {
    for (const relay of await lake.relays(name)) {
      for await (const entry of lake.list(name, relay, { first: 0, last: 9_999_999_999 })) {
        // Of a chunk that can't be trusted nobody knows which slots it holds: it is to be told of.
        const held = isBad(entry)
          ? [entry.chunk.first, entry.chunk.last]
          : [...entry.meta.covered.slots(), ...(entry.meta.unproven?.slots() ?? [])];
        for (const slot of held) {
          first = Math.min(first, slot);
          last = Math.max(last, slot);
        }
      }
    }
  }
  return first <= last ? { first, last } : undefined;
}
