import { type Definition, copies, extra, leading, relayColumn, required, type FieldFormat, type ColumnType, optional } from "./definition.ts";

const col = (name: string, type: ColumnType, format: FieldFormat) => relayColumn(name, type, false, format, name);
export const chainBlocks: Definition<"chain_blocks"> = {
  name: "chain_blocks",
  description: "TEMP",
  chunkSlots: 320,
  order: ["relay", "slot"],
  endpoints: {},
  asked: "slot",
  target: "all",
  columns: [
    ...leading({ sent: true }),
    { ...required("status", "STRING", "status"), field: { name: "status", format: "text" } },
    col("block_root", "STRING", "hash"), col("parent_root", "STRING", "hash"), col("block_hash", "STRING", "hash"), col("parent_hash", "STRING", "hash"),
    col("block_number", "INT64", "int64"), col("proposer_index", "INT64", "int64"), col("proposer_pubkey", "STRING", "pubkey"), col("fee_recipient", "STRING", "address"),
    col("gas_used", "INT64", "int64"), col("gas_limit", "INT64", "int64"), col("base_fee_per_gas", "NUMERIC", "wei"), col("extra_data", "STRING", "hex"), col("extra_data_text", "STRING", "text"),
    col("transactions", "INT64", "int64"), col("blobs", "INT64", "int64"),
    { ...optional("timestamp", "TIMESTAMP", "t"), field: { name: "timestamp", format: "time" } },
    extra, copies,
  ],
};
