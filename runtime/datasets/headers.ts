import {
  type Column,
  type Definition,
  type FieldFormat,
  copies,
  extra,
  integer,
  leading,
  optional,
  relayColumn,
} from "./definition.ts";

const text = (name: string, format: FieldFormat, description: string): Column =>
  relayColumn(name, "STRING", false, format, description);

/** Headers that a relay gave proposers who asked: several a slot (facts: beyond §C3). bloXroute's take a key, so they aren't asked for. */
export const headers: Definition<"headers"> = {
  name: "headers",
  description: "Headers that each relay gave to proposers who asked for one, a row a call",
  chunkSlots: 32,
  order: ["relay", "slot", "timestamp_ms"],
  endpoints: { helix: { path: "/relay/v1/data/bidtraces/proposer_header_delivered" } },
  asked: "slot",
  target: "all",
  rowLimits: [200],
  columns: [
    ...leading({ sent: true }),
    text("parent_hash", "hash", "Hash of the parent block, 0x hex"),
    text("block_hash", "hash", "Hash of the block whose header it is, 0x hex"),
    text("builder_pubkey", "pubkey", "BLS public key of the builder, 0x hex"),
    text("proposer_pubkey", "pubkey", "BLS public key of the slot's proposer, 0x hex"),
    text("proposer_fee_recipient", "address", "Address that the proposer is paid at, 0x hex"),
    relayColumn("value", "NUMERIC", false, "wei", "Value that the header promised, wei"),
    integer("block_number", "Number of the block"),
    {
      ...optional(
        "timestamp_ms",
        "INT64",
        "When the relay took the call, Unix ms: proposer_send_timestamp_ms",
      ),
      field: { name: "proposer_send_timestamp_ms", format: "int64" },
    },
    {
      ...optional(
        "timestamp",
        "TIMESTAMP",
        "timestamp_ms as a time; null when absent, 0 or beyond year 9999",
      ),
      time: { ms: "proposer_send_timestamp_ms" },
    },
    text("extra_data", "hex", "Extra data of the header, 0x hex"),
    text("region", "text", "Where the relay took the call"),
    extra,
    copies,
  ],
};
