import type { DatasetName } from "../datasets/dataset.ts";
import type { Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";

/** Which slots of a network are looked at, and when: what a relay should have of them grows with time. */
export interface SlotScope {
  readonly network: Network;
  readonly range: SlotRange;
  /** Unix ms. */
  readonly nowMs: number;
  /** Slots of which others' archives have rows, ascending; none without it. */
  readonly imported?: (relay: string, dataset: DatasetName) => readonly number[];
}
