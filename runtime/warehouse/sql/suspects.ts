import { bids } from "../../datasets/bids.ts";
import { datasets } from "../../datasets/dataset.ts";
import type { SqlDialect } from "./dialect.ts";
import { type Scope, inScope, relayIn } from "./scope.ts";

/** Datasets of which slots may wait for the relay's next payload. */
const AWAITING = Object.values(datasets)
  .filter(({ asked, target }) => asked === "pages" || target === "delivered")
  .map(({ name }) => name);

/**
 * The number of suspect slots by dataset, relay and reason (`limit`, `undelivered`, `empty`, `differs`; `awaiting`: above the
 * relay's newest payload). Why a slot is suspect
 * isn't stored: it follows from what is there, and the first reason that fits is named.
 */
export function suspectsSql(d: SqlDialect, scope: Scope): string {
  const { first, last } = scope.range;
  const atLimit = (bids.rowLimits ?? [])
    .map((limit) => `(rows_held <= ${limit} AND rows_held + refused >= ${limit})`)
    .join(" OR ");
  return `WITH suspects AS (
  SELECT dataset, relay, first_slot, first_slot + place AS slot, quarantined AS refused
  FROM loads CROSS JOIN ${d.integers("0", "last_slot - first_slot", "place")}
  WHERE suspect LIKE '%1%' AND last_slot >= ${first} AND first_slot <= ${last}${relayIn(d, scope)}
    AND substr(suspect, place + 1, 1) = '1' AND first_slot + place BETWEEN ${first} AND ${last}
), held AS (
  SELECT bids.relay AS relay, bids.slot AS slot, sum(copies) AS rows_held
  FROM bids JOIN suspects ON suspects.relay = bids.relay AND suspects.slot = bids.slot AND suspects.dataset = 'bids'
  WHERE ${inScope(d, scope, "bids")} GROUP BY bids.relay, bids.slot
), delivered_there AS (
  SELECT DISTINCT payloads.relay AS relay, payloads.slot AS slot, block_hash
  FROM payloads JOIN suspects ON suspects.relay = payloads.relay AND suspects.slot = payloads.slot
    AND suspects.dataset = 'bids'
  WHERE ${inScope(d, scope, "payloads")}
), offered AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot, bids.block_hash AS block_hash
  FROM bids JOIN delivered_there ON delivered_there.relay = bids.relay AND delivered_there.slot = bids.slot
    AND delivered_there.block_hash = bids.block_hash
  WHERE ${inScope(d, scope, "bids")}
), undelivered AS (
  SELECT DISTINCT delivered_there.relay AS relay, delivered_there.slot AS slot
  FROM delivered_there LEFT JOIN offered ON offered.relay = delivered_there.relay
    AND offered.slot = delivered_there.slot AND offered.block_hash = delivered_there.block_hash
  WHERE offered.slot IS NULL
), newest_rows AS (
  SELECT relay, max(slot) AS newest_payload FROM payloads WHERE ${inScope(d, scope)} GROUP BY relay
), newest_chunks AS (
  SELECT relay, max(first_slot) AS newest_chunk FROM loads
  WHERE dataset = 'payloads' AND ${d.column("rows")} > 0 GROUP BY relay
), judged AS (
  SELECT suspects.dataset AS dataset, suspects.relay AS relay, suspects.slot AS slot,
    coalesce(rows_held, 0) AS rows_held, refused, undelivered.slot IS NOT NULL AS is_undelivered,
    suspects.slot > coalesce(newest_payload, 0) AND first_slot >= coalesce(newest_chunk, 0) AS is_awaiting
  FROM suspects
  LEFT JOIN held ON held.relay = suspects.relay AND held.slot = suspects.slot
  LEFT JOIN newest_rows ON newest_rows.relay = suspects.relay
  LEFT JOIN newest_chunks ON newest_chunks.relay = suspects.relay
  LEFT JOIN undelivered ON undelivered.relay = suspects.relay AND undelivered.slot = suspects.slot
)
SELECT dataset, relay, CASE
  WHEN dataset IN (${AWAITING.map((name) => `'${name}'`).join(", ")}) AND is_awaiting THEN 'awaiting'
  WHEN dataset <> 'bids' THEN 'differs'
  WHEN ${atLimit} THEN 'limit'
  WHEN is_undelivered THEN 'undelivered'
  WHEN rows_held = 0 THEN 'empty'
  ELSE 'differs' END AS reason, count(*) AS slots
FROM judged GROUP BY dataset, relay, reason`;
}
