import { bids } from "../datasets/bids.ts";
import { type SqlDialect, countWhere } from "../warehouse/sql/dialect.ts";
import { type Scope, inScope } from "../warehouse/sql/scope.ts";

/** Table expression `covered_deliveries` (relay, slot, block_hash), to follow WITH: payloads in slots whose bids are covered. */
export function coveredDeliveriesSql(d: SqlDialect, scope: Scope): string {
  return `deliveries AS (
  SELECT DISTINCT relay, slot, block_hash FROM payloads WHERE ${inScope(d, scope)}
), covered_deliveries AS (
  SELECT deliveries.relay AS relay, slot, block_hash
  FROM deliveries JOIN bids_loads ON bids_loads.relay = deliveries.relay AND first_slot = slot - mod(slot, ${bids.chunkSlots})
  WHERE substr(covered, slot - first_slot + 1, 1) = '1'
)`;
}

/**
 * Of each relay's delivered blocks, in slots whose bids are covered and not empty, how many are among its bids: relay, blocks,
 * offered, and the newest slot that lacks one.
 */
export function deliveredAmongBidsSql(d: SqlDialect, scope: Scope): string {
  return `WITH ${coveredDeliveriesSql(d, scope)}, slots AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot
  FROM bids JOIN covered_deliveries ON covered_deliveries.relay = bids.relay AND covered_deliveries.slot = bids.slot
  WHERE ${inScope(d, scope, "bids")}
), offered AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot, bids.block_hash AS block_hash
  FROM bids JOIN covered_deliveries ON covered_deliveries.relay = bids.relay
    AND covered_deliveries.slot = bids.slot AND covered_deliveries.block_hash = bids.block_hash
  WHERE ${inScope(d, scope, "bids")}
)
SELECT covered_deliveries.relay AS relay, count(*) AS blocks, ${countWhere("offered.slot IS NOT NULL")} AS offered,
  max(CASE WHEN offered.slot IS NULL THEN covered_deliveries.slot END) AS newest_lacking
FROM covered_deliveries
JOIN slots ON slots.relay = covered_deliveries.relay AND slots.slot = covered_deliveries.slot
LEFT JOIN offered ON offered.relay = covered_deliveries.relay AND offered.slot = covered_deliveries.slot
  AND offered.block_hash = covered_deliveries.block_hash
GROUP BY covered_deliveries.relay`;
}
