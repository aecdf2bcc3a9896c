import { SECONDS_PER_SLOT, SETTLE_LAG_SLOTS } from "../../chain/networks.ts";
import { DATASET_NAMES, datasets } from "../../datasets/dataset.ts";
import { loadTables, rowTables } from "../../datasets/tables.ts";

export const DAY_SECONDS = 86_400;

/** The newest settled slot, from the columns of warehouse_info. */
export const settledSlotSql = `((coalesce(fixed_now, epoch_ms(now())) // 1000 - genesis) // ${SECONDS_PER_SLOT} - ${SETTLE_LAG_SLOTS})`;

/** The first slot that begins at or after a Unix time (s) from genesis on. */
export function firstSlotSql(unixSeconds: string): string {
  return `((${unixSeconds} - genesis + ${SECONDS_PER_SLOT - 1}) // ${SECONDS_PER_SLOT})`;
}

/** The statements that make the views of a DuckDB warehouse. */
export function viewDdl(): string[] {
  return [`CREATE OR REPLACE VIEW loads AS ${loads}`, coverage, delivered];
}

const loads = DATASET_NAMES.map(
  (name) => `SELECT '${name}' AS dataset, * FROM ${loadTables[name].name}`,
).join(" UNION ALL ");

/** How many slots of a set like `covered` lie between two slots. */
const ones = (bits: string, from: string, to: string): string =>
  `length(replace(substr(${bits}, greatest(${from}, first_slot) - first_slot + 1, ` +
  `greatest(least(${to}, last_slot) - greatest(${from}, first_slot) + 1, 0)), '0', ''))`;

const dayOf = (slot: string): string => `(genesis + ${SECONDS_PER_SLOT} * ${slot}) // ${DAY_SECONDS}`;
const firstOf = (day: string): string => firstSlotSql(`${DAY_SECONDS} * (${day})`);

/**
 * Days come from relays × calendar, so a relay that never answered shows up. A day's border lies within a chunk, so
 * each chunk is cut at it; slots are counted in the text of the bits, never one by one.
 */
const coverage = `
CREATE OR REPLACE VIEW coverage AS
WITH targets AS (
  SELECT dataset, name AS relay, genesis,
    greatest(floor_slot, coalesce(active_from, 0), coalesce(collect_from, 0)) AS first_target,
    least(coalesce(active_to, settled), settled) AS last_target,
    coalesce(CASE dataset WHEN 'bids' THEN bids_horizon ELSE payloads_horizon END, 0) AS horizon
  FROM relays
  CROSS JOIN (VALUES ${DATASET_NAMES.map((name) => `('${name}')`).join(", ")}) AS names(dataset)
  CROSS JOIN (SELECT *, ${settledSlotSql} AS settled FROM warehouse_info)
), days AS (
  SELECT *, unnest(range(${dayOf("first_target")}, ${dayOf("last_target")} + 1)) AS day_number
  FROM targets WHERE first_target <= last_target
), spans AS (
  SELECT dataset, relay, day_number, horizon,
    greatest(first_target, ${firstOf("day_number")}) AS first_wanted,
    least(last_target, ${firstOf("day_number + 1")} - 1) AS last_wanted
  FROM days
), pieces AS (
  SELECT loads.*, unnest(range(${dayOf("first_slot")}, ${dayOf("last_slot")} + 1)) AS day_number
  FROM loads CROSS JOIN warehouse_info
), held AS (
  SELECT dataset, relay, day_number,
    sum(${ones("covered", "first_wanted", "last_wanted")}) AS covered,
    sum(${ones("covered", "first_wanted", "least(last_wanted, horizon - 1)")}) AS covered_below,
    sum(${ones("suspect", "first_wanted", "last_wanted")}) AS suspect
  FROM pieces JOIN spans USING (dataset, relay, day_number)
  GROUP BY dataset, relay, day_number
), counted AS (
  SELECT dataset, relay, day_number, last_wanted - first_wanted + 1 AS slots,
    coalesce(covered, 0) AS covered,
    greatest(least(last_wanted, horizon - 1) - first_wanted + 1, 0) - coalesce(covered_below, 0) AS unavailable,
    coalesce(suspect, 0) AS suspect
  FROM spans LEFT JOIN held USING (dataset, relay, day_number)
  WHERE first_wanted <= last_wanted
)
SELECT dataset, relay, DATE '1970-01-01' + day_number::INTEGER AS day, slots,
  covered::BIGINT AS covered, (slots - covered - unavailable)::BIGINT AS missing,
  unavailable::BIGINT AS unavailable, suspect::BIGINT AS suspect
FROM counted`;

const { chunkSlots } = datasets.bids;

/** `value_left` stays null where the slot's bids aren't covered, or none of them has the payload's parent. */
const delivered = `
CREATE OR REPLACE VIEW delivered AS
WITH best AS (
  SELECT relay, slot, parent_hash, max(value) AS best_value FROM ${rowTables.bids.name} GROUP BY ALL
)
SELECT payload.*, best_value,
  CASE
    WHEN best_value IS NULL OR coalesce(substr(covered, slot - first_slot + 1, 1), '0') = '0' THEN NULL
    ELSE greatest(best_value - value, 0)::DECIMAL(38,0)
  END AS value_left
FROM ${rowTables.payloads.name} AS payload
LEFT JOIN best USING (relay, slot, parent_hash)
LEFT JOIN (SELECT relay AS loaded_relay, first_slot, covered FROM ${loadTables.bids.name})
  ON loaded_relay = relay AND first_slot = slot - slot % ${chunkSlots}`;
