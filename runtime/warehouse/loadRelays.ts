import type { DuckDBConnection } from "@duckdb/node-api";
import { quotedText } from "../datasets/schema.ts";
import { relaysTable } from "../datasets/tables.ts";
import type { Lake } from "../lake/lake.ts";
import type { Relay } from "../relay/relay.ts";
import { rowsOf, textOf } from "./cells.ts";
import { insertRows } from "./loadSql.ts";
import { relayRows } from "./relayRows.ts";

/**
 * Brings table relays up to date; relays that aren't named stay as they were. Returns the horizons that can't be read.
 */
export async function loadRelays(
  connection: DuckDBConnection,
  lake: Lake,
  relays: readonly Relay[],
): Promise<{ object: string; error: string }[]> {
  const { name: table } = relaysTable;
  const listed = await rowsOf(connection, `SELECT name FROM ${table}`);
  const { rows, failed } = await relayRows(lake, relays, new Set(listed.map(([name]) => textOf(name))));
  if (rows.length === 0) return failed;
  await connection.run("BEGIN");
  if (relays.length > 0)
    await connection.run(
      `DELETE FROM ${table} WHERE name IN (${relays.map(({ name }) => quotedText(name)).join(", ")})`,
    );
  await connection.run(insertRows(relaysTable, rows));
  await connection.run("COMMIT");
  return failed;
}
