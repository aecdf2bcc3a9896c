import type { DecodedAnswer } from "../datasets/answer.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { DeliveredBlocks, SlotAnswer } from "./slotAnswer.ts";

/** Payloads as a relay answered them. */
export interface PayloadAnswer extends DecodedAnswer {
  /** True where the answer came from a cache on the way (`Age` above 0). */
  readonly cached: boolean;
}

/**
 * One relay's Data API as the collectors use it: asks at the relay's pace, retries, decodes, checks that every row is
 * inside what was asked for. All methods throw RelayError when there is no answer to be had now.
 */
export interface RelaySource {
  /** Requests that may be under way at once. */
  readonly concurrency: number;
  /** Requests a second that the relay is asked now, at most. */
  readonly rate: number;
  /** True once asking on is useless in this run: the relay gives no answers. */
  readonly down: boolean;
  /** How often a connection to the relay couldn't be made or broke, so far. */
  readonly breaks: number;
  /** Asks a relay that is down whether it is back. */
  knock(): Promise<boolean>;
  /** What a dataset has of one slot. `delivered`: what the relay delivered in it, where that has to be among the rows. */
  slot(dataset: Dataset, slot: number, delivered?: DeliveredBlocks): Promise<SlotAnswer>;
  /** The relay's newest payload, if it has any. */
  payloadNewest(): Promise<PayloadAnswer>;
  /** A page of payloads, newest first, all at or below the cursor. */
  payloadPage(cursor: number): Promise<PayloadAnswer>;
  /** All payloads of one slot. */
  payloadSlot(slot: number): Promise<PayloadAnswer>;
}
