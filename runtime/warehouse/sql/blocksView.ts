import { rowTables } from "../../datasets/tables.ts";
import type { SqlDialect } from "./dialect.ts";
import type { TableNamer } from "./views.ts";

/** Which source a slot's row is of, where several have one: the fullest first. */
const PRECEDENCE = ["beacon", "xatu", "execution", "bigquery"];

/**
 * View blocks: table chain_blocks with one row a slot; `source` says whose. A canonical block before a slot without one; an orphan, which
 * is a block that was seen, before `missed`, which says of a source only that it saw none.
 */
export function blocksQuery(d: SqlDialect, table: TableNamer, window: string): string {
  const { columns, name } = rowTables.chain_blocks;
  const own = columns.filter(({ name: column }) => column !== "relay" && column !== "copies");
  const source = `CASE relay ${PRECEDENCE.map((one, place) => `WHEN ${d.text(one)} THEN ${place}`).join(" ")} ELSE ${PRECEDENCE.length} END`;
  return `SELECT relay AS source, ${d.columns(own)}
FROM (
  SELECT relay, ${d.columns(own)}, ROW_NUMBER() OVER (PARTITION BY slot
    ORDER BY CASE status WHEN 'canonical' THEN 0 WHEN 'orphaned' THEN 1 ELSE 2 END, ${source}, relay) AS place
  FROM ${table(name)} WHERE ${window}
) AS told
WHERE place = 1`;
}
