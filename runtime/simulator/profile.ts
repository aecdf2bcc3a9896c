import type { DatasetName } from "../datasets/dataset.ts";
import type { Relay } from "../relays/relay.ts";

/**
 * What is wrong with a relay as such, whoever asks it and however often, unlike faults, which pass. The truth has it too: an
 * ideal collector reads no more than this.
 */
export type Flaw =
  /** Lists of bids end after so many rows. `keeps`: which of them are shown, the newest or the oldest. */
  | { readonly kind: "cut"; readonly rows: number; readonly keeps: "newest" | "oldest" }
  /** The bids of every other slot are answered with [], for ever. */
  | { readonly kind: "stuck-empty" }
  /** It never shows any bids, but delivers. */
  | { readonly kind: "no-bids" }
  /** It delivers so many payloads at a time. */
  | { readonly kind: "crowded"; readonly payloads: number }
  /** Most of what it says it delivered was never published. */
  | { readonly kind: "unpublished" }
  /** Its payloads state ten times the value that the block paid. */
  | { readonly kind: "overclaims" }
  /** Its clock is so many ms ahead. */
  | { readonly kind: "clock"; readonly ms: number }
  /** It stores most rows twice. */
  | { readonly kind: "repeats" }
  /** From this slot on rows lack a field and have another one. */
  | { readonly kind: "drifts"; readonly from: number }
  /** Of three in ten bids no table can hold the value. */
  | { readonly kind: "unreadable" }
  /** It shows nothing from this slot on. */
  | { readonly kind: "quiet"; readonly from: number };

/** How a simulated relay differs from the others, beyond what the directory says of it. */
export interface Profile {
  readonly relay: Relay;
  /** Position in the directory, or beyond it; an alias has its original's. Facts of the relay are drawn by it. */
  readonly index: number;
  /** Typical bids a slot. */
  readonly bids: number;
  /** Share of slots in which it has no bids at all. */
  readonly emptySlots: number;
  /** Share of the delivered payloads that come first by this relay; beside the directory: that it delivers at all. */
  readonly share: number;
  /** How much later than others it has a bid, ms: where it stands, and what it does before it stores one. */
  readonly latencyMs: number;
  /** How its software writes rows. */
  readonly style: RowStyle;
  /** Share of delivered slots in which it delivered two payloads. */
  readonly secondPayload: number;
  /** Keeps the newest so many slots before the head; undefined: everything. */
  readonly keepsSlots: number | undefined;
  /** Datasets whose routes its operator has switched off. */
  readonly without: readonly DatasetName[];
  /** Has shown nothing for so many slots before the head at which the simulation starts, and shows nothing since. */
  readonly quietSlots: number | undefined;
  /** What is wrong with it as such; nothing, unless it was asked for. */
  readonly flaw: Flaw | undefined;
}

export interface RowStyle {
  /** Addresses in mixed case. */
  readonly mixedCase: boolean;
  /** Integers as JSON numbers, `value` and `timestamp_ms` excepted. */
  readonly bareNumbers: boolean;
  /** Share of bids without `timestamp_ms`, and without both times (which the reference leaves out when 0). */
  readonly withoutMs: number;
  readonly withoutTime: number;
  /** Whether bids say `optimistic_submission`. */
  readonly saysOptimistic: boolean;
  /** Fields beyond the specification in every row. */
  readonly blobFields: boolean;
  /** One block hash more than once among a slot's stored bids; impossible where the relay's table has a unique key. */
  readonly repeatsHashes: boolean;
}
