import { bigqueryDialect } from "./bigqueryDialect.ts";
import type { SqlDialect } from "./dialect.ts";
import { duckdbDialect } from "./duckdbDialect.ts";

/** The dialects by their names. */
export const sqlDialects: Readonly<Record<SqlDialect["name"], SqlDialect>> = {
  duckdb: duckdbDialect,
  bigquery: bigqueryDialect,
};

/** The dialect of a warehouse, which its address tells. */
export function sqlDialectOf(warehouseUrl: string): SqlDialect {
  return warehouseUrl.startsWith("bigquery://") ? bigqueryDialect : duckdbDialect;
}
