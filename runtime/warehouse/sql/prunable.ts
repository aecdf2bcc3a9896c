import { SECONDS_PER_SLOT } from "../../chain/networks.ts";
import { type DatasetName, datasets } from "../../datasets/dataset.ts";
import { loadTables } from "../../datasets/tables.ts";
import type { SqlDialect } from "./dialect.ts";
import { firstCoveredSql, inScope, lastCoveredSql, relayIn, type Scope } from "./scope.ts";

const DAY_MS = 86_400_000;

/** A moment, Unix ms, if it is the start of a UTC day. Throws RangeError. */
export function wholeDay(unixMs: number): number {
  if (unixMs % DAY_MS !== 0) throw new RangeError(`${unixMs} is not the start of a UTC day`);
  return unixMs;
}

/** What of a dataset's table lies before a moment (Unix ms): a row of `rows_before`, `first_slot`, `last_slot`, which are NULL for none. */
export function prunableSql(dialect: SqlDialect, dataset: DatasetName, beforeMs: number): string {
  return `SELECT count(*) AS rows_before, min(slot) AS first_slot, max(slot) AS last_slot
FROM ${dataset} WHERE block_timestamp < ${dialect.time(beforeMs)}`;
}

/** The chunks with rows that begin in a run of slots and were loaded: `relay`, `first_slot`, `object`. */
export function loadedChunksSql(dataset: DatasetName, first: number, last: number): string {
  return `SELECT relay, first_slot, object FROM ${loadTables[dataset].name} AS ledger
WHERE first_slot BETWEEN ${first} AND ${last} AND ledger.rows > 0`;
}

/**
 * The UTC days (`day`, counted since 1970) in scope of which rows of a dataset have left: the ledger has a chunk with rows, all that
 * is covered of it lies in scope, and the table has none of them. A day stays one of them when single slots of it come in again,
 * and is none any more once `load --rebuild` has brought it back whole.
 */
export function prunedDaysSql(d: SqlDialect, dataset: DatasetName, scope: Scope): string {
  const { network, range } = scope;
  const chunk = (slot: string) => d.div(slot, datasets[dataset].chunkSlots);
  return `SELECT DISTINCT ${d.div(`(${network.genesis} + ${SECONDS_PER_SLOT} * first_covered)`, 86_400)} AS day
FROM (
  SELECT relay, first_slot, ${firstCoveredSql} AS first_covered, ${lastCoveredSql} AS last_covered
  FROM ${loadTables[dataset].name} AS ledger
  WHERE ledger.rows > 0${relayIn(d, scope)}
) AS loaded
LEFT JOIN (
  SELECT DISTINCT relay, ${chunk("slot")} AS chunk FROM ${dataset} WHERE ${inScope(d, scope)}
) AS held ON held.relay = loaded.relay AND held.chunk = ${chunk("loaded.first_slot")}
WHERE held.relay IS NULL AND first_covered >= ${range.first} AND last_covered <= ${range.last}`;
}
