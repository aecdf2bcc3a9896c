import { type Network, SECONDS_PER_SLOT, SETTLE_LAG_SLOTS } from "../../chain/networks.ts";
import { DATASET_NAMES, datasets } from "../../datasets/dataset.ts";
import { loadTables, relaysTable, rowTables, type Table } from "../../datasets/tables.ts";
import { columnList, type DatasetPlace, tableName } from "./bigquerySql.ts";

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

export interface ViewSettings extends DatasetPlace {
  readonly network: Network;
  /** How many days back view `delivered` looks (28). Function `delivered_between` has the rest. */
  readonly days?: number;
}

/** Days that a view shows of tables whose queries must name their days. */
const WINDOW_DAYS = 28;
const DAY_SECONDS = 86_400;

/** The views of a warehouse, in an order in which they can be made. */
export function bigqueryViews(settings: ViewSettings): BigQueryView[] {
  const { days = WINDOW_DAYS } = settings;
  const window = `block_timestamp >= ${daysAgo(days)}`;
  return [
    {
      name: "loads",
      description: "The ledger of both datasets: what of each chunk of the lake is in the tables",
      query: loads(settings),
    },
    {
      name: "coverage",
      description:
        "By dataset, relay and UTC day: slots of the target, covered, missing, unavailable, suspect",
      query: coverageQuery(settings),
    },
    {
      name: "delivered",
      description: `Payloads of the last ${days} days beside the best bid of their relay, slot and parent; delivered_between has the others`,
      query: delivered(settings, window),
    },
  ];
}

/** The table functions of a warehouse; they are made behind its tables. */
export function bigqueryRoutines(settings: ViewSettings): BigQueryRoutine[] {
  return [
    {
      name: "delivered_between",
      description: "View delivered for the slots that begin from from_time on and before to_time",
      arguments: [
        { name: "from_time", typeKind: "TIMESTAMP" },
        { name: "to_time", typeKind: "TIMESTAMP" },
      ],
      body: delivered(settings, "block_timestamp >= from_time AND block_timestamp < to_time"),
    },
  ];
}

/** The views of a public dataset over the private one at `project` and `dataset`: rows of the last `days` days (28). */
export function publicViews({ days = WINDOW_DAYS, ...place }: ViewSettings): BigQueryView[] {
  return [rowTables.bids, rowTables.payloads].map((table) => ({
    name: table.name,
    description: `${table.description}; the last ${days} days`,
    query: `SELECT ${columnList(table.columns)}\nFROM ${tableName(place, table.name)}\nWHERE block_timestamp >= ${daysAgo(days)}`,
  }));
}

function daysAgo(days: number): string {
  if (!Number.isInteger(days) || days < 1) throw new RangeError(`not a number of days: ${days}`);
  return `TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL ${days} DAY)`;
}

function loads(place: DatasetPlace): string {
  return DATASET_NAMES.map((name) => ledgerRows(place, name, loadTables[name])).join("\nUNION ALL\n");
}

function ledgerRows(place: DatasetPlace, dataset: string, { name, columns }: Table): string {
  return `SELECT '${dataset}' AS dataset, ${columnList(columns)} FROM ${tableName(place, name)}`;
}

/** How many slots of a set like `covered` lie between two slots. */
const ones = (bits: string, from: string, to: string): string =>
  `LENGTH(REPLACE(SUBSTR(${bits}, GREATEST(${from}, first_slot) - first_slot + 1, ` +
  `GREATEST(LEAST(${to}, last_slot) - GREATEST(${from}, first_slot) + 1, 0)), '0', ''))`;

/**
 * View coverage's query. Days come from relays × calendar, so a relay that never answered shows up. A day's border lies within
 * a chunk, so each chunk is cut at it; slots are counted in the text of the bits, never one by one. Reads only the
 * ledgers and table relays. `settled` is the newest settled slot as an expression; by default that of the current time.
 */
export function coverageQuery(
  settings: ViewSettings,
  settled = `DIV((UNIX_SECONDS(CURRENT_TIMESTAMP()) - ${settings.network.genesis}), ${SECONDS_PER_SLOT}) - ${SETTLE_LAG_SLOTS}`,
): string {
  const { genesis, floor } = settings.network;
  const dayOf = (slot: string): string => `DIV((${genesis} + ${SECONDS_PER_SLOT} * ${slot}), ${DAY_SECONDS})`;
  // The first slot that begins in a day; the numerator isn't negative where the day begins before genesis.
  const firstOf = (day: string): string =>
    `DIV(GREATEST(${DAY_SECONDS} * (${day}) - ${genesis - SECONDS_PER_SLOT + 1}, 0), ${SECONDS_PER_SLOT})`;
  const held = DATASET_NAMES.map(
    (name) =>
      `SELECT '${name}' AS dataset, relay, first_slot, last_slot, covered, suspect FROM ${tableName(settings, loadTables[name].name)}`,
  );
  return `WITH targets AS (
  SELECT dataset, name AS relay,
    GREATEST(${floor}, COALESCE(active_from, 0), COALESCE(collect_from, 0)) AS first_target,
    LEAST(COALESCE(active_to, settled), settled) AS last_target,
    COALESCE(IF(dataset = 'bids', bids_horizon, payloads_horizon), 0) AS horizon
  FROM ${tableName(settings, relaysTable.name)}
  CROSS JOIN UNNEST([${DATASET_NAMES.map((name) => `'${name}'`).join(", ")}]) AS dataset
  CROSS JOIN (SELECT ${settled} AS settled)
), days AS (
  SELECT dataset, relay, first_target, last_target, horizon, day_number
  FROM targets
  CROSS JOIN UNNEST(GENERATE_ARRAY(${dayOf("first_target")}, ${dayOf("last_target")})) AS day_number
  WHERE first_target <= last_target
), spans AS (
  SELECT dataset, relay, day_number, horizon,
    GREATEST(first_target, ${firstOf("day_number")}) AS first_wanted,
    LEAST(last_target, ${firstOf("day_number + 1")} - 1) AS last_wanted
  FROM days
), ledger AS (
  ${held.join("\n  UNION ALL\n  ")}
), pieces AS (
  SELECT dataset, relay, first_slot, last_slot, covered, suspect, day_number
  FROM ledger
  CROSS JOIN UNNEST(GENERATE_ARRAY(${dayOf("first_slot")}, ${dayOf("last_slot")})) AS day_number
), held AS (
  SELECT pieces.dataset, pieces.relay, pieces.day_number,
    SUM(${ones("covered", "first_wanted", "last_wanted")}) AS covered,
    SUM(${ones("covered", "first_wanted", "LEAST(last_wanted, horizon - 1)")}) AS covered_below,
    SUM(${ones("suspect", "first_wanted", "last_wanted")}) AS suspect
  FROM pieces
  JOIN spans
    ON spans.dataset = pieces.dataset AND spans.relay = pieces.relay AND spans.day_number = pieces.day_number
  GROUP BY pieces.dataset, pieces.relay, pieces.day_number
), counted AS (
  SELECT spans.dataset, spans.relay, spans.day_number, last_wanted - first_wanted + 1 AS slots,
    COALESCE(held.covered, 0) AS covered,
    GREATEST(LEAST(last_wanted, horizon - 1) - first_wanted + 1, 0) - COALESCE(held.covered_below, 0) AS unavailable,
    COALESCE(held.suspect, 0) AS suspect
  FROM spans
  LEFT JOIN held
    ON held.dataset = spans.dataset AND held.relay = spans.relay AND held.day_number = spans.day_number
  WHERE first_wanted <= last_wanted
)
SELECT dataset, relay, DATE_FROM_UNIX_DATE(day_number) AS day, slots, covered,
  slots - covered - unavailable AS missing, unavailable, suspect
FROM counted`;
}

const { chunkSlots } = datasets.bids;

/**
 * `value_left` stays null where the slot's bids aren't covered, or none of them has the payload's parent. `window` limits the
 * days of both tables: a filter outside a view doesn't reach through its join.
 */
function delivered(place: DatasetPlace, window: string): string {
  return `SELECT ${columnList(rowTables.payloads.columns, "payload")}, best.best_value,
  IF(
    best.best_value IS NULL
      OR COALESCE(SUBSTR(ledger.covered, payload.slot - ledger.first_slot + 1, 1), '0') = '0',
    NULL,
    GREATEST(best.best_value - payload.value, 0)
  ) AS value_left
FROM (
  SELECT ${columnList(rowTables.payloads.columns)}
  FROM ${tableName(place, rowTables.payloads.name)}
  WHERE ${window}
) AS payload
LEFT JOIN (
  SELECT relay, slot, parent_hash, MAX(value) AS best_value
  FROM ${tableName(place, rowTables.bids.name)}
  WHERE ${window}
  GROUP BY relay, slot, parent_hash
) AS best
  ON best.relay = payload.relay AND best.slot = payload.slot AND best.parent_hash = payload.parent_hash
LEFT JOIN ${tableName(place, loadTables.bids.name)} AS ledger
  ON ledger.relay = payload.relay AND ledger.first_slot = payload.slot - MOD(payload.slot, ${chunkSlots})`;
}
