import type { Counts } from "../collect/tally.ts";
import { DATASET_NAMES, type DatasetName, datasets } from "../datasets/dataset.ts";
import { bidsRequests, payloadRequests } from "./expectedRequests.ts";

/** The datasets that are asked for a slot at a time. */
export const SLOT_BY_SLOT = DATASET_NAMES.filter((name) => datasets[name].asked === "slot");

/** Before many slots are read, so many more are taken to be read, of which this share is asked again. */
const PRIOR = { slots: 4, again: 0.3, payloads: 0.2 };

/**
 * Requests that a dataset of `unread` slots will still take, by what became of those that were read; and how many of those are
 * questions that are asked again. `rate`: requests a second.
 */
function bidsLeft(
  { read, toAskAgain, askedAgain }: Pick<Counts, "read" | "toAskAgain" | "askedAgain">,
  unread: number,
  rate: number,
): { requests: number; again: number } {
  const share = (toAskAgain + PRIOR.again * PRIOR.slots) / (read + PRIOR.slots);
  const again = toAskAgain - askedAgain + unread * share;
  return { requests: unread + again * bidsRequests(0, 1, rate), again };
}

/** The same for all datasets that are asked slot by slot. */
export function slotsLeft(
  counts: (name: DatasetName) => Pick<Counts, "read" | "toAskAgain" | "askedAgain">,
  unread: (name: DatasetName) => number,
  rate: number,
): { requests: number; again: number } {
  const parts = SLOT_BY_SLOT.map((name) => bidsLeft(counts(name), unread(name), rate));
  return {
    requests: parts.reduce((sum, { requests }) => sum + requests, 0),
    again: parts.reduce((sum, { again }) => sum + again, 0),
  };
}

/** Requests that the payloads of `unread` slots will still take, in `spans` that are paged each by itself. */
export function payloadsLeft(
  { read, rows }: Pick<Counts, "read" | "rows">,
  unread: number,
  pageLimit: number,
  spans: number,
): number {
  const perSlot = (rows + PRIOR.payloads * PRIOR.slots) / (read + PRIOR.slots);
  return unread === 0 ? 0 : payloadRequests(unread * perSlot, pageLimit, spans);
}
