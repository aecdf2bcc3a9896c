import { type Column, type ColumnType } from "./definition.ts";
import { type AuctionDataset, datasets } from "./dataset.ts";
import { importedBids, importedPayloads } from "./importTables.ts";
import { loadTables } from "./tables.ts";

/** A column of a view; types by BigQuery's names. */
export interface ViewColumn {
  readonly name: string;
  readonly type: ColumnType | "DATE" | "ARRAY<STRING>";
  readonly description: string;
}

/** A view of the warehouse, the same in both forms. */
export interface View {
  readonly name: string;
  readonly description: string;
  /** In order. */
  readonly columns: readonly ViewColumn[];
}

const column = (name: string, type: ViewColumn["type"], description: string): ViewColumn => ({
  name,
  type,
  description,
});
const dataset = column("dataset", "STRING", "Name of the dataset");

/** What stands in a readable view behind a column of its table, by that column. */
const readableColumns: ReadonlyMap<string, ViewColumn> = new Map([
  ["block_timestamp", column("date", "DATE", "UTC day of the slot")],
  [
    "builder_pubkey",
    column("builder", "STRING", "Builder's name where one is built in, else the ends of its public key"),
  ],
  ["value", column("value_eth", "FLOAT64", "value in ETH: rounded to some 16 digits, for plots and sums")],
  ["timestamp", column("ms_into_slot", "INT64", "timestamp less the start of the slot; null without one")],
]);

function readableView<N extends AuctionDataset>(name: N, description: string) {
  return {
    name: `${name}_readable` as const,
    description,
    columns: datasets[name].columns.flatMap((own: Column): ViewColumn[] => {
      const more = readableColumns.get(own.name);
      return more === undefined ? [own] : [own, more];
    }),
  };
}

/** Columns of imported rows in views in which own ones stand beside them. */
function withOwn(columns: readonly Column[]): ViewColumn[] {
  return columns.map((own) => {
    if (own.name === "source") return column("source", "STRING", "relay: an own row; else whose archive");
    if (own.name === "source_file") return column("source_file", "STRING", "Null in own rows");
    return column(own.name, own.type, own.description);
  });
}

/** The views of a warehouse by their names. */
export const views = {
  loads: {
    name: "loads",
    description: "The ledger of all datasets: what of each chunk of the lake is in the tables",
    columns: [dataset, ...loadTables.bids.columns],
  },
  coverage: {
    name: "coverage",
    description: "By dataset, relay and UTC day: slots of the target, covered, missing, unavailable, suspect",
    columns: [
      dataset,
      column("relay", "STRING", "Relay's name in the directory"),
      column("day", "DATE", "UTC day"),
      column("slots", "INT64", "Slots of that day that are to be had of the relay"),
      column("covered", "INT64", "Slots of these whose rows are in the table"),
      column("missing", "INT64", "Slots that are neither covered nor unavailable"),
      column("unavailable", "INT64", "Slots not covered that lie below the oldest one that the relay shows"),
      column("suspect", "INT64", "Covered slots that are doubtful"),
    ],
  },
  delivered: {
    name: "delivered",
    description: "Payloads beside the best bid of their relay, slot and parent",
    columns: [
      ...datasets.payloads.columns,
      column(
        "best_value",
        "NUMERIC",
        "Largest bid of the same relay, slot and parent_hash; null without any",
      ),
      column(
        "value_left",
        "NUMERIC",
        "max(0, best_value − value); null where the slot's bids aren't covered or none has this parent",
      ),
      column("believed", "BOOL", "Whether value can have been paid, by the report's rule"),
      column(
        "best_believed",
        "BOOL",
        "Whether best_value, and with it value_left, is a bid that can be believed, by the report's rule; null without any",
      ),
      column(
        "adjusted",
        "BOOL",
        "Whether the relay made the block of a bid by adjusting its value; null where that slot's adjustments aren't covered",
      ),
      column(
        "submitted_value",
        "NUMERIC",
        "Value of that bid as it was submitted, wei; null unless adjusted",
      ),
      column(
        "merged",
        "BOOL",
        "Whether the relay made the block of a bid by merging others' orders into it; null where that slot's merged blocks aren't covered",
      ),
      column("original_value", "NUMERIC", "Value of that bid for the proposer, wei; null unless merged"),
    ],
  },
  blocks: {
    name: "blocks",
    description: "Table chain_blocks with one row a slot, of the source that tells most",
    columns: [
      column("source", "STRING", "Whose row it is: beacon, xatu, execution or bigquery"),
      ...datasets.chain_blocks.columns.filter(({ name }) => name !== "relay" && name !== "copies"),
    ],
  },
  slots: {
    name: "slots",
    description:
      "A row a slot of which anything is known: its block, who built, delivered and offered it, what was claimed, paid and left, and whether it came by MEV-Boost",
    columns: [
      column("slot", "INT64", "The slot"),
      column("block_timestamp", "TIMESTAMP", "Start of the slot: genesis + 12 s × slot"),
      column("status", "STRING", "canonical, missed, orphaned; null where the chain isn't known"),
      column(
        "block_hash",
        "STRING",
        "The canonical block; where the slot was missed or the chain isn't known, the delivered one, of several the orphaned one, else that of most relays",
      ),
      column("block_number", "INT64", "Its number"),
      column("proposer_index", "INT64", "Index of the slot's proposer; null where the chain doesn't tell it"),
      column("proposer_pubkey", "STRING", "BLS public key of the slot's proposer, 0x hex"),
      column(
        "builder",
        "STRING",
        "Builder's name by its blocks (table builders), else where one is built in, else the ends of its public key; null where no relay delivered the block",
      ),
      column(
        "builder_pubkey",
        "STRING",
        "BLS public key of the builder, 0x hex; null where no relay delivered the block",
      ),
      column("relays", "ARRAY<STRING>", "Relays that delivered the block, in order of names"),
      column("bid_relays", "ARRAY<STRING>", "Relays that show it among their bids, in order of names"),
      column(
        "claimed",
        "NUMERIC",
        "What the relays say it pays the proposer, wei: the least of what they say; 0 only where all say so",
      ),
      column(
        "paid",
        "NUMERIC",
        "What the chain shows to be paid, wei (table payments); null where that isn't known",
      ),
      column(
        "adjusted",
        "NUMERIC",
        "What a relay took off the builder's bid by an adjustment, wei; null without one",
      ),
      column("merged", "NUMERIC", "What merging added for the proposer, wei; null without it"),
      column(
        "best_bid",
        "NUMERIC",
        "Largest bid of any relay on the block's parent that can be believed by the report's rule, wei",
      ),
      column(
        "value_left",
        "NUMERIC",
        "max(0, best_bid − claimed), wei: at least so much, where bids of some relays aren't covered; null without either",
      ),
      column(
        "why",
        "STRING",
        "Why value was left, the first that fits: adjusted (no more than the adjustment took off), late (the best bid came after the last header was asked for), other_relay (no relay that delivered had it), unknown; null where nothing was left",
      ),
      column("headers_asked", "INT64", "How often proposers were given a header; null where no relay tells"),
      column("first_header", "TIMESTAMP", "When for the first time"),
      column("last_header", "TIMESTAMP", "When for the last time"),
      column("blobs", "INT64", "Blobs in the canonical block"),
      column(
        "mev_boost",
        "STRING",
        "yes: a relay delivered the block (or, where the slot was missed or the chain isn't known, any block). no: the canonical block came by none of the relays of that time, whose payloads are all covered and beyond doubt, with none in quarantine. Null: not known",
      ),
    ],
  },
  bids_by_50ms: {
    name: "bids_by_50ms",
    description: "What each builder bid on any relay, by slot and 50 ms",
    columns: [
      column("slot", "INT64", "The slot"),
      column("block_timestamp", "TIMESTAMP", "Start of the slot: genesis + 12 s × slot"),
      column("builder", "STRING", "Builder's name, as in view slots"),
      column("builder_pubkey", "STRING", "BLS public key of the builder, 0x hex"),
      column("bucket_ms", "INT64", "Start of the 50 ms, counted from the slot's start; negative before it"),
      column("best_value", "NUMERIC", "Largest bid of the builder then, wei"),
      column("bids", "INT64", "Blocks that it offered then, each once however many relays show it"),
    ],
  },
  payloads_all: {
    name: "payloads_all",
    description:
      "Payloads and imported ones, a row a relay, slot and block: an own row where there is one, else that of the archive that is believed first",
    columns: withOwn(importedPayloads.columns),
  },
  bids_all: {
    name: "bids_all",
    description:
      "Bids and imported ones: of each relay and slot the own rows where there are any, else those of one archive's file",
    columns: withOwn(importedBids.columns),
  },
  import_agreement: {
    name: "import_agreement",
    description:
      "How far an archive agrees with what this warehouse collected itself: by dataset, archive, relay and day, over slots that are covered and that the archive reaches",
    columns: [
      dataset,
      column("source", "STRING", "Whose archive it is"),
      column("relay", "STRING", "Relay's name in the directory"),
      column("day", "DATE", "UTC day"),
      column("own_rows", "INT64", "Blocks of own rows, each once a slot"),
      column("found", "INT64", "How many of these the archive has"),
      column("equal_values", "INT64", "How many of the found ones it gives the same value"),
      column("only_import", "INT64", "Blocks that the archive has in covered slots and the own rows don't"),
      column("compared", "INT64", "Found ones of which the archive states a value"),
    ],
  },
  bids_readable: readableView(
    "bids",
    "Table bids with value in ETH, builder's name, ms into the slot and date",
  ),
  payloads_readable: readableView("payloads", "Table payloads with value in ETH, builder's name and date"),
} as const satisfies Readonly<Record<string, View>>;
