import {
  type Column,
  type Definition,
  copies,
  extra,
  hash,
  integer,
  leading,
  relayColumn,
} from "./definition.ts";

const wei = (name: string, description: string, required = false): Column =>
  relayColumn(name, "NUMERIC", required, "wei", description);
const count = (name: string, description: string): Column =>
  relayColumn(name, "INT64", true, "int64", description);

/** Blocks that a relay made of one builder's block and other builders' orders (facts: beyond §C2). */
export const mergedBlocks: Definition<"merged_blocks"> = {
  name: "merged_blocks",
  description: "Blocks that a relay put together: one builder's block with orders of others appended",
  chunkSlots: 320,
  order: ["relay", "slot", "block_hash"],
  endpoints: { helix: { path: "/relay/v1/data/merged_blocks" } },
  asked: "slot",
  target: "delivered",
  makesBlocks: "block_hash",
  columns: [
    ...leading({ sent: true }),
    count("block_number", "Number of the block"),
    hash("original_block_hash", "Hash of the block that others' orders were appended to, 0x hex"),
    hash("block_hash", "Hash of the merged block, 0x hex"),
    wei("original_value", "Value of the original block for the proposer, wei", true),
    wei(
      "proposer_value",
      "What of the merged block is the proposer's, wei; its uplift is this less original_value",
      true,
    ),
    wei("total_merged_value", "What merging added, over all who share it, wei"),
    wei("base_builder_revenue", "What of it is the original block's builder's, wei"),
    wei("relay_revenue", "What of it is the relay's, wei"),
    count("original_tx_count", "Transactions in the original block"),
    count("merged_tx_count", "Transactions in the merged block"),
    count("original_blob_count", "Blobs in the original block"),
    count("merged_blob_count", "Blobs in the merged block"),
    integer("original_gas_used", "Gas used by the original block"),
    integer("merged_gas_used", "Gas used by the merged block"),
    relayColumn(
      "builder_inclusions",
      "STRING",
      true,
      "json",
      "What each builder contributed, by the address that it is paid at: a JSON object with sorted keys, as sent",
    ),
    extra,
    copies,
  ],
};
