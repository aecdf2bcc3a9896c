import type { SlotRange } from "../chain/slots.ts";

/** Distances at which older (or newer) slots are looked at: 4, 128, 4,096 … reach ten million slots in five steps. */
const GALLOP_FIRST = 4;
const GALLOP_FACTOR = 32;
/** Slots asked at one place, since a single one may be empty by itself. */
const GROUP = 2;
/** After so many empty answers one slot a place has to do; a mistake shows when the border's lower side is asked again. */
const FRUGAL_AFTER = 32;
/** Bisecting ends here; what is left is asked slot by slot. */
const RESOLUTION = 8;

/**
 * Where a relay's memory of bids ends. `rows`: a slot below the asked one that still returns rows, so that what lies above
 * is remembered. `horizon`: the oldest slot that returns rows. `unknown`: the relay returned no rows anywhere.
 */
export type HorizonFinding =
  | { readonly kind: "rows"; readonly slot: number }
  | { readonly kind: "horizon"; readonly oldest: number }
  | { readonly kind: "unknown" };

/**
 * Finds out whether an empty slot is empty or forgotten. Relays forget oldest first, so any older slot with rows proves
 * that `slot` is remembered; the search begins just below it and widens. Only where no older slot has rows is the border
 * bisected, between the newest empty and the oldest slot that is known to have rows (`knownRows`), or one found above.
 * A few dozen requests. `hasRows` asks the relay and throws when it doesn't answer; `again` asks it once more, later.
 */
export async function findBidsHorizon(
  slot: number,
  target: SlotRange,
  knownRows: number | undefined,
  hasRows: (slot: number) => Promise<boolean>,
  again: (slots: readonly number[]) => Promise<readonly number[]>,
): Promise<HorizonFinding> {
  let empties = 0;
  // Slot 0 was never auctioned, and relays take `slot=0` for no slot at all: they answer with their newest rows.
  const oldest = Math.max(target.first, 1);
  const anyRows = async (from: number, count: number): Promise<number | undefined> => {
    for (let s = from; s > from - count && s >= oldest; s--) {
      if (await hasRows(s)) return s;
      empties++;
    }
    return undefined;
  };

  const near = await anyRows(slot - 1, GROUP);
  if (near !== undefined) return { kind: "rows", slot: near };
  for (let distance = GALLOP_FIRST; slot - distance >= oldest; distance *= GALLOP_FACTOR) {
    const found = await anyRows(slot - distance, GROUP);
    if (found !== undefined) return { kind: "rows", slot: found };
  }
  const bottom = await anyRows(Math.min(oldest + GROUP, slot) - 1, GROUP);
  if (bottom !== undefined) return { kind: "rows", slot: bottom };

  let empty = slot;
  let rows = knownRows;
  for (let distance = GALLOP_FIRST; rows === undefined; distance *= GALLOP_FACTOR) {
    const place = Math.min(slot + distance, target.last);
    if (place <= empty) return { kind: "unknown" };
    rows = await anyRows(place, GROUP);
    if (rows === undefined) empty = place;
  }
  while (rows - empty > RESOLUTION) {
    const middle = Math.floor((empty + rows) / 2);
    const found = await anyRows(middle, empties < FRUGAL_AFTER ? GROUP : 1);
    if (found === undefined) empty = middle;
    else rows = found;
  }
  for (let s: number = rows - 1; s > empty; s--) if (await hasRows(s)) rows = s;

  // An empty answer may have been a stale one: the border is believed when the slots below it are empty twice.
  const below = [1, 2, 3, 4].map((d) => (rows ?? 0) - d).filter((s) => s >= oldest);
  const woken = await again(below);
  return woken.length > 0 ? { kind: "rows", slot: Math.min(...woken) } : { kind: "horizon", oldest: rows };
}
