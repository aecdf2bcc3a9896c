import { type Column, optional, required } from "./definition.ts";
import { type DatasetName, datasets, forEachDataset } from "./dataset.ts";
import { importedBids, importedPayloads, importsTable, seenBids } from "./importTables.ts";

/** A table of the warehouse. */
export interface Table {
  readonly name: string;
  readonly description: string;
  /** In table order. */
  readonly columns: readonly Column[];
  /** Columns by which rows that belong together lie together: BigQuery's clustering, the order in Parquet files. */
  readonly order?: readonly string[];
  /** TIMESTAMP column by whose UTC day BigQuery partitions. */
  readonly partition?: string;
  /** INT64 column of slots by whose range BigQuery partitions. */
  readonly slotPartition?: string;
}

/** The rows of each dataset. */
export const rowTables = forEachDataset<Table>(({ name, description, columns, order }) => ({
  name,
  description,
  columns,
  order,
  partition: "block_timestamp",
}));

function loadsTable(dataset: DatasetName): Table {
  return {
    name: `${dataset}_loads`,
    description: `What of each chunk of the lake is in table ${dataset}: a row a chunk, also for chunks without rows`,
    slotPartition: "first_slot",
    order: ["relay", "first_slot"],
    columns: [
      required("relay", "STRING", "Relay's name in the directory"),
      required("first_slot", "INT64", "First slot of the chunk"),
      required("last_slot", "INT64", "Last slot of the chunk"),
      required("object", "STRING", "Name of the chunk's object in the lake"),
      required("generation", "INT64", "Generation of the object when it was last looked at; only grows"),
      required("revision", "INT64", "How often rows of the chunk had been replaced"),
      required(
        "covered",
        "STRING",
        `Slots whose rows are in table ${dataset}: a 0 or 1 a slot, first slot first`,
      ),
      required("suspect", "STRING", "Slots of these that are doubtful, written the same way"),
      required("rows", "INT64", "Rows in the object, copies counted"),
      required(
        "quarantined",
        "INT64",
        "Rows that the schema can't hold, copies counted; they are in the lake",
      ),
      optional(
        "error",
        "STRING",
        "Why this generation of the object can't be loaded; null where it is. What was loaded before stays",
      ),
      required("loaded_at", "TIMESTAMP", "When this row was written"),
      optional(
        "unproven",
        "STRING",
        "Slots answered without rows that nothing has shown to be empty, written the same way; null: kept from before empty answers needed witnesses",
      ),
      optional(
        "quarantined_slots",
        "STRING",
        "Slots of the quarantined rows, written the same way; null where there are none, and where they were kept from before this was",
      ),
    ],
  };
}

/** The ledger of each dataset. */
export const loadTables = forEachDataset(({ name }) => loadsTable(name));

export const relaysTable: Table = {
  name: "relays",
  description: "The relays of the network and what is to be had of them",
  columns: [
    required("name", "STRING", "Relay's name in the directory"),
    optional(
      "url",
      "STRING",
      "Origin of the relay's Data API; null where the directory doesn't know the relay",
    ),
    optional("pubkey", "STRING", "BLS public key of the relay, 0x hex; null where it isn't known"),
    optional(
      "filtering",
      "STRING",
      "Which transactions it leaves out now, or left out at its end: none, ofac; null where it isn't known",
    ),
    optional(
      "dialect",
      "STRING",
      "How its software speaks: flashbots, ultrasound, helix, bloxroute, dreamboat, freelay",
    ),
    required("state", "STRING", "active relays are asked; ended and off ones aren't"),
    optional("active_from", "INT64", "First slot that the relay worked in; null where open"),
    optional("active_to", "INT64", "Last slot that the relay worked in; null where open"),
    optional("collect_from", "INT64", "First slot that is to be collected; null: from active_from"),
    optional("alias_of", "STRING", "The relay whose data this one repeats"),
    ...["bids_horizon", "payloads_horizon"].map((name) =>
      optional(name, "INT64", "Null: table horizons has it for every dataset"),
    ),
  ],
};

export const horizonsTable: Table = {
  name: "horizons",
  description: "How far back each relay still shows a dataset, where that is known",
  order: ["dataset", "relay"],
  columns: [
    required("dataset", "STRING", "Name of the dataset"),
    required("relay", "STRING", "Relay's name in the directory"),
    required("oldest_slot", "INT64", "Oldest slot for which the relay still shows rows"),
  ],
};

export const rereadsTable: Table = {
  name: "rereads",
  description:
    "What reading slots again has shown: how well each relay's answers of a day agree with earlier ones",
  order: ["dataset", "relay", "day"],
  columns: [
    required("dataset", "STRING", "Name of the dataset"),
    required("relay", "STRING", "Relay's name in the directory"),
    required("day", "STRING", "UTC day of the slots, YYYY-MM-DD"),
    required("slots", "INT64", "Slots of that day that were read again"),
    required("differing", "INT64", "How many of these were answered differently"),
    required("rows_gained", "INT64", "Rows that these have more than before"),
  ],
};

export const canonicalBlocksTable: Table = {
  name: "canonical_blocks",
  description: "The canonical chain as far as it has been settled; from it payloads.reorged follows, by hash",
  slotPartition: "slot",
  order: ["slot"],
  columns: [
    required("slot", "INT64", "A settled slot"),
    optional(
      "block_hash",
      "STRING",
      "Hash of the canonical execution block, 0x hex; null where the slot has none",
    ),
  ],
};

export const paymentsTable: Table = {
  name: "payments",
  description:
    "Whether the proposer got what a delivered payload claims: a row a payload whose block is final, by the chain alone",
  slotPartition: "slot",
  order: ["relay", "slot"],
  columns: [
    required("relay", "STRING", "The relay that says it delivered the payload"),
    required("slot", "INT64", "Slot of the payload"),
    required("block_hash", "STRING", "Hash of the payload's block, 0x hex"),
    required("block_timestamp", "TIMESTAMP", "Start of the slot: genesis + 12 s × slot"),
    required("claimed", "NUMERIC", "Value that the payload claims, wei"),
    optional(
      "adjusted_value",
      "NUMERIC",
      "What the relay adjusted the value to, wei: then this is what is to be paid; null without",
    ),
    optional(
      "paid",
      "NUMERIC",
      "What was seen to be paid by the step that decided, wei; null where nothing could be seen",
    ),
    optional("difference", "NUMERIC", "Paid less what was to be paid, wei; null where paid is"),
    optional(
      "withdrawals",
      "NUMERIC",
      "Withdrawals to the recipient in the block, wei; they are no part of paid; null where the source doesn't tell them",
    ),
    required(
      "verdict",
      "STRING",
      "exact, more, less (no step found the whole value: a reason to look, not a proof), untestable, not_found, not_canonical",
    ),
    required(
      "method",
      "STRING",
      "The step that decided: block, balance, last_transaction, forwarder, forwards_on, distribution, spending, shortfall",
    ),
    optional("short_by", "NUMERIC", "What is lacking, wei; null unless the verdict is less"),
    required("tried", "STRING", "The steps that were possible, in order, with commas"),
    required("source", "STRING", "What told of the chain: rpc or xatu"),
    required("verified_at", "TIMESTAMP", "When the verdict was reached"),
  ],
};

export const buildersTable: Table = {
  name: "builders",
  description:
    "Names of builders' keys by what their canonical blocks bear as extra_data: a row a key and name, while most of the key's blocks bore it",
  order: ["pubkey"],
  columns: [
    required("pubkey", "STRING", "BLS public key of the builder, 0x hex"),
    required("name", "STRING", "Name that its blocks bear, spellings of one builder joined"),
    required("from_slot", "INT64", "Slot of its first block of that name"),
    required("to_slot", "INT64", "Slot of its last one so far"),
    required("blocks", "INT64", "Blocks of that name: at least 5"),
    required("share", "FLOAT64", "Share of these among the key's blocks of that time: at least 0.8"),
    required("source", "STRING", "What the name was taken from: extra_data"),
  ],
};

export const infoTable: Table = {
  name: "warehouse_info",
  description: "What this warehouse is: one row",
  columns: [
    required("network", "STRING", "The network that the warehouse belongs to"),
    required("version", "INT64", "Version of the warehouse's layout"),
    required("genesis", "INT64", "Start of slot 0, Unix s"),
    required("floor_slot", "INT64", "First slot that can hold MEV-Boost data"),
    required("created_at", "TIMESTAMP", "When the warehouse was made"),
    optional(
      "fixed_now",
      "INT64",
      "The date (Unix ms) for which the last load ran, where that wasn't the machine's; null: views take the current time",
    ),
  ],
};

/** The version that this program writes, and the only one that it works with. */
export const WAREHOUSE_VERSION = 1;

const inOrder = Object.keys(datasets) as DatasetName[];

/** All tables, in the order in which they are made. */
export const allTables: readonly Table[] = [
  infoTable,
  relaysTable,
  horizonsTable,
  rereadsTable,
  canonicalBlocksTable,
  paymentsTable,
  buildersTable,
  ...inOrder.map((name) => rowTables[name]),
  ...inOrder.map((name) => loadTables[name]),
  importsTable,
  importedBids,
  importedPayloads,
  seenBids,
];
