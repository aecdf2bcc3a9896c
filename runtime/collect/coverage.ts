import { type SlotRange, intersect, slotCount } from "../chain/slots.ts";
import type { Network } from "../chain/networks.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { BadObjectError, type Horizon, type Lake, type StoredChunk, isBad } from "../lake/lake.ts";
import type { Relay, RelayState } from "../relay/relay.ts";
import { target } from "./plan.ts";

/** What the lake has of one relay and dataset in a range. Every slot is covered, missing or unavailable. */
export interface Coverage {
  readonly network: string;
  readonly dataset: DatasetName;
  readonly relay: string;
  readonly state: RelayState;
  /** The slots of the range that the relay should have; null when there are none. */
  readonly first_slot: number | null;
  readonly last_slot: number | null;
  readonly slots: number;
  readonly covered: number;
  readonly missing: number;
  /** Not covered and older than what the relay remembers. */
  readonly unavailable: number;
  /** Covered, but doubtful. */
  readonly suspect: number;
  readonly rows: number;
  readonly quarantined: number;
  readonly missing_ranges: readonly (readonly [number, number])[];
}

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
  network: Network,
  relay: Relay,
  dataset: DatasetName,
  range: SlotRange,
  nowMs: number,
  onFault: (fault: string) => void,
): Promise<Coverage> {
  const wanted = target(network, relay, nowMs);
  const asked = wanted && intersect(wanted, range);
  const base = { network: network.name, dataset, relay: relay.name, state: relay.state };
  const none = { slots: 0, covered: 0, missing: 0, unavailable: 0, suspect: 0, rows: 0, quarantined: 0 };
  if (!asked) return { ...base, first_slot: null, last_slot: null, ...none, missing_ranges: [] };

  const kept = await oldestStored(lake, dataset, relay.name, onFault);
  const missing: [number, number][] = [];
  let { covered, suspect, rows, quarantined, unavailable } = none;
  const uncovered = (first: number, last: number) => {
    const gone = Math.max(0, Math.min(last, kept - 1) - first + 1);
    unavailable += gone;
    if (first + gone > last) return;
    const before = missing.at(-1);
    if (before && before[1] === first + gone - 1) before[1] = last;
    else missing.push([first + gone, last]);
  };
  let next = asked.first;
  for await (const entry of lake.list(dataset, relay.name, asked)) {
    if (isBad(entry)) {
      onFault(entry.fault);
      continue;
    }
    const inside = await countInside(lake, entry, asked, onFault);
    rows += inside.rows;
    quarantined += inside.quarantined;
    for (const slot of entry.meta.covered.slots()) {
      if (slot < asked.first || slot > asked.last) continue;
      if (slot > next) uncovered(next, slot - 1);
      next = slot + 1;
      covered++;
      if (entry.meta.suspect.has(slot)) suspect++;
    }
  }
  if (next <= asked.last) uncovered(next, asked.last);
  const slots = slotCount(asked);
  return {
    ...base,
    first_slot: asked.first,
    last_slot: asked.last,
    slots,
    covered,
    missing: slots - covered - unavailable,
    unavailable,
    suspect,
    rows,
    quarantined,
    missing_ranges: missing,
  };
}

/** The oldest slot of the stored horizon; 0, from which everything is asked for, where there is none that can be read. */
async function oldestStored(
  lake: Lake,
  dataset: DatasetName,
  relay: string,
  onFault: (fault: string) => void,
): Promise<number> {
  try {
    return (await lake.readHorizon(dataset, relay))?.oldest_slot ?? 0;
  } catch (error) {
    if (!(error instanceof BadObjectError)) throw error;
    onFault(error.message);
    return 0;
  }
}

/** Rows of a chunk in a range: what its metadata says, or, where covered slots lie outside, what is counted in it. */
async function countInside(
  lake: Lake,
  entry: StoredChunk,
  range: SlotRange,
  onFault: (fault: string) => void,
): Promise<{ rows: number; quarantined: number }> {
  const outside = (slot: number) => slot < range.first || slot > range.last;
  if (![...entry.meta.covered.slots()].some(outside)) return entry.meta;
  try {
    const lines = (await lake.read(entry.chunk))?.lines ?? new Map<number, readonly string[]>();
    const kept = [...lines].filter(([slot]) => !outside(slot));
    const refused = entry.meta.quarantined > 0 ? (await lake.readQuarantine(entry.chunk)).lines : [];
    const counted = refused.filter(({ slot }) => !outside(slot) && entry.meta.covered.has(slot));
    return {
      rows: kept.reduce((sum, [, slotLines]) => sum + slotLines.length, 0),
      quarantined: counted.reduce((sum, { copies }) => sum + copies, 0),
    };
  } catch (error) {
    if (!(error instanceof BadObjectError)) throw error;
    onFault(error.message);
    return { rows: 0, quarantined: 0 };
  }
}

/** The run of slots that the lake holds anything of, over all relays and both datasets; undefined when it is empty. */
export async function storedRange(lake: Lake, names: readonly DatasetName[]): Promise<SlotRange | undefined> {
  let first = Infinity;
  let last = -Infinity;
  for (const name of names) {
    for (const relay of await lake.relays(name)) {
      for await (const entry of lake.list(name, relay, { first: 0, last: 9_999_999_999 })) {
        if (isBad(entry)) continue;
        for (const slot of entry.meta.covered.slots()) {
          first = Math.min(first, slot);
          last = Math.max(last, slot);
        }
      }
    }
  }
  return first <= last ? { first, last } : undefined;
}
