import { canonicalBlocksTable } from "../../datasets/tables.ts";
import type { SqlDialect } from "./dialect.ts";
import { type Scope, inScope } from "./scope.ts";

/**
 * Table expression `fates` (relay, slot, block_hash, fate), to follow WITH: what became of each delivered payload. Settled from
 * canonical_blocks by hash, else from `reorged`; `unknown` where neither says anything.
 */
export function payloadOutcomeSql(d: SqlDialect, scope: Scope): string {
  const { first, last } = scope.range;
  const known = `${canonicalBlocksTable.name} WHERE slot BETWEEN ${first} AND ${last}`;
  return `delivered_blocks AS (
  SELECT relay, slot, block_hash, max(CASE WHEN reorged THEN 1 WHEN NOT reorged THEN 0 END) AS reorged
  FROM payloads WHERE ${inScope(d, scope)} GROUP BY relay, slot, block_hash
), canonical AS (
  SELECT DISTINCT block_hash FROM ${known} AND block_hash IS NOT NULL
), settled AS (
  SELECT slot, max(CASE WHEN block_hash IS NULL THEN 0 ELSE 1 END) AS is_full FROM ${known} GROUP BY slot
), fates AS (
  SELECT relay, delivered_blocks.slot AS slot, delivered_blocks.block_hash AS block_hash, CASE
    WHEN canonical.block_hash IS NOT NULL THEN 'canonical'
    WHEN is_full = 1 THEN 'other'
    WHEN is_full = 0 THEN 'missed'
    WHEN reorged = 0 THEN 'canonical'
    WHEN reorged = 1 THEN 'gone'
    ELSE 'unknown' END AS fate
  FROM delivered_blocks
  LEFT JOIN canonical ON canonical.block_hash = delivered_blocks.block_hash
  LEFT JOIN settled ON settled.slot = delivered_blocks.slot
)`;
}
