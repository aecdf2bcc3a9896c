import type { DecodedAnswer } from "../datasets/answer.ts";
import type { SlotAnswer } from "./slotAnswer.ts";

/**
 * One relay's Data API as the collectors use it: asks at the relay's pace, retries, decodes, checks that every row is
 * inside what was asked for. All methods throw RelayError when there is no answer to be had now.
 */
export interface Asker {
  /** Requests that may be under way at once. */
  readonly concurrency: number;
  /** True once the relay can't be reached at all: asking on is useless in this run. */
  readonly down: boolean;
  /** The bids of one slot. `delivered`: block hashes that the relay delivered in that slot. */
  bids(slot: number, delivered?: ReadonlySet<string>): Promise<SlotAnswer>;
  /** A page of payloads, newest first, all at or below the cursor. */
  payloadPage(cursor: number): Promise<DecodedAnswer>;
  /** All payloads of one slot. */
  payloadSlot(slot: number): Promise<DecodedAnswer>;
}
