/** The one definition of a dataset, from which codec, lake line, DuckDB table, BigQuery schema and Parquet columns follow. */
export interface Dataset {
  readonly name: DatasetName;
  /** Slots in a chunk. */
  readonly chunkSlots: number;
  /** In table order. */
  readonly columns: readonly Column[];
}

export type DatasetName = "bids" | "payloads";

/** BigQuery's names of the types that columns have. */
export type ColumnType = "STRING" | "INT64" | "NUMERIC" | "TIMESTAMP" | "BOOL";

/** What a relay's value must look like before it fits the column. */
export type FieldFormat =
  | "hash" // 0x and 64 hex digits
  | "pubkey" // 0x and 96 hex digits
  | "address" // 0x and 40 hex digits
  | "int64" // decimal, within 64 bits
  | "wei" // 1 to 29 decimal digits
  | "bool";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly required: boolean;
  readonly description: string;
  /** The relay's field that fills the column as it is; absent for columns that the ETL derives. */
  readonly field?: { readonly name: string; readonly format: FieldFormat };
  /** True for columns that exist only in the warehouse (copies, reorged). */
  readonly warehouseOnly?: boolean;
}

/** A column that each row has a value in. */
export function required(name: string, type: ColumnType, description: string): Column {
  return { name, type, required: true, description };
}

/** A column that may be null. */
export function optional(name: string, type: ColumnType, description: string): Column {
  return { name, type, required: false, description };
}

const hash = (name: string, description: string): Column =>
  relayColumn(name, "STRING", true, "hash", description);
const pubkey = (name: string, description: string): Column =>
  relayColumn(name, "STRING", true, "pubkey", description);
const integer = (name: string, description: string): Column =>
  relayColumn(name, "INT64", false, "int64", description);

function relayColumn(
  name: string,
  type: ColumnType,
  isRequired: boolean,
  format: FieldFormat,
  description: string,
): Column {
  return { name, type, required: isRequired, description, field: { name, format } };
}

const common: readonly Column[] = [
  required("relay", "STRING", "Relay's name in the directory"),
  relayColumn("slot", "INT64", true, "int64", "Slot that the block was built for"),
  required("block_timestamp", "TIMESTAMP", "Start of the slot: genesis + 12 s × slot"),
  hash("parent_hash", "Hash of the parent block, 0x hex"),
  hash("block_hash", "Hash of the offered block, 0x hex"),
  pubkey("builder_pubkey", "BLS public key of the builder, 0x hex"),
  pubkey("proposer_pubkey", "BLS public key of the slot's proposer, 0x hex"),
  relayColumn(
    "proposer_fee_recipient",
    "STRING",
    true,
    "address",
    "Address that the proposer is paid at, 0x hex",
  ),
  integer("gas_limit", "Gas limit of the block"),
  integer("gas_used", "Gas used by the block"),
  relayColumn("value", "NUMERIC", true, "wei", "Value promised to the proposer, wei"),
  integer("num_tx", "Transactions in the block; null where an old row lacks it"),
  integer("block_number", "Number of the block; null where an old row lacks it"),
];

const extra = optional(
  "extra",
  "STRING",
  "Fields that the relay sent and this table doesn't know, or can't hold in their columns: one JSON object with sorted keys; null without any",
);

const copies: Column = {
  ...required("copies", "INT64", "How often the relay's answer held this very row (equal in every column)"),
  warehouseOnly: true,
};

/** Every bid that a relay shows for a slot. */
export const bids: Dataset = {
  name: "bids",
  chunkSlots: 32,
  columns: [
    ...common,
    optional(
      "timestamp",
      "TIMESTAMP",
      "When the relay had the bid: timestamp_ms, else timestamp_s; null when absent, 0 or beyond year 9999. Relays date different moments (received, inserted, first seen)",
    ),
    {
      ...optional("timestamp_s", "INT64", "The relay's field timestamp, Unix s, as sent"),
      field: { name: "timestamp", format: "int64" },
    },
    integer("timestamp_ms", "The relay's field timestamp_ms, Unix ms, as sent"),
    relayColumn(
      "optimistic_submission",
      "BOOL",
      false,
      "bool",
      "Whether the relay took the bid before checking it; null where the relay doesn't say",
    ),
    extra,
    copies,
  ],
};

/** Every payload that a relay says it delivered to a proposer. */
export const payloads: Dataset = {
  name: "payloads",
  chunkSlots: 320,
  columns: [
    ...common,
    extra,
    copies,
    {
      ...optional(
        "reorged",
        "BOOL",
        "False when block_hash is canonical, true when the canonical chain has another block or none in that slot, null until known",
      ),
      warehouseOnly: true,
    },
  ],
};

export const datasets: Readonly<Record<DatasetName, Dataset>> = { bids, payloads };
export const DATASET_NAMES: readonly DatasetName[] = ["payloads", "bids"];

/** The columns that a line in the lake carries, in order. */
export function lakeColumns(dataset: Dataset): readonly Column[] {
  return dataset.columns.filter((column) => column.warehouseOnly !== true);
}
