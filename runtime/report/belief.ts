import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import { type Scope, inScope } from "../warehouse/sql/scope.ts";

/** A bid of more than so many times what is usual in its slot, and of more than was delivered there, is left out. */
const FAR_ABOVE_USUAL = 20;
/** A delivered value of more than so many times what is usual among its slot's bids is left out. */
const BEYOND_A_JACKPOT = 1_000;

/** The rule that `beliefCtes` applies, for readers of a plot. */
export const BELIEF_NOTE =
  `Bids of more than ${FAR_ABOVE_USUAL} times the slot's usual bid (geometric mean) and of more than was delivered in it ` +
  "are taken for claims that nobody could have paid, and left out.";

/**
 * Table expressions, to follow WITH, that tell values which can be believed from those that relays store unchecked (a single
 * claim of 10^11 ETH would flatten every plot):
 * `usual` (slot, wei: the geometric mean of its bids), `stated` (slot, block_hash, builder_pubkey, parent_hash, wei: delivered
 * blocks, each once with the least that a relay states; believed: false where that is out of reach) and `ceilings` (slot, wei:
 * the most that a bid may offer).
 */
export function beliefCtes(d: SqlDialect, scope: Scope): string {
  const wei = d.double("value");
  return `usual AS (
  SELECT slot, exp(avg(ln(${wei}))) AS wei FROM bids
  WHERE ${inScope(d, scope)} AND value > 0 GROUP BY slot
), blocks AS (
  SELECT slot, block_hash, min(builder_pubkey) AS builder_pubkey, min(parent_hash) AS parent_hash, min(${wei}) AS wei
  FROM payloads WHERE ${inScope(d, scope)} AND value > 0 GROUP BY slot, block_hash
), stated AS (
  SELECT blocks.slot AS slot, block_hash, builder_pubkey, parent_hash, blocks.wei AS wei,
    blocks.wei <= coalesce(${BEYOND_A_JACKPOT} * usual.wei, 1e22) AS believed
  FROM blocks LEFT JOIN usual ON usual.slot = blocks.slot
), ceilings AS (
  SELECT usual.slot AS slot,
    greatest(${FAR_ABOVE_USUAL} * max(usual.wei), coalesce(max(stated.wei), 0)) AS wei
  FROM usual LEFT JOIN stated ON stated.slot = usual.slot AND stated.believed GROUP BY usual.slot
)`;
}
