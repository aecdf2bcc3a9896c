import {
  type Definition,
  copies,
  extra,
  hash,
  leading,
  optional,
  pubkey,
  relayColumn,
} from "./definition.ts";

const wei = (name: string, description: string) => relayColumn(name, "NUMERIC", true, "wei", description);

/**
 * Bids that a relay lowered to little more than the second best, landed or not (facts: beyond §C1). Ultra Sound's analytics lag
 * by up to two minutes, and no settled slot is as young.
 */
export const adjustments: Definition<"adjustments"> = {
  name: "adjustments",
  description: "Bids whose value a relay adjusted, landed or not: what was submitted, and what it made of it",
  chunkSlots: 320,
  order: ["relay", "slot", "builder_pubkey"],
  endpoints: {
    ultrasound: { path: "/ultrasound/v1/data/adjustments", envelope: "data" },
    helix: { path: "/relay/v1/data/adjustments" },
  },
  asked: "slot",
  target: "delivered",
  makesBlocks: "adjusted_block_hash",
  columns: [
    ...leading({ sent: false }),
    relayColumn("block_number", "INT64", true, "int64", "Number of the block"),
    pubkey("builder_pubkey", "BLS public key of the builder, 0x hex"),
    hash("submitted_block_hash", "Hash of the block as it was submitted, 0x hex"),
    hash("adjusted_block_hash", "Hash of the block that the relay made of it, 0x hex"),
    wei("submitted_value", "Value that the builder promised, wei"),
    wei("adjusted_value", "Value that the proposer is paid by the adjusted block, wei"),
    wei("delta", "submitted_value less adjusted_value, as the relay says it, wei"),
    {
      ...optional("submitted_received_at", "TIMESTAMP", "When the relay had the bid, to the microsecond"),
      field: { name: "submitted_received_at", format: "time" },
    },
    extra,
    copies,
  ],
};
