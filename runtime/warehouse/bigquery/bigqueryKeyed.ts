import { textOf } from "../cells.ts";
import type { Network } from "../../chain/networks.ts";
import type { SlotRange } from "../../chain/slots.ts";
import type { Column } from "../../datasets/definition.ts";
import type { DatasetName } from "../../datasets/dataset.ts";
import type { Lake } from "../../lake/lake.ts";
import type { Relay } from "../../relays/relay.ts";
import { isConflict } from "./bigqueryErrors.ts";
import type { BigQueryJobs, Query } from "./bigqueryJobs.ts";
import type { ScalarType } from "./bigqueryParameters.ts";
import type { BigQueryParts } from "./transactionLock.ts";
import { columnList, columnName, type DatasetPlace, sqlText, tableName } from "./bigquerySql.ts";
import {
  type KeyedTable,
  type RowValues,
  type TableRows,
  changedRows,
  keyedHorizons,
  keyedRelays,
  keyedRereads,
} from "../keyedTables.ts";
import { horizonRows, relayRows } from "../relayRows.ts";
import { heldOf, heldSql, rereadRows } from "../rereadRows.ts";

const ATTEMPTS = 20;
/** Rows of one statement: they are its parameter, and a request may have 10 MB. */
const ROWS_AT_ONCE = 5000;

type KeyedParts = BigQueryParts & { readonly lake: Lake };

/** Brings tables relays and horizons up to date, and writes only what has changed in them. Returns the horizons that can't be read. */
export async function loadRelaysIntoBigQuery(
  parts: KeyedParts,
  relays: readonly Relay[],
): Promise<TableRows["failed"]> {
  await bringRows(parts, keyedRelays, async (before) =>
    relayRows(parts.lake, relays, new Set(before.map(([name]) => String(name)))),
  );
  return bringRows(parts, keyedHorizons, async () => horizonRows(parts.lake, relays));
}

/** Brings table rereads up to date likewise; `ranges` and `now` (Unix ms) as in `rereadRows`. Returns what can't be read. */
export async function loadRereadsIntoBigQuery(
  parts: KeyedParts,
  network: Network,
  options: { readonly ranges?: readonly SlotRange[] | undefined; readonly forget: readonly DatasetName[] },
  now: number,
): Promise<TableRows["failed"]> {
  const { jobs, lake } = parts;
  const place = parts.places.tables;
  if (options.forget.length > 0) await jobs.run(rereadsForgotten(place, options.forget));
  const held = (await jobs.run(heldQuery(place))).map(heldOf);
  const found = await rereadRows(lake, network, held, options.ranges, now);
  return found.rows.length === 0 ? found.failed : bringRows(parts, keyedRereads, async () => found);
}

/** `rowsGiven` the rows of before, values as text, it says what the table is to hold. */
async function bringRows(
  { api, jobs, places: { tables: place } }: KeyedParts,
  keyed: KeyedTable,
  rowsGiven: (before: readonly RowValues[]) => Promise<TableRows>,
): Promise<TableRows["failed"]> {
  for (let attempt = 1; ; attempt++) {
    const lines = await jobs.run(keyedRowsQuery(place, keyed));
    const before = lines.map((row) => JSON.parse(textOf(row["line"])) as RowValues);
    const { rows, failed } = await rowsGiven(before);
    try {
      await mergeRows(jobs, place, keyed, changedRows(keyed, rows, before));
      return failed;
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
      await api.pause(Math.min(attempt, 4));
    }
  }
}

async function mergeRows(
  jobs: BigQueryJobs,
  place: DatasetPlace,
  keyed: KeyedTable,
  rows: readonly RowValues[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
    await jobs.run(keyedMerge(place, keyed, rows.slice(at, at + ROWS_AT_ONCE)));
}

/** Puts rows into a table in place of those with the same keys; begins again where another writer was faster. */
export async function putIntoBigQuery(
  { api, jobs, places }: BigQueryParts,
  keyed: KeyedTable,
  rows: readonly RowValues[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await mergeRows(jobs, places.tables, keyed, rows);
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
      await api.pause(Math.min(attempt, 4));
    }
  }
}

/** A table's rows, each as one JSON text, by which it is compared. */
export function keyedRowsQuery(place: DatasetPlace, { table }: KeyedTable): Query {
  const texts = table.columns.map(({ name }) => `CAST(${columnName(name)} AS STRING)`);
  return { sql: `SELECT TO_JSON_STRING([${texts.join(", ")}]) AS line FROM ${tableName(place, table.name)}` };
}

/** Inserts rows, or gives those that are there by their keys these values. */
export function keyedMerge(
  place: DatasetPlace,
  { table: { name: table, columns }, keys }: KeyedTable,
  rows: readonly RowValues[],
): Query {
  const same = columns
    .slice(0, keys)
    .map(({ name }) => `listed.${columnName(name)} = given.${columnName(name)}`);
  const set = columns.slice(keys).map(({ name }) => `${columnName(name)} = given.${columnName(name)}`);
  return {
    sql: `MERGE INTO ${tableName(place, table)} AS listed
USING (SELECT ${columns.map(givenColumn).join(", ")} FROM UNNEST(@given) AS each_row) AS given
  ON ${same.join(" AND ")}
WHEN MATCHED THEN UPDATE SET ${set.join(", ")}
WHEN NOT MATCHED THEN INSERT (${columnList(columns)}) VALUES (${columnList(columns, "given")})`,
    parameters: {
      given: {
        fields: Object.fromEntries(
          columns.map(({ name, type }): [string, ScalarType] => [
            name,
            type === "INT64" ? "INT64" : "STRING",
          ]),
        ),
        rows: rows.map((row) =>
          Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null])),
        ),
      },
    },
  };
}

/** A column of the parameter, which holds texts and integers alone, in its table's type. */
function givenColumn({ name, type }: Column): string {
  const value = `each_row.${columnName(name)}`;
  return type === "STRING" || type === "INT64" ? value : `CAST(${value} AS ${type}) AS ${columnName(name)}`;
}

/** From where to where the ledger has chunks, by dataset and relay. */
export function heldQuery(place: DatasetPlace): Query {
  return { sql: heldSql(tableName(place, "loads")) };
}

/** Empties table rereads of some datasets. */
export function rereadsForgotten(place: DatasetPlace, names: readonly DatasetName[]): Query {
  const { name } = keyedRereads.table;
  return { sql: `DELETE FROM ${tableName(place, name)} WHERE dataset IN (${names.map(sqlText).join(", ")})` };
}
