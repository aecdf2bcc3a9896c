import type { SqlDialect } from "./dialect.ts";
import { type Scope, inScope } from "./scope.ts";

/** A bid of more than about so many times what is usual in its slot, and of more than was delivered there, is left out. */
const FAR_ABOVE_USUAL = 20;
/** A delivered value of more than so many times what is usual among its slot's bids is left out. */
const BEYOND_A_JACKPOT = 1_000;
/** A delivered value of more wei than this is left out in any case: no block ever paid 10,000 ETH. */
const MOST_WEI = "1e22";

/** The rule for bids, for readers of a plot. */
export const PLAUSIBLE_NOTE =
  `Bids of more than some ${FAR_ABOVE_USUAL} times the slot's usual bid (geometric mean) and of more than was delivered in it ` +
  "are taken for claims that nobody could have paid, and left out.";

/** Whether a delivered value can be believed, given the slot's usual bid; both doubles, wei, the usual one NULL where there is none. */
export function believedSql(wei: string, usual: string): string {
  return `${wei} <= least(coalesce(${BEYOND_A_JACKPOT} * ${usual}, ${MOST_WEI}), ${MOST_WEI})`;
}

/** Up to where a bid is believed: its magnitude isn't above this one's. `delivered`: what can be believed of that, NULL without any. */
export function ceilingSql(usual: string, delivered: string): string {
  return `greatest(coalesce(${FAR_ABOVE_USUAL} * ${usual}, 0), coalesce(${delivered}, 0))`;
}

/** The power of two of a double above 0. */
export function magnitudeSql(double: string): string {
  return `CAST(floor(ln(${double}) / ${Math.LN2}) AS INT64)`;
}

/**
 * Table expressions, to follow WITH, that tell values which can be believed from those that relays store unchecked (a single
 * claim of 10^11 ETH would flatten every plot): `stated` (slot, block_hash, builder_pubkey, parent_hash, wei: delivered blocks,
 * each once with the least that a relay states; believed: false where that is out of reach) and `best` (slot, wei: the largest
 * bid that can be believed; with `perParent` also by parent_hash).
 *
 * Bids are summed up by powers of two first, and believed or not by these: so one pass over the bids is enough.
 */
export function plausibleValues(d: SqlDialect, scope: Scope, perParent = false): string {
  const wei = d.double("value");
  const keys = perParent ? "slot, parent_hash" : "slot";
  const best = perParent ? "steps.slot AS slot, parent_hash" : "steps.slot AS slot";
  return `steps AS (
  SELECT ${keys}, ${magnitudeSql(wei)} AS magnitude, count(*) AS bids, sum(ln(${wei})) AS logarithms,
    max(${wei}) AS wei
  FROM bids WHERE ${inScope(d, scope)} AND value > 0 GROUP BY ${keys}, magnitude
), usual AS (
  SELECT slot, exp(sum(logarithms) / sum(bids)) AS wei FROM steps GROUP BY slot
), blocks AS (
  SELECT slot, block_hash, min(builder_pubkey) AS builder_pubkey, min(parent_hash) AS parent_hash, min(${wei}) AS wei
  FROM payloads WHERE ${inScope(d, scope)} AND value > 0 GROUP BY slot, block_hash
), stated AS (
  SELECT blocks.slot AS slot, block_hash, builder_pubkey, parent_hash, blocks.wei AS wei,
    ${believedSql("blocks.wei", "usual.wei")} AS believed
  FROM blocks LEFT JOIN usual ON usual.slot = blocks.slot
), ceilings AS (
  SELECT usual.slot AS slot, ${ceilingSql("max(usual.wei)", "max(stated.wei)")} AS wei
  FROM usual LEFT JOIN stated ON stated.slot = usual.slot AND stated.believed GROUP BY usual.slot
), best AS (
  SELECT ${best}, max(steps.wei) AS wei
  FROM steps JOIN ceilings ON ceilings.slot = steps.slot AND magnitude <= ${magnitudeSql("ceilings.wei")}
  GROUP BY steps.slot${perParent ? ", parent_hash" : ""}
)`;
}
