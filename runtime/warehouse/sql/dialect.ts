import { quotedText } from "../../datasets/schema.ts";

/**
 * What differs between the SQL of the two warehouses, so that one statement can be written for both. Everything else that
 * statements use (CTEs, window functions, log10, exp, ln, substr, rtrim, CAST AS INT64) is common to both.
 */
export interface SqlDialect {
  readonly name: "duckdb" | "bigquery";
  /** A text as a literal. */
  text(value: string): string;
  /** A moment (Unix ms) as a literal that can be compared with a TIMESTAMP column. */
  time(unixMs: number): string;
  /** A column whose name is a word of the language. */
  column(name: string): string;
  /** A number as a double: sums of wei go beyond what NUMERIC holds. */
  double(expression: string): string;
  /** Integer division of what isn't negative. */
  div(dividend: string, divisor: number): string;
  /** Integer division that rounds down. */
  floorDiv(dividend: string, divisor: number): string;
  /** Milliseconds from one TIMESTAMP to another. */
  msBetween(from: string, to: string): string;
  /** Something to CROSS JOIN: a row for each integer of an inclusive run that may depend on the tables before it. */
  integers(from: string, to: string, name: string): string;
  /** Something to CROSS JOIN: a row for each literal. */
  elements(literals: readonly string[], name: string): string;
  /** A sum of integers as an INT64 column of that name. */
  whole(expression: string, name: string): string;
  /** The date of a day, counted since 1970. */
  dateOfDay(day: string): string;
  /** The names of columns as a list, each behind `of` and a dot where it is given. */
  columns(columns: readonly { readonly name: string }[], of?: string): string;
}

const listOf =
  (column: (name: string) => string): SqlDialect["columns"] =>
  (columns, of) =>
    columns.map(({ name }) => (of === undefined ? column(name) : `${of}.${column(name)}`)).join(", ");

const duckdb: SqlDialect = {
  name: "duckdb",
  text: quotedText,
  time: (unixMs) => `TIMESTAMP '${timeText(unixMs)}'`,
  column: (name) => `"${name}"`,
  double: (expression) => `CAST(${expression} AS DOUBLE)`,
  div: (dividend, divisor) => `(${dividend} // ${divisor})`,
  floorDiv: (dividend, divisor) => `CAST(floor((${dividend}) / ${divisor}) AS INT64)`,
  msBetween: (from, to) => `(epoch_ms(${to}) - epoch_ms(${from}))`,
  integers: (from, to, name) => `unnest(generate_series(${from}, ${to})) AS run_of_${name}(${name})`,
  elements: (literals, name) => `unnest([${literals.join(", ")}]) AS list_of_${name}(${name})`,
  whole: (expression, name) => `CAST(${expression} AS BIGINT) AS ${name}`,
  dateOfDay: (day) => `DATE '1970-01-01' + CAST(${day} AS INTEGER)`,
  columns: listOf((name) => `"${name}"`),
};

const bigquery: SqlDialect = {
  name: "bigquery",
  // A JSON text's escapes are all known to GoogleSQL, but for \/, which JSON.stringify doesn't write.
  text: (value) => JSON.stringify(value),
  time: (unixMs) => `TIMESTAMP '${timeText(unixMs)}+00'`,
  column: (name) => `\`${name}\``,
  double: (expression) => `CAST(${expression} AS FLOAT64)`,
  div: (dividend, divisor) => `DIV(${dividend}, ${divisor})`,
  floorDiv: (dividend, divisor) => `CAST(FLOOR((${dividend}) / ${divisor}) AS INT64)`,
  msBetween: (from, to) => `TIMESTAMP_DIFF(${to}, ${from}, MILLISECOND)`,
  integers: (from, to, name) => `UNNEST(GENERATE_ARRAY(${from}, ${to})) AS ${name}`,
  elements: (literals, name) => `UNNEST([${literals.join(", ")}]) AS ${name}`,
  whole: (expression, name) => (expression === name ? name : `${expression} AS ${name}`),
  dateOfDay: (day) => `DATE_FROM_UNIX_DATE(${day})`,
  columns: listOf((name) => `\`${name}\``),
};

export const sqlDialects: Readonly<Record<SqlDialect["name"], SqlDialect>> = { duckdb, bigquery };

/** The dialect of a warehouse, which its address tells. */
export function sqlDialectOf(warehouseUrl: string): SqlDialect {
  return warehouseUrl.startsWith("bigquery://") ? bigquery : duckdb;
}

/**
 * The number of rows for which a condition holds: 0 where there is none, also where it is NULL of every row. DuckDB's countif
 * is NULL then, BigQuery's is 0.
 */
export function countWhere(condition: string): string {
  return `count(CASE WHEN ${condition} THEN 1 END)`;
}

/** `YYYY-MM-DD hh:mm:ss.mmm` in UTC. */
function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().replace("T", " ").replace("Z", "");
}
