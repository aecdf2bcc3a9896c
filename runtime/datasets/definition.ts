/** The one definition of a dataset, from which all that is kept, loaded, shown and asked of it follows. */
export interface Definition<N extends string> {
  readonly name: N;
  /** What a row is, for tables and documents. */
  readonly description: string;
  /** Slots in a chunk. */
  readonly chunkSlots: number;
  /** In table order. */
  readonly columns: readonly Column[];
  /** Columns by which rows that belong together lie together. */
  readonly order: readonly string[];
  /** Where relays serve it, by how their software speaks; the others don't have it. */
  readonly endpoints: Endpoints;
  /** By cursor pages, newest first, each slot by two of them; slot by slot; or, of what tells of the chain, in runs of slots. */
  readonly asked: "pages" | "slot" | "range";
  /** The slots that a relay should have: all, or those in which it delivered (the others are covered without being asked). */
  readonly target: "all" | "delivered";
  /** True where a block that the relay delivered has to be among its rows. */
  readonly holdsDelivered?: boolean;
  /** Counts of rows at which relays cut lists off: what has as many is suspect. */
  readonly rowLimits?: readonly number[];
  /** The column with hashes of blocks that relays make themselves: these are delivered without being among the bids. */
  readonly makesBlocks?: string;
}

/**
 * How a relay's software speaks (facts: relay-data-api §1.2). `flashbots`: the reference and its forks; `ultrasound`: Ultra
 * Sound's fork with its analytics; `helix`: Titan and other Helix relays (caching, de-duplication after LIMIT); `bloxroute`;
 * `dreamboat` and `freelay`: relays that are gone. `chain`: no relay, but what tells of the chain; it stands where one does.
 */
export type Dialect = RelayDialect | "chain";
export type RelayDialect = "flashbots" | "ultrasound" | "helix" | "bloxroute" | "dreamboat" | "freelay";

/** Where a dataset is served: the path behind the relay's URL, and the member of the answer that holds the rows, if they are in one. */
export interface Endpoint {
  readonly path: string;
  readonly envelope?: string;
}

export type Endpoints = Readonly<Partial<Record<Dialect, Endpoint>>>;

/** A part of the Data API that every relay has. */
export function everywhere(path: string): Readonly<Record<RelayDialect, Endpoint>> {
  const at = { path };
  return { flashbots: at, ultrasound: at, helix: at, bloxroute: at, dreamboat: at, freelay: at };
}

/** BigQuery's names of the types that columns have. */
export type ColumnType = "STRING" | "INT64" | "NUMERIC" | "TIMESTAMP" | "BOOL" | "FLOAT64";

/** What a relay's value must look like before it fits the column. */
export type FieldFormat =
  | "hash" // 0x and 64 hex digits
  | "pubkey" // 0x and 96 hex digits
  | "address" // 0x and 40 hex digits
  | "int64" // decimal, within 64 bits
  | "wei" // 1 to 29 decimal digits
  | "bool"
  | "hex" // 0x and up to 32 bytes
  | "text"
  | "json" // an object, kept as text with sorted keys
  | "time"; // RFC 3339, kept in UTC to the microsecond

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly required: boolean;
  readonly description: string;
  /** The relay's field that fills the column as it is; absent for columns that the ETL derives. */
  readonly field?: { readonly name: string; readonly format: FieldFormat };
  /** For a column that is a time made of the relay's fields: Unix ms, else Unix s. */
  readonly time?: { readonly ms: string; readonly s?: string };
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

/** Columns of the relay's fields of these formats. */
export const hash = (name: string, description: string): Column =>
  relayColumn(name, "STRING", true, "hash", description);
export const pubkey = (name: string, description: string): Column =>
  relayColumn(name, "STRING", true, "pubkey", description);
export const integer = (name: string, description: string): Column =>
  relayColumn(name, "INT64", false, "int64", description);

/** A column that one of the relay's fields fills as it is. */
export function relayColumn(
  name: string,
  type: ColumnType,
  isRequired: boolean,
  format: FieldFormat,
  description: string,
): Column {
  return { name, type, required: isRequired, description, field: { name, format } };
}

/** What every row begins with; `sent`: whether the relay says the slot in each row. */
export function leading({ sent }: { readonly sent: boolean }): readonly Column[] {
  const description = "Slot that the block was built for";
  return [
    required("relay", "STRING", "Relay's name in the directory"),
    sent ? relayColumn("slot", "INT64", true, "int64", description) : required("slot", "INT64", description),
    required("block_timestamp", "TIMESTAMP", "Start of the slot: genesis + 12 s × slot"),
  ];
}

/** The columns of a bid trace. */
export const bidTrace: readonly Column[] = [
  ...leading({ sent: true }),
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

/** What a relay sent beyond the columns. */
export const extra = optional(
  "extra",
  "STRING",
  "Fields that the relay sent and this table doesn't know, or can't hold in their columns: one JSON object with sorted keys; null without any",
);

/** How often a row came. */
export const copies: Column = {
  ...required("copies", "INT64", "How often the relay's answer held this very row (equal in every column)"),
  warehouseOnly: true,
};
