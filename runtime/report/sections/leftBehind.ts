import { plausibleValues } from "../../warehouse/sql/plausibleValues.ts";
import { type SqlDialect, countWhere } from "../../warehouse/sql/dialect.ts";
import { type Scope, bucketSql, inScope } from "../../warehouse/sql/scope.ts";
import type { Ask } from "../asking.ts";

/** When winning bids came is counted in steps of so many ms. */
export const WINNING_STEP_MS = 100;

/** What can explain that a better bid wasn't delivered, in the order in which the first that fits is taken. */
export const EXPLANATIONS = [
  { key: "best", label: "the best bid was delivered", colour: "var(--c2)" },
  { key: "adjusted", label: "adjusted: the block was never bid where it was delivered", colour: "var(--c3)" },
  { key: "elsewhere", label: "the better bid was only on relays that didn't deliver", colour: "var(--c5)" },
  { key: "late", label: "the better bid came after the delivered one", colour: "var(--c1)" },
  {
    key: "earlier",
    label: "the better bid had come before: cancelled, or not yet checked",
    colour: "var(--c4)",
  },
  { key: "untimed", label: "one of the two isn't dated", colour: "var(--rest)" },
] as const;

/** An explanation as readers are told it. */
export function explanationText(explanation: string): string {
  return EXPLANATIONS.find(({ key }) => key === explanation)?.label ?? explanation;
}

/**
 * Table expression `explained`, to follow WITH: a row a delivered block that can be believed and has bids of its slot and parent
 * to be compared with. `wei` is what it paid, `best` and `more` what the best competing bid offered and by how much more (doubles,
 * wei), `won_ms` when the delivered block was first bid where it was delivered, where that is dated to the millisecond, `rival_…`
 * whose the better bid was, where, and when it came.
 */
export function leftBehindSql(d: SqlDialect, scope: Scope): string {
  const came = d.column("timestamp");
  return `${plausibleValues(d, scope, true)}, compared AS (
  SELECT stated.slot AS slot, block_hash, builder_pubkey, stated.parent_hash AS parent_hash, stated.wei AS wei, best.wei AS best
  FROM stated JOIN best ON best.slot = stated.slot AND best.parent_hash = stated.parent_hash WHERE believed
), deliverers AS (
  SELECT DISTINCT slot, block_hash, relay FROM payloads WHERE ${inScope(d, scope)}
), offered AS (
  SELECT bids.slot AS slot, bids.block_hash AS block_hash, min(${came}) AS came,
    min(CASE WHEN timestamp_ms IS NOT NULL THEN ${d.msBetween("block_timestamp", came)} END) AS won_ms
  FROM bids JOIN compared ON compared.slot = bids.slot AND compared.block_hash = bids.block_hash
  JOIN deliverers ON deliverers.slot = bids.slot AND deliverers.block_hash = bids.block_hash
    AND deliverers.relay = bids.relay
  WHERE ${inScope(d, scope, "bids")} GROUP BY bids.slot, bids.block_hash
), rivals AS (
  SELECT compared.slot AS slot, compared.block_hash AS block_hash, min(${came}) AS came,
    ${countWhere("deliverers.relay IS NOT NULL")} AS at_deliverers, min(bids.builder_pubkey) AS rival_pubkey,
    min(bids.relay) AS rival_relay, count(DISTINCT bids.relay) AS rival_relays,
    min(${d.msBetween("block_timestamp", came)}) AS rival_ms
  FROM bids JOIN compared ON compared.slot = bids.slot AND compared.parent_hash = bids.parent_hash
    AND compared.best = ${d.double("value")}
  LEFT JOIN deliverers ON deliverers.slot = compared.slot AND deliverers.block_hash = compared.block_hash
    AND deliverers.relay = bids.relay
  WHERE ${inScope(d, scope, "bids")} AND compared.best > compared.wei GROUP BY compared.slot, compared.block_hash
), explained AS (
  SELECT compared.slot AS slot, compared.block_hash AS block_hash, builder_pubkey, compared.wei AS wei, best,
    best - compared.wei AS more, won_ms, rival_pubkey, rival_relay, rival_relays, rival_ms,
    rivals.at_deliverers AS rival_at_deliverers, CASE
    WHEN best <= compared.wei THEN 'best'
    WHEN offered.slot IS NULL THEN 'adjusted'
    WHEN rivals.at_deliverers = 0 THEN 'elsewhere'
    WHEN rivals.came IS NULL OR offered.came IS NULL THEN 'untimed'
    WHEN rivals.came > offered.came THEN 'late'
    ELSE 'earlier' END AS explanation, offered.slot IS NOT NULL AS was_bid
  FROM compared
  LEFT JOIN offered ON offered.slot = compared.slot AND offered.block_hash = compared.block_hash
  LEFT JOIN rivals ON rivals.slot = compared.slot AND rivals.block_hash = compared.block_hash
)`;
}

/** How much more than the delivered value the best competing bid offered, %. */
export const LEFT_SIZES = ["0", "<1", "1–5", "5–20", "20–100", ">100"] as const;

/**
 * Compared blocks by explanation, size (a place in LEFT_SIZES) and when the winning bid came; those of which most was left
 * have a row each, with their `place`. One statement, since what it is made from is dear.
 */
export function valueLeftSql(d: SqlDialect, scope: Scope, most: number): string {
  return `WITH ${leftBehindSql(d, scope)}, placed AS (
  SELECT *, CASE WHEN more <= 0 THEN 0 WHEN more < 0.01 * wei THEN 1 WHEN more < 0.05 * wei THEN 2
    WHEN more < 0.2 * wei THEN 3 WHEN more < wei THEN 4 ELSE 5 END AS size,
    row_number() OVER (ORDER BY more DESC, slot, block_hash) AS place_of_all
  FROM explained
)
SELECT explanation, size, was_bid, ${d.floorDiv("won_ms", WINNING_STEP_MS)} AS winning_step,
  CASE WHEN place_of_all <= ${most} AND more > 0 THEN place_of_all END AS place, count(*) AS blocks,
  sum(greatest(more, 0) / 1e18) AS eth_left, sum(wei / 1e18) AS eth_delivered, min(slot) AS slot,
  min(block_hash) AS block_hash, min(builder_pubkey) AS builder_pubkey, min(rival_pubkey) AS rival_pubkey,
  min(rival_relay) AS rival_relay, min(rival_relays) AS rival_relays
FROM placed GROUP BY explanation, size, was_bid, winning_step, place`;
}

/**
 * Delivered blocks by builder, bucket and step of a value's logarithm. In one row of a bucket each stand the values of which
 * 10 %, 50 % and 90 % of its blocks don't pay more, in one of all the median of all, ETH: by the places of the values in
 * their order, which are exact and small.
 */
export function deliveredValuesSql(d: SqlDialect, { scope, coarse }: Ask, stepsPerDecade: number): string {
  const at = (share: number, place = "place", of = "bucket_blocks") =>
    `max(CASE WHEN believed AND ${place} = CAST(ceil(${share} * ${of}) AS INT64) THEN wei / 1e18 END)`;
  return `WITH ${plausibleValues(d, scope)}, bucketed AS (
  SELECT builder_pubkey, believed, wei, ${bucketSql(d, coarse)} AS bucket FROM stated
), places AS (
  SELECT builder_pubkey, believed, wei, bucket,
    row_number() OVER (PARTITION BY believed, bucket ORDER BY wei) AS place,
    count(*) OVER (PARTITION BY believed, bucket) AS bucket_blocks,
    row_number() OVER (PARTITION BY believed ORDER BY wei) AS place_of_all,
    count(*) OVER (PARTITION BY believed) AS all_blocks
  FROM bucketed
)
SELECT builder_pubkey, believed, bucket, CAST(floor(log10(wei / 1e18) * ${stepsPerDecade}) AS INT64) AS step,
  count(*) AS blocks, sum(wei / 1e18) AS eth, ${at(0.1)} AS p10, ${at(0.5)} AS median, ${at(0.9)} AS p90,
  ${at(0.5, "place_of_all", "all_blocks")} AS median_of_all
FROM places GROUP BY builder_pubkey, believed, bucket, step`;
}
