import { columnLister, type SqlDialect, timeText } from "./dialect.ts";

/** GoogleSQL. */
export const bigqueryDialect: SqlDialect = {
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
  timeOf: (unixSeconds) => `TIMESTAMP_SECONDS(${unixSeconds})`,
  sortedList: (text) => `ARRAY_AGG(${text} ORDER BY ${text})`,
  listOrEmpty: (list) => `IFNULL(${list}, [])`,
  // DATE and not CAST: the form by which BigQuery passes over partitions.
  dateOf: (time) => `DATE(${time})`,
  dateOfDay: (day) => `DATE_FROM_UNIX_DATE(${day})`,
  columns: columnLister((name) => `\`${name}\``),
};
