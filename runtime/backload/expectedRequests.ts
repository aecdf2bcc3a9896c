import { groupSize } from "../collect/prover.ts";

/** Questions that show where a group's relay stands: a newer and an older slot with rows. */
const WITNESSES = 2;
/** Groups are half full on average: what was answered within the last 13 s waits for the next one. */
const FULL = 0.5;
/** The newest payload, and the second of the two cursors that a span is begun from. */
const PAGES_A_SPAN = 2;

/**
 * Requests that collecting the bids of some slots takes: each is asked once, each without bids (`empties`) once more, in
 * groups between two witnesses. `perSecond`: the rate; a slow relay's groups are smaller.
 */
export function bidsRequests(slots: number, empties: number, perSecond: number): number {
  return slots + empties * (1 + WITNESSES / Math.max(1, FULL * groupSize(perSecond)));
}

/** Requests that collecting payloads takes: each page begins in the middle of the one before. `spans`: runs that are paged. */
export function payloadRequests(rows: number, pageLimit: number, spans: number): number {
  return Math.ceil(rows / ((pageLimit - 1) / 2)) + PAGES_A_SPAN * spans;
}
