import type { DuckDBConnection } from "@duckdb/node-api";
import { textOf } from "../cells.ts";
import type { Network } from "../../chain/networks.ts";
import { duckdbAddColumn, duckdbDdl } from "../../datasets/schema.ts";
import { allTables, infoTable, WAREHOUSE_VERSION } from "../../datasets/tables.ts";
import { views } from "../../datasets/views.ts";
import { rowsOf } from "./duckdbCells.ts";
import { viewDdl } from "./duckdbViews.ts";

/** Makes the tables and views of a network's warehouse in an empty file. `now`: Unix ms. */
export async function layTables(connection: DuckDBConnection, network: Network, now: number): Promise<void> {
  await connection.run("BEGIN");
  for (const table of allTables) for (const statement of duckdbDdl(table)) await connection.run(statement);
  for (const statement of viewDdl(network)) await connection.run(statement);
  const { name, genesis, floor } = network;
  await connection.run(`INSERT INTO ${infoTable.name} VALUES ($1, $2, $3, $4, epoch_ms($5::BIGINT), NULL)`, [
    name,
    WAREHOUSE_VERSION,
    genesis,
    floor,
    BigInt(Math.trunc(now)),
  ]);
  await connection.run("COMMIT");
  // Until then all is in the log beside the file, which isn't renamed with it; closing writes it too, but hides that the disk is full.
  await connection.run("CHECKPOINT");
}

/** A table or column that a file lacks because an earlier version made it. */
export interface Lacking {
  /** `table rereads`, `column bids_loads.unproven` */
  readonly what: string;
  /** What adds it. */
  readonly statements: readonly string[];
}

/** What a warehouse's file lacks of this version's tables, to which columns are only ever appended. */
export async function lackingIn(connection: DuckDBConnection): Promise<Lacking[]> {
  const { tables, columns } = await heldIn(connection);
  return allTables.flatMap((table): Lacking[] => {
    if (!tables.has(table.name)) return [{ what: `table ${table.name}`, statements: duckdbDdl(table) }];
    return table.columns
      .map((column) => ({ column, name: `${table.name}.${column.name}` }))
      .filter(({ name }) => !columns.has(name))
      .map(({ column, name }) => ({ what: `column ${name}`, statements: duckdbAddColumn(table, column) }));
  });
}

/**
 * Adds what a warehouse's file lacks, and makes the views anew, which know the columns that they were made with. A view that is
 * lacking or lacks a column is no reason to refuse a file that is only read, so it isn't among what `lackingIn` says.
 */
export async function addLacking(connection: DuckDBConnection, network: Network): Promise<void> {
  const statements = (await lackingIn(connection)).flatMap((lacking) => lacking.statements);
  const { columns } = await heldIn(connection);
  const viewed = Object.values(views).flatMap((view) =>
    view.columns.map(({ name }) => `${view.name}.${name}`),
  );
  if (statements.length === 0 && viewed.every((name) => columns.has(name))) return;
  await connection.run("BEGIN");
  for (const statement of [...statements, ...viewDdl(network)]) await connection.run(statement);
  await connection.run("COMMIT");
}

/** The tables and views of a file, and their columns as `table.column`. */
async function heldIn(connection: DuckDBConnection) {
  const found = await rowsOf(
    connection,
    "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main'",
  );
  return {
    tables: new Set(found.map(([table]) => textOf(table))),
    columns: new Set(found.map(([table, column]) => `${textOf(table)}.${textOf(column)}`)),
  };
}
