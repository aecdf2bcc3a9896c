import { type Column, type ColumnType } from "./definition.ts";
import { type AuctionDataset, datasets } from "./dataset.ts";
import { loadTables } from "./tables.ts";

/** A column of a view; types by BigQuery's names. */
export interface ViewColumn {
  readonly name: string;
  readonly type: ColumnType | "FLOAT64" | "DATE";
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
    description: "The finalized chain, one row a slot: of what told of it, the source that knows most",
    columns: datasets.chain_blocks.columns,
  },
  bids_readable: readableView(
    "bids",
    "Table bids with value in ETH, builder's name, ms into the slot and date",
  ),
  payloads_readable: readableView("payloads", "Table payloads with value in ETH, builder's name and date"),
} as const satisfies Readonly<Record<string, View>>;
