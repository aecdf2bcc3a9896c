import type { Dialect } from "../datasets/definition.ts";

/** Where dialects differ (facts: relay-data-api §1.2). */
export interface Rules {
  readonly payloadLimit: number;
  readonly bidLimit: number;
  /** What becomes of `limit` in a bids query for one slot. */
  readonly limitWithSlot: "dropped" | "honoured" | "always";
  /** What becomes of `cursor` in a bids query: refused with these words, or passed over. */
  readonly cursorOnBids: string | undefined;
  /** What becomes of `slot` and `cursor` together in a payloads query: refused with these words, or slot wins. */
  readonly slotAndCursor: string | undefined;
  /** Refusal of a bids query without a filter; undefined: the newest rows. */
  readonly needsFilter: string | undefined;
  readonly tooHigh: (limit: number) => string;
  readonly invalid: (name: string, text: string) => string;
  /** Payload filters that are passed over. */
  readonly ignored: readonly string[];
  readonly order: "newest first" | "any" | "by hash";
}

const reference: Rules = {
  payloadLimit: 200,
  bidLimit: 500,
  limitWithSlot: "dropped",
  cursorOnBids: "cursor argument not supported",
  slotAndCursor: "cannot specify both slot and cursor",
  needsFilter: "need to query for specific slot or block_hash or block_number or builder_pubkey",
  tooHigh: (limit) => `maximum limit is ${limit}`,
  invalid: (name) => `invalid ${name} argument`,
  ignored: [],
  order: "newest first",
};

export const rules: Readonly<Record<Dialect, Rules>> = {
  // Speaks of the chain, and has no rows of relays.
  chain: reference,
  flashbots: reference,
  ultrasound: reference,
  helix: { ...reference, limitWithSlot: "honoured", cursorOnBids: undefined, order: "any" },
  bloxroute: {
    ...reference,
    payloadLimit: 100,
    cursorOnBids: "cursor argument not supported on this API",
    ignored: ["proposer_pubkey"],
  },
  dreamboat: {
    ...reference,
    payloadLimit: 450,
    bidLimit: 450,
    cursorOnBids: undefined,
    slotAndCursor: undefined,
    needsFilter: undefined,
    tooHigh: (limit) => `limit is higher than ${limit}`,
    invalid: (name, text) => `invalid ${name}: strconv.ParseUint: parsing "${text}": invalid syntax`,
    order: "by hash",
  },
  freelay: {
    ...reference,
    limitWithSlot: "always",
    cursorOnBids: undefined,
    slotAndCursor: "slot and cursor cannot be used together",
    needsFilter: "invalid query",
    tooHigh: () => "limit cannot be greater than 500",
    invalid: (name) => `invalid ${name.replaceAll("_", " ")}`,
    ignored: ["builder_pubkey"],
    order: "any",
  },
};
