import type { DuckDBConnection } from "@duckdb/node-api";
import { textOf } from "../cells.ts";
import type { Network } from "../../chain/networks.ts";
import type { SlotRange } from "../../chain/slots.ts";
import { nameList } from "../../datasets/schema.ts";
import type { Lake } from "../../lake/lake.ts";
import type { Relay } from "../../relays/relay.ts";
import { rowsOf } from "./duckdbCells.ts";
import {
  type KeyedTable,
  type RowValues,
  type TableRows,
  changedRows,
  keyedHorizons,
  keyedRelays,
  keyedRereads,
} from "../keyedTables.ts";
import { insertRows, literal } from "./duckdbLoadSql.ts";
import { horizonRows, relayRows } from "../relayRows.ts";
import { heldOf, heldSql, rereadRows } from "../rereadRows.ts";
import type { Value } from "../warehouse.ts";

/** Brings tables relays and horizons up to date. Returns the horizons that can't be read. */
export async function loadRelays(
  connection: DuckDBConnection,
  lake: Lake,
  relays: readonly Relay[],
): Promise<TableRows["failed"]> {
  const listed = await rowsOf(connection, `SELECT name FROM ${keyedRelays.table.name}`);
  const found = await relayRows(lake, relays, new Set(listed.map(([name]) => textOf(name))));
  await bringRows(connection, keyedRelays, found);
  return bringRows(connection, keyedHorizons, await horizonRows(lake, relays));
}

/** Brings table rereads up to date; `ranges` and `now` (Unix ms) as in `rereadRows`. Returns what can't be read. */
export async function loadRereads(
  connection: DuckDBConnection,
  lake: Lake,
  network: Network,
  ranges: readonly SlotRange[] | undefined,
  now: number,
): Promise<TableRows["failed"]> {
  const result = await connection.runAndReadAll(heldSql("loads"));
  const held = (result.getRowObjectsJson() as Record<string, Value>[]).map(heldOf);
  return bringRows(connection, keyedRereads, await rereadRows(lake, network, held, ranges, now));
}

async function bringRows(
  connection: DuckDBConnection,
  keyed: KeyedTable,
  { rows, failed }: TableRows,
): Promise<TableRows["failed"]> {
  const { table } = keyed;
  const before = await rowsOf(connection, `SELECT ${nameList(table.columns)} FROM ${table.name}`);
  await putRows(connection, keyed, changedRows(keyed, rows, before as RowValues[]));
  return failed;
}

/** Puts rows into a table in place of those with the same keys, in one transaction. */
export async function putRows(
  connection: DuckDBConnection,
  { table, keys }: KeyedTable,
  rows: readonly RowValues[],
): Promise<void> {
  if (rows.length === 0) return;
  const named = rows.map((row) => `(${row.slice(0, keys).map(literal).join(", ")})`);
  await connection.run("BEGIN");
  await connection.run(
    `DELETE FROM ${table.name} WHERE (${nameList(table.columns.slice(0, keys))}) IN (${named.join(", ")})`,
  );
  await connection.run(insertRows(table, rows));
  await connection.run("COMMIT");
}
