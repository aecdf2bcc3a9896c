import { bids } from "../datasets/bids.ts";
import { datasets } from "../datasets/dataset.ts";
import { type SqlDialect, countWhere } from "../warehouse/sql/dialect.ts";
import { type Scope, inScope } from "../warehouse/sql/scope.ts";

/** The datasets that name blocks which relays make themselves. */
const MAKING = Object.values(datasets).filter(({ makesBlocks }) => makesBlocks !== undefined);

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
 * offered, and the newest slot that lacks one; and the same (`told_…`) of the slots whose adjustments are known. Blocks that the relay says it made itself, by adjusting or merging, were never bid.
 */
export function deliveredAmongBidsSql(d: SqlDialect, scope: Scope): string {
  const told =
    "substr(adjustments_loads.covered, to_be_bid.slot - adjustments_loads.first_slot + 1, 1) = '1'";
  return `WITH ${coveredDeliveriesSql(d, scope)}, made AS (
  ${MAKING.map(({ name, makesBlocks }) => `SELECT relay, slot, ${makesBlocks} AS block_hash FROM ${name} WHERE ${inScope(d, scope)}`).join("\n  UNION ALL\n  ")}
), to_be_bid AS (
  SELECT covered_deliveries.relay AS relay, covered_deliveries.slot AS slot, covered_deliveries.block_hash AS block_hash
  FROM covered_deliveries LEFT JOIN made ON made.relay = covered_deliveries.relay
    AND made.slot = covered_deliveries.slot AND made.block_hash = covered_deliveries.block_hash
  WHERE made.slot IS NULL
), slots AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot
  FROM bids JOIN to_be_bid ON to_be_bid.relay = bids.relay AND to_be_bid.slot = bids.slot
  WHERE ${inScope(d, scope, "bids")}
), offered AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot, bids.block_hash AS block_hash
  FROM bids JOIN to_be_bid ON to_be_bid.relay = bids.relay
    AND to_be_bid.slot = bids.slot AND to_be_bid.block_hash = bids.block_hash
  WHERE ${inScope(d, scope, "bids")}
)
SELECT to_be_bid.relay AS relay, count(*) AS blocks, ${countWhere("offered.slot IS NOT NULL")} AS offered,
  max(CASE WHEN offered.slot IS NULL THEN to_be_bid.slot END) AS newest_lacking,
  ${countWhere(told)} AS told_blocks, ${countWhere(`${told} AND offered.slot IS NOT NULL`)} AS told_offered,
  max(CASE WHEN ${told} AND offered.slot IS NULL THEN to_be_bid.slot END) AS told_lacking
FROM to_be_bid
JOIN slots ON slots.relay = to_be_bid.relay AND slots.slot = to_be_bid.slot
LEFT JOIN offered ON offered.relay = to_be_bid.relay AND offered.slot = to_be_bid.slot
  AND offered.block_hash = to_be_bid.block_hash
LEFT JOIN adjustments_loads ON adjustments_loads.relay = to_be_bid.relay
  AND adjustments_loads.first_slot = to_be_bid.slot - mod(to_be_bid.slot, ${datasets.adjustments.chunkSlots})
GROUP BY to_be_bid.relay`;
}
