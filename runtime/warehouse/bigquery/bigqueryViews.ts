import type { Network } from "../../chain/networks.ts";
import { AUCTION } from "../../datasets/dataset.ts";
import { rowTables } from "../../datasets/tables.ts";
import { type View, views } from "../../datasets/views.ts";
import { bigqueryDialect } from "../sql/bigqueryDialect.ts";
import { blocksQuery } from "../sql/blocksView.ts";
import { bucketsQuery } from "../sql/bucketsView.ts";
import { agreementQuery, bidsAllQuery, payloadsAllQuery } from "../sql/importViews.ts";
import { slotsQuery } from "../sql/slotsView.ts";
import { readableQuery } from "../sql/readableViews.ts";
import { coverageQuery, deliveredQuery, loadsQuery, settledSlotSql, type TableNamer } from "../sql/views.ts";
import { columnList, type DatasetPlace, tableName } from "./bigquerySql.ts";

const dialect = bigqueryDialect;

/** A view in GoogleSQL (never legacy SQL). */
export interface BigQueryView {
  readonly name: string;
  readonly description: string;
  readonly query: string;
}

/** A table function: `SELECT … FROM dataset.name(arguments)`. */
export interface BigQueryRoutine {
  readonly name: string;
  readonly description: string;
  /** In order; the types are the API's `typeKind`. */
  readonly arguments: readonly { readonly name: string; readonly typeKind: "TIMESTAMP" }[];
  /** The body alone, without CREATE. */
  readonly body: string;
}

/** Which tables the views read, and how they are cut. */
export interface ViewSettings extends DatasetPlace {
  readonly network: Network;
  /** How many days back view `delivered` looks (28). Function `delivered_between` has the rest. */
  readonly days?: number;
}

/** Days that a view shows of tables whose queries must name their days. */
const WINDOW_DAYS = 28;

/** The views of a warehouse, in an order in which they can be made. */
export function bigqueryViews(settings: ViewSettings): BigQueryView[] {
  const { days = WINDOW_DAYS } = settings;
  const window = `block_timestamp >= ${daysAgo(days)}`;
  const names = namesIn(settings);
  const { loads, coverage, delivered } = views;
  return [
    { ...described(loads), query: loadsQuery(dialect, names) },
    { ...described(coverage), query: coverageView(settings) },
    {
      name: delivered.name,
      description: `Payloads of the last ${days} days beside the best bid of their relay, slot and parent; delivered_between has the others`,
      query: deliveredQuery(dialect, names, window),
    },
    { ...described(views.blocks, days), query: blocksQuery(dialect, names, window) },
    {
      ...described(views.slots, days),
      query: slotsQuery({ d: dialect, table: names, network: settings.network, window }),
    },
    {
      ...described(views.bids_by_50ms, days),
      query: bucketsQuery(dialect, names, settings.network, window),
    },
    { ...described(views.payloads_all, days), query: payloadsAllQuery(dialect, names, window) },
    { ...described(views.bids_all, days), query: bidsAllQuery(dialect, names, window) },
    { ...described(views.import_agreement, days), query: agreementQuery(dialect, names, window) },
    ...AUCTION.toReversed().map((name) => ({
      ...described(views[`${name}_readable`], days),
      // Of a table that demands a filter no view is made without one.
      query: readableQuery(dialect, names, settings.network, name, window),
    })),
  ];
}

/** `days`: the view shows so many, the last ones. */
function described(
  { name, description }: Pick<View, "name" | "description">,
  days?: number,
): Pick<BigQueryView, "name" | "description"> {
  return { name, description: days === undefined ? description : `${description}; the last ${days} days` };
}

/** The table functions of a warehouse; they are made behind its tables. */
export function bigqueryRoutines(settings: ViewSettings): BigQueryRoutine[] {
  const between = "block_timestamp >= from_time AND block_timestamp < to_time";
  const [names, { network }] = [namesIn(settings), settings];
  const bodies = {
    delivered: deliveredQuery(dialect, names, between),
    slots: slotsQuery({ d: dialect, table: names, network, window: between }),
    bids_by_50ms: bucketsQuery(dialect, names, network, between),
    payloads_all: payloadsAllQuery(dialect, names, between),
    bids_all: bidsAllQuery(dialect, names, between),
    import_agreement: agreementQuery(dialect, names, between),
  };
  return Object.entries(bodies).map(([view, body]) => ({
    name: `${view}_between`,
    description: `View ${view} for the slots that begin from from_time on and before to_time`,
    arguments: [
      { name: "from_time", typeKind: "TIMESTAMP" },
      { name: "to_time", typeKind: "TIMESTAMP" },
    ],
    // A body that begins with WITH isn't taken everywhere.
    body: body.startsWith("WITH") ? `SELECT * FROM (\n${body}\n)` : body,
  }));
}

/** The views of a public dataset over the private one at `project` and `dataset`: rows of the last `days` days (28). */
export function publicViews({ days = WINDOW_DAYS, ...place }: ViewSettings): BigQueryView[] {
  return Object.values(rowTables).map((table) => ({
    ...described(table, days),
    query: `SELECT ${columnList(table.columns)}\nFROM ${tableName(place, table.name)}\nWHERE block_timestamp >= ${daysAgo(days)}`,
  }));
}

function daysAgo(days: number): string {
  if (!Number.isInteger(days) || days < 1) throw new RangeError(`not a number of days: ${days}`);
  return `TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL ${days} DAY)`;
}

/** View coverage's query with the newest settled slot of the current time, or `settled`. */
export function coverageView(settings: ViewSettings, settled?: string): string {
  const now = settledSlotSql(dialect, settings.network, "UNIX_SECONDS(CURRENT_TIMESTAMP())");
  return coverageQuery(dialect, namesIn(settings), settings.network, settled ?? now);
}

const namesIn =
  (place: DatasetPlace): TableNamer =>
  (table) =>
    tableName(place, table);
