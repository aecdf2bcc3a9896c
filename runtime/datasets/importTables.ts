import { type Column, optional, required } from "./definition.ts";
import { datasets } from "./dataset.ts";

/** What files of others' archives are brought into: the product's bids and payloads, or bids seen across relays. */
export const IMPORT_DATASETS = ["bids", "payloads", "seen_bids"] as const;
export type ImportDataset = (typeof IMPORT_DATASETS)[number];

/** Whose archives can be imported, the one that is believed first where several have a row. */
export const IMPORT_SOURCES = ["flashbots-dump", "eden", "xatu", "mevboost-data", "bid-archive"] as const;
export type ImportSource = (typeof IMPORT_SOURCES)[number];

/** What no source lacks. */
const ALWAYS = ["relay", "slot", "block_timestamp", "block_hash"];

const origin: readonly Column[] = [
  required("source", "STRING", `Whose archive it is from: ${IMPORT_SOURCES.join(", ")}`),
  required("source_file", "STRING", "The file that it is from, by its name in the lake"),
];

/** The dataset's columns as far as files of others have them: null where the source lacks one. */
function imported(columns: readonly Column[], without: readonly string[]): readonly Column[] {
  return columns
    .filter(({ name }) => !without.includes(name))
    .map(({ name, type, description }) =>
      name === "copies"
        ? optional(name, type, "How often the file held this very row; null where the source can't tell")
        : { name, type, description, required: ALWAYS.includes(name) },
    );
}

export const importedBids = {
  name: "imported_bids",
  description: "Bids as others' archives have them, of relays and times that this warehouse may lack",
  partition: "block_timestamp",
  order: ["relay", "slot"],
  // What is their own stands first: a column that a dataset gets is appended there, and must be here.
  columns: [...origin, ...imported(datasets.bids.columns, ["extra"])],
};

export const importedPayloads = {
  name: "imported_payloads",
  description: "Delivered payloads as others' archives have them",
  partition: "block_timestamp",
  order: ["relay", "slot"],
  columns: [
    ...origin,
    optional(
      "value_eth_float",
      "FLOAT64",
      "Value in ETH of sources that only say a rounded number; value is null then",
    ),
    ...imported(datasets.payloads.columns, ["extra", "copies", "reorged"]),
  ],
};

export const seenBids = {
  name: "seen_bids",
  description:
    "Bids as the relayscan archive saw them: of each bid the relay that showed it first, so no relay's bids are whole here",
  partition: "block_timestamp",
  order: ["slot", "builder_pubkey"],
  columns: [
    ...origin,
    required("source_type", "INT64", "0: a getHeader poll, 1: the Data API, 2: Ultra Sound's stream"),
    required("received_at_ms", "INT64", "When the archive got it, Unix ms"),
    optional("timestamp_ms", "INT64", "When the relay got it, as the relay says, Unix ms"),
    required("slot", "INT64", "Slot that the block was built for"),
    optional("slot_t_ms", "INT64", "Milliseconds into the slot, as the archive counts them"),
    required("value", "NUMERIC", "Value promised to the proposer, wei"),
    required("block_hash", "STRING", "Hash of the offered block, 0x hex"),
    required("parent_hash", "STRING", "Hash of the parent block, 0x hex"),
    optional("builder_pubkey", "STRING", "BLS public key of the builder, 0x hex; polls don't say it"),
    optional("block_number", "INT64", "Number of the block"),
    optional("block_fee_recipient", "STRING", "Address that the block's fees go to, 0x hex"),
    required("relay", "STRING", "The relay that showed it, by its name in the directory"),
    optional("proposer_pubkey", "STRING", "BLS public key of the slot's proposer, 0x hex"),
    optional("proposer_fee_recipient", "STRING", "Address that the proposer is paid at, 0x hex"),
    optional("optimistic_submission", "BOOL", "Said by the Data API alone"),
    required("block_timestamp", "TIMESTAMP", "Start of the slot: genesis + 12 s × slot"),
  ],
};

export const importsTable = {
  name: "imports",
  description: "The files of others' archives that were imported: a row a file",
  order: ["source", "dataset", "source_file"],
  columns: [
    required("source", "STRING", `Whose archive it is from: ${IMPORT_SOURCES.join(", ")}`),
    required("dataset", "STRING", "bids, payloads or seen_bids"),
    required("source_file", "STRING", "The file's name in the lake"),
    optional("url", "STRING", "Where it was downloaded; null for a file that was given"),
    optional("etag", "STRING", "What the server called this state of it; null without"),
    required("sha256", "STRING", "Digest of the file, hex"),
    required("bytes", "INT64", "Size of the file"),
    required("rows", "INT64", "Rows that came into the table"),
    required(
      "refused",
      "INT64",
      "Rows of the file that the table can't hold; the lake's quarantine has them",
    ),
    optional("refused_causes", "STRING", "How many by cause, a JSON object; null without any"),
    optional("first_slot", "INT64", "First slot of the rows; null without any"),
    optional("last_slot", "INT64", "Last slot of the rows; null without any"),
    optional("licence", "STRING", "Under which the source gives it away; null where it states none"),
    required("imported_at", "TIMESTAMP", "When it was imported"),
    required("version", "INT64", "Version of the importer"),
  ],
};

/** The table of each dataset's rows. */
export const importRowTables: Readonly<
  Record<ImportDataset, { readonly name: string; readonly columns: readonly Column[] }>
> = { bids: importedBids, payloads: importedPayloads, seen_bids: seenBids };
