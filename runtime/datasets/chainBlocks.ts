import {
  type Column,
  type ColumnType,
  type Definition,
  type FieldFormat,
  copies,
  extra,
  leading,
  relayColumn,
  required,
} from "./definition.ts";

const told = (name: string, format: FieldFormat, description: string, type: ColumnType = "STRING"): Column =>
  relayColumn(name, type, false, format, description);
const count = (name: string, description: string): Column => told(name, "int64", description, "INT64");

/** The finalized chain as a source tells of it: a row a slot, missed ones included. */
export const chainBlocks: Definition<"chain_blocks"> = {
  name: "chain_blocks",
  description:
    "The finalized chain, a row a slot and source: what node or file said of it, missed slots included",
  chunkSlots: 320,
  order: ["relay", "slot"],
  endpoints: { chain: { path: "" } },
  asked: "range",
  target: "all",
  columns: [
    {
      ...required("relay", "STRING", "What told of the slot: beacon, execution, xatu or bigquery"),
    },
    ...leading({ sent: true }).slice(1),
    relayColumn(
      "status",
      "STRING",
      true,
      "text",
      "canonical; missed: no block; orphaned: none on the chain, but the row's was seen. What has no beacon blocks (execution) calls missed what has no execution block",
    ),
    told("block_root", "hash", "Root of the beacon block, 0x hex"),
    told("parent_root", "hash", "Root of the beacon block before, 0x hex"),
    told("block_hash", "hash", "Hash of the execution block, 0x hex; null where its payload never came"),
    told("parent_hash", "hash", "Hash of the execution block before, 0x hex"),
    count("block_number", "Number of the execution block"),
    count("proposer_index", "The proposer's place among the validators"),
    told("proposer_pubkey", "pubkey", "BLS public key of the proposer, 0x hex"),
    told("fee_recipient", "address", "Who gets the block's fees: its builder, as a rule; 0x hex"),
    count("gas_used", "Gas used by the block"),
    count("gas_limit", "Gas limit of the block"),
    told("base_fee_per_gas", "wei", "Base fee, wei", "NUMERIC"),
    told("extra_data", "hex", "Extra data of the block, 0x hex: how its builder signs it"),
    told("extra_data_text", "text", "extra_data as text; what is no text is U+FFFD"),
    count("transactions", "Transactions in the block"),
    count("blobs", "Blobs of the block"),
    told("timestamp", "time", "The block's own time", "TIMESTAMP"),
    extra,
    copies,
  ],
};
