import { type Column, type ColumnType } from "./definition.ts";
import { type Dataset, lakeColumns } from "./dataset.ts";
import type { Table } from "./tables.ts";
import type { ViewColumn } from "./views.ts";

/** DuckDB's name of each type of columns of tables and views. Times are UTC and have no zone. */
export const DUCKDB_TYPES: Readonly<Record<ViewColumn["type"], string>> = {
  STRING: "VARCHAR",
  INT64: "BIGINT",
  NUMERIC: "DECIMAL(38,0)",
  TIMESTAMP: "TIMESTAMP",
  BOOL: "BOOLEAN",
  FLOAT64: "DOUBLE",
  DATE: "DATE",
};

/** A column of a BigQuery table, in the form of its REST API and of `bq load --schema`. */
export interface BigQueryField {
  readonly name: string;
  readonly type: ColumnType;
  readonly mode: "REQUIRED" | "NULLABLE";
  readonly description: string;
}

/** The BigQuery schema of a table. */
export function bigquerySchema(table: Pick<Table, "columns">): BigQueryField[] {
  return table.columns.map(({ name, type, required, description }) => ({
    name,
    type,
    mode: required ? "REQUIRED" : "NULLABLE",
    description,
  }));
}

/**
 * The statements that make a table in DuckDB where it isn't there yet, descriptions included. No keys and no indexes:
 * DuckDB would keep them in memory, and a load would take longer the more rows there are.
 */
export function duckdbDdl(table: Table): string[] {
  const columns = table.columns.map((column) => `${columnDdl(column)}${column.required ? " NOT NULL" : ""}`);
  return [
    `CREATE TABLE IF NOT EXISTS ${quotedName(table.name)} (${columns.join(", ")})`,
    `COMMENT ON TABLE ${quotedName(table.name)} IS ${quotedText(table.description)}`,
    ...table.columns.map((column) => describe(table, column)),
  ];
}

/** The statements that add a column to a table in DuckDB that an earlier version made; its rows have NULL in it. */
export function duckdbAddColumn(table: Table, column: Column): string[] {
  return [
    `ALTER TABLE ${quotedName(table.name)} ADD COLUMN IF NOT EXISTS ${columnDdl(column)}`,
    describe(table, column),
  ];
}

function columnDdl({ name, type }: Column): string {
  return `${quotedName(name)} ${DUCKDB_TYPES[type]}`;
}

function describe(table: Table, { name, description }: Column): string {
  return `COMMENT ON COLUMN ${quotedName(table.name)}.${quotedName(name)} IS ${quotedText(description)}`;
}

/** The `columns` argument with which DuckDB's read_json reads lake lines of a dataset. */
export function lakeReadColumns(dataset: Dataset): string {
  const members = lakeColumns(dataset).map(({ name, type }) => `${quotedName(name)}: '${readType(type)}'`);
  return `{${members.join(", ")}}`;
}

/** The select list that turns what `lakeReadColumns` read into the table's columns, in the table's order. */
export function lakeSelectList(dataset: Dataset): string {
  return lakeColumns(dataset)
    .map((column) => {
      const name = quotedName(column.name);
      return column.type === "NUMERIC" ? `${wei(name)} AS ${name}` : name;
    })
    .join(", ");
}

/** Wei are read as text: as a JSON number or a DOUBLE they would lose digits. */
function readType(type: ColumnType): string {
  return type === "NUMERIC" ? "VARCHAR" : DUCKDB_TYPES[type];
}

/** Text to DECIMAL(38,0) by way of HUGEINT, since DuckDB 1.5 casts text to DECIMAL some 300 times slower. */
function wei(name: string): string {
  return `${name}::HUGEINT::${DUCKDB_TYPES.NUMERIC}`;
}

/** A name as DuckDB's SQL writes it. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as DuckDB's SQL writes it. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The names of columns as a list in SQL. */
export function nameList(columns: readonly Column[]): string {
  return columns.map(({ name }) => quotedName(name)).join(", ");
}
