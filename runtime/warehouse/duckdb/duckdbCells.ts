import type { DuckDBConnection } from "@duckdb/node-api";
import type { Value } from "../warehouse.ts";

/** A row of a result, value by value. */
export type Cells = readonly (Value | undefined)[];

/** The rows of a statement's result. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Cells[]> {
  return (await connection.runAndReadAll(sql)).getRowsJson() as Cells[];
}

/** The same, each row by its columns' names. */
export async function recordsOf(connection: DuckDBConnection, sql: string): Promise<Record<string, Value>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, Value>[];
}
