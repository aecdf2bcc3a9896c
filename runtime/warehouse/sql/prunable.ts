import type { DatasetName } from "../../datasets/dataset.ts";
import { loadTables } from "../../datasets/tables.ts";
import type { SqlDialect } from "./dialect.ts";

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
