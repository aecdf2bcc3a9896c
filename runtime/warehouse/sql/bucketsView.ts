import type { Network } from "../../chain/networks.ts";
import { rowTables } from "../../datasets/tables.ts";
import { builderNameOf, namedBuildersSql } from "./builderNames.ts";
import type { SqlDialect } from "./dialect.ts";
import type { TableNamer } from "./views.ts";

/** Length of a bucket, ms. */
const BUCKET_MS = 50;

/** View bids_by_50ms: what each builder bid on any relay, by slot and 50 ms since the slot's start (negative before it). */
export function bucketsQuery(d: SqlDialect, table: TableNamer, network: Network, window: string): string {
  const into = d.msBetween("block_timestamp", d.column("timestamp"));
  return `WITH ${namedBuildersSql(table)}, buckets AS (
  SELECT slot, block_timestamp, builder_pubkey, ${BUCKET_MS} * ${d.floorDiv(into, BUCKET_MS)} AS bucket_ms,
    MAX(value) AS best_value, COUNT(DISTINCT block_hash) AS bids
  FROM ${table(rowTables.bids.name)}
  WHERE ${window} AND ${d.column("timestamp")} IS NOT NULL
  GROUP BY slot, block_timestamp, builder_pubkey, bucket_ms
)
SELECT slot, block_timestamp, ${builderNameOf(d, network, "builder_pubkey")} AS builder, builder_pubkey, bucket_ms, best_value, bids
FROM buckets
LEFT JOIN named_builders ON named_builders.pubkey = builder_pubkey AND slot >= since AND slot < until`;
}
