import { FINAL_LAG_SLOTS, type Network, SECONDS_PER_SLOT, SETTLE_LAG_SLOTS } from "../../chain/networks.ts";
import { AUCTION, DATASET_NAMES, type Dataset, datasets } from "../../datasets/dataset.ts";
import { horizonsTable, loadTables, relaysTable, rowTables, type Table } from "../../datasets/tables.ts";
import type { SqlDialect } from "./dialect.ts";
import { believedSql, ceilingSql, magnitudeSql } from "./plausibleValues.ts";

const DAY_SECONDS = 86_400;

/** How a dialect's statements name a table of the warehouse. */
export type TableNamer = (table: string) => string;

/** How many slots of a set like `covered` lie between two slots. */
const ones = (bits: string, from: string, to: string): string =>
  `LENGTH(REPLACE(SUBSTR(${bits}, GREATEST(${from}, first_slot) - first_slot + 1, ` +
  `GREATEST(LEAST(${to}, last_slot) - GREATEST(${from}, first_slot) + 1, 0)), '0', ''))`;

/** The newest settled slot at a Unix time, s. */
export function settledSlotSql(d: SqlDialect, { genesis }: Network, unixSeconds: string): string {
  return `${d.div(`(${unixSeconds} - ${genesis})`, SECONDS_PER_SLOT)} - ${SETTLE_LAG_SLOTS}`;
}

/** The first slot that begins in a day (days since 1970); the numerator isn't negative where the day begins before genesis. */
export function firstSlotOfDaySql(d: SqlDialect, { genesis }: Network, day: string): string {
  const seconds = `${DAY_SECONDS} * (${day}) - ${genesis - SECONDS_PER_SLOT + 1}`;
  return d.div(`GREATEST(${seconds}, 0)`, SECONDS_PER_SLOT);
}

/** View loads: the ledger of all datasets. */
export function loadsQuery(d: SqlDialect, table: TableNamer): string {
  const rows = (dataset: string, { name, columns }: Table) =>
    `SELECT '${dataset}' AS dataset, ${d.columns(columns)} FROM ${table(name)}`;
  return DATASET_NAMES.map((name) => rows(name, loadTables[name])).join("\nUNION ALL\n");
}

/** Whether a relay is to have a dataset: one that only some dialects speak isn't wanted of the others. */
function hadSql(): string {
  const extras = DATASET_NAMES.filter((name) => !AUCTION.some((each) => each === name));
  const of = extras.map((name) => {
    const dialects = Object.keys(datasets[name].endpoints).map((dialect) => `'${dialect}'`);
    return `(of_dataset = '${name}' AND dialect IN (${dialects.join(", ")}))`;
  });
  const auction = AUCTION.map((name) => `'${name}'`).join(", ");
  return [`(of_dataset IN (${auction}) AND COALESCE(dialect, '') <> 'chain')`, ...of].join(" OR ");
}

/** The slots that each relay is to have of each dataset, and the oldest that it shows. */
function targetsSql(d: SqlDialect, table: TableNamer, floor: number, settled: string): string {
  return `SELECT of_dataset AS dataset, name AS relay,
    GREATEST(${floor}, COALESCE(active_from, 0), COALESCE(collect_from, 0)) AS first_target,
    LEAST(
      COALESCE(active_to, settled),
      IF(dialect = 'chain', settled - ${FINAL_LAG_SLOTS - SETTLE_LAG_SLOTS}, settled)
    ) AS last_target,
    COALESCE(oldest_slot, 0) AS horizon
  FROM (
    SELECT name, dialect, active_from, active_to, collect_from, dataset AS of_dataset
    FROM ${table(relaysTable.name)}
    CROSS JOIN ${d.elements(
      DATASET_NAMES.map((name) => `'${name}'`),
      "dataset",
    )}
  ) AS relays
  CROSS JOIN (SELECT ${settled} AS settled)
  LEFT JOIN ${table(horizonsTable.name)} AS horizons
    ON horizons.relay = relays.name AND horizons.dataset = of_dataset
  WHERE ${hadSql()}`;
}

/**
 * View coverage's query. Days come from relays × calendar, so a relay that never answered shows up. A day's border lies within
 * a chunk, so each chunk is cut at it; slots are counted in the text of the bits, never one by one. Reads only the
 * ledgers and table relays. `settled` is the newest settled slot as an expression.
 */
export function coverageQuery(d: SqlDialect, table: TableNamer, network: Network, settled: string): string {
  const { genesis, floor } = network;
  const dayOf = (slot: string): string => d.div(`(${genesis} + ${SECONDS_PER_SLOT} * ${slot})`, DAY_SECONDS);
  const firstOf = (day: string): string => firstSlotOfDaySql(d, network, day);
  const days = (first: string, last: string): string => d.integers(dayOf(first), dayOf(last), "day_number");
  const held = DATASET_NAMES.map(
    (name) =>
      `SELECT '${name}' AS dataset, relay, first_slot, last_slot, covered, suspect FROM ${table(loadTables[name].name)}`,
  );
  return `WITH targets AS (
  ${targetsSql(d, table, floor, settled)}
), days AS (
  SELECT dataset, relay, first_target, last_target, horizon, day_number
  FROM targets
  CROSS JOIN ${days("first_target", "last_target")}
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
  CROSS JOIN ${days("first_slot", "last_slot")}
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
SELECT dataset, relay, ${d.dateOfDay("day_number")} AS day, slots, ${d.whole("covered", "covered")},
  ${d.whole("slots - covered - unavailable", "missing")}, ${d.whole("unavailable", "unavailable")}, ${d.whole("suspect", "suspect")}
FROM counted`;
}

/** Sources of the chain, the one that knows most of a slot first. */
const SOURCES = ["beacon", "xatu", "execution", "bigquery"] as const;

/** View blocks: one row a slot of table chain_blocks. `window` limits its days. */
export function blocksQuery(d: SqlDialect, table: TableNamer, window: string): string {
  const { name, columns } = rowTables.chain_blocks;
  const rank = SOURCES.map((source, place) => `WHEN '${source}' THEN ${place}`).join(" ");
  return `SELECT ${d.columns(columns)}
FROM ${table(name)}
WHERE ${window}
QUALIFY ROW_NUMBER() OVER (PARTITION BY slot ORDER BY CASE relay ${rank} ELSE ${SOURCES.length} END, relay) = 1`;
}

const { chunkSlots } = datasets.bids;

/**
 * View delivered: each payload beside the best bid of its relay, slot and parent. `value_left` stays null where the slot's bids
 * aren't covered, or none of them has the payload's parent. `believed` and `best_believed` are the report's rule. `window`
 * limits the days of all tables: a filter outside a view doesn't reach through its join.
 */
export function deliveredQuery(d: SqlDialect, table: TableNamer, window: string): string {
  const { payloads, bids } = rowTables;
  const [paid, best] = [d.double("payload.value"), d.double("best.best_value")];
  const believed = believedSql(paid, "usual.wei");
  const ceiling = ceilingSql("usual.wei", `IF(${believed}, ${paid}, NULL)`);
  return `SELECT ${d.columns(payloads.columns, "payload")}, best.best_value,
  IF(
    best.best_value IS NULL
      OR COALESCE(SUBSTR(ledger.covered, payload.slot - ledger.first_slot + 1, 1), '0') = '0',
    NULL,
    GREATEST(best.best_value - payload.value, 0)
  ) AS value_left,
  ${believed} AS believed,
  IF(
    best.best_value IS NULL,
    NULL,
    ${magnitudeSql(`greatest(${best}, 1)`)} <= ${magnitudeSql(`greatest(${ceiling}, 1)`)}
  ) AS best_believed,
  ${madeColumns("adjusted", "submitted_value")},
  ${madeColumns("merged", "original_value")}
FROM (
  SELECT ${d.columns(payloads.columns)}
  FROM ${table(payloads.name)}
  WHERE ${window}
) AS payload
LEFT JOIN (
  SELECT relay, slot, parent_hash, MAX(value) AS best_value
  FROM ${table(bids.name)}
  WHERE ${window}
  GROUP BY relay, slot, parent_hash
) AS best
  ON best.relay = payload.relay AND best.slot = payload.slot AND best.parent_hash = payload.parent_hash
LEFT JOIN (
  SELECT slot, EXP(AVG(LN(${d.double("value")}))) AS wei
  FROM ${table(bids.name)}
  WHERE ${window} AND value > 0
  GROUP BY slot
) AS usual
  ON usual.slot = payload.slot
LEFT JOIN ${table(loadTables.bids.name)} AS ledger
  ON ledger.relay = payload.relay AND ledger.first_slot = payload.slot - MOD(payload.slot, ${chunkSlots})
${madeJoins(table, datasets.adjustments, ["adjusted", "submitted_value"], window)}
${madeJoins(table, datasets.merged_blocks, ["merged", "original_value"], window)}`;
}

/** Whether a relay made the payload's block, and the value of what it made it of. */
function madeColumns(as: string, value: string): string {
  const bit = `SUBSTR(${as}_ledger.covered, payload.slot - ${as}_ledger.first_slot + 1, 1)`;
  return `IF(${as}.slot IS NOT NULL, TRUE, IF(${bit} = '1', FALSE, NULL)) AS ${as},
  ${as}.${value}`;
}

/** The blocks that relays made, and the ledger that says of which slots they are known; of equal hashes one. */
function madeJoins(
  table: TableNamer,
  { name, makesBlocks = "", chunkSlots: slots }: Dataset,
  [as, value]: readonly [string, string],
  window: string,
): string {
  return `LEFT JOIN (
  SELECT relay, slot, ${makesBlocks} AS made_hash, MAX(${value}) AS ${value}
  FROM ${table(name)}
  WHERE ${window}
  GROUP BY relay, slot, ${makesBlocks}
) AS ${as}
  ON ${as}.relay = payload.relay AND ${as}.slot = payload.slot AND ${as}.made_hash = payload.block_hash
LEFT JOIN ${table(loadTables[name].name)} AS ${as}_ledger
  ON ${as}_ledger.relay = payload.relay AND ${as}_ledger.first_slot = payload.slot - MOD(payload.slot, ${slots})`;
}
