import { quotedText } from "../../datasets/schema.ts";
import { columnLister, type SqlDialect, timeText } from "./dialect.ts";

/** DuckDB's SQL. */
export const duckdbDialect: SqlDialect = {
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
  timeOf: (unixSeconds) => `make_timestamp(1000000 * CAST(${unixSeconds} AS BIGINT))`,
  sortedList: (text) => `array_agg(${text} ORDER BY ${text})`,
  listOrEmpty: (list) => `coalesce(${list}, CAST([] AS VARCHAR[]))`,
  dateOf: (time) => `CAST(${time} AS DATE)`,
  dateOfDay: (day) => `DATE '1970-01-01' + CAST(${day} AS INTEGER)`,
  columns: columnLister((name) => `"${name}"`),
};
