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
  /** The TIMESTAMP of a moment in whole Unix seconds. */
  timeOf(unixSeconds: string): string;
  /** The texts of a group, which are distinct, as a list in their order. */
  sortedList(text: string): string;
  /** A list of texts, empty where it is NULL. */
  listOrEmpty(list: string): string;
  /** The UTC date of a TIMESTAMP. */
  dateOf(time: string): string;
  /** The date of a day, counted since 1970. */
  dateOfDay(day: string): string;
  /** The names of columns as a list, each behind `of` and a dot where it is given. */
  columns(columns: readonly { readonly name: string }[], of?: string): string;
}

/** A dialect's `columns`, by how it writes one column. */
export const columnLister =
  (column: (name: string) => string): SqlDialect["columns"] =>
  (columns, of) =>
    columns.map(({ name }) => (of === undefined ? column(name) : `${of}.${column(name)}`)).join(", ");

/**
 * The number of rows for which a condition holds: 0 where there is none, also where it is NULL of every row. DuckDB's countif
 * is NULL then, BigQuery's is 0.
 */
export function countWhere(condition: string): string {
  return `count(CASE WHEN ${condition} THEN 1 END)`;
}

/** `YYYY-MM-DD hh:mm:ss.mmm` in UTC. */
export function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().replace("T", " ").replace("Z", "");
}
