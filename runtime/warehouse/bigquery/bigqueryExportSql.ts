import type { SlotRange } from "../../chain/slots.ts";
import { type DatasetName, datasets } from "../../datasets/dataset.ts";
import { loadTables, relaysTable, rowTables } from "../../datasets/tables.ts";
import type { Query } from "./bigqueryJobs.ts";
import { columnList, type DatasetPlace, sqlText, tableName } from "./bigquerySql.ts";
import type { ExportOptions } from "../warehouse.ts";

/** The whole table relays. */
export function relayRowsQuery(place: DatasetPlace): Query {
  const { name, columns } = relaysTable;
  return { sql: `SELECT ${columnList(columns)} FROM ${tableName(place, name)}` };
}

/** The ledger of chunks that touch a range, or of all. */
export function ledgerRowsQuery(
  place: DatasetPlace,
  dataset: DatasetName,
  slots: SlotRange | undefined,
): Query {
  const { name, columns } = loadTables[dataset];
  const first = Math.max(0, (slots?.first ?? 0) - datasets[dataset].chunkSlots + 1);
  const where = slots ? ` WHERE first_slot BETWEEN ${first} AND ${slots.last}` : "";
  return { sql: `SELECT ${columnList(columns)} FROM ${tableName(place, name)}${where}` };
}

/** The rows of a UTC day (`YYYY-MM-DD`). */
export function dayRowsQuery(
  place: DatasetPlace,
  dataset: DatasetName,
  day: string,
  { relays, slots }: Pick<ExportOptions, "relays" | "slots">,
): Query {
  const { name, columns } = rowTables[dataset];
  const where = [
    `block_timestamp >= TIMESTAMP '${day} 00:00:00+00'`,
    `block_timestamp < TIMESTAMP_ADD(TIMESTAMP '${day} 00:00:00+00', INTERVAL 1 DAY)`,
    ...(relays ? [`relay IN (${relays.map(sqlText).join(", ")})`] : []),
    ...(slots ? [`slot BETWEEN ${slots.first} AND ${slots.last}`] : []),
  ];
  return {
    sql: `SELECT ${columnList(columns)} FROM ${tableName(place, name)}\nWHERE ${where.join(" AND ")}`,
  };
}
