import { paymentsTable } from "../../datasets/tables.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { type Scope, inScope, slotsInScope } from "../../warehouse/sql/scope.ts";
import { numberIn, numberOrNull, textIn } from "../../warehouse/sql/values.ts";
import type { Results } from "../asking.ts";
import { madeBlocksSql } from "../sections/madeBlocks.ts";

/** What is asked about one slot beside its bids: what the chain shows, what relays made, what was paid, who asked for headers. */
export function besideStatements(d: SqlDialect, scope: Scope): Readonly<Record<string, string>> {
  return {
    // Of every source, whatever relays are looked at.
    chain: `SELECT relay AS source, status, block_hash FROM chain_blocks
WHERE ${inScope(d, { ...scope, relays: undefined })} ORDER BY relay`,
    made: `WITH made AS (
  ${madeBlocksSql(d, scope)}
)
SELECT kind, block_hash, max(eth) AS eth FROM made GROUP BY kind, block_hash`,
    paid: `SELECT block_hash, min(verdict) AS verdict, min(${d.double("paid")} / 1e18) AS eth
FROM ${paymentsTable.name} WHERE ${slotsInScope(d, scope)} GROUP BY block_hash`,
    headers: `SELECT relay, ${d.msBetween("block_timestamp", d.column("timestamp"))} AS ms, sum(copies) AS calls
FROM headers WHERE ${inScope(d, scope)} AND ${d.column("timestamp")} IS NOT NULL GROUP BY relay, ms ORDER BY relay, ms`,
  };
}

export type Beside = ReturnType<typeof besideFound>;

/** What the results of `besideStatements` say. */
export function besideFound(results: Results) {
  const chain = (results["chain"] ?? []).map((row) => ({
    source: textIn(row, "source"),
    status: textIn(row, "status"),
    block_hash: row["block_hash"] === null ? null : textIn(row, "block_hash"),
  }));
  const made = new Map(
    (results["made"] ?? []).map((row) => [
      `${textIn(row, "kind")} ${textIn(row, "block_hash")}`,
      numberIn(row, "eth"),
    ]),
  );
  const paid = new Map(
    (results["paid"] ?? []).map((row) => [
      textIn(row, "block_hash"),
      { verdict: textIn(row, "verdict"), paid_eth: numberOrNull(row, "eth") },
    ]),
  );
  const headers = (results["headers"] ?? []).map((row) => ({
    relay: textIn(row, "relay"),
    ms: numberIn(row, "ms"),
    calls: numberIn(row, "calls"),
  }));
  return { chain, made, paid, headers };
}

/** The status of the slot, as view slots has it. */
export function slotStatus({ chain }: Beside): "canonical" | "missed" | "orphaned" | "unknown" {
  const has = (wanted: string) => chain.some(({ status }) => status === wanted);
  if (has("canonical")) return "canonical";
  if (has("missed")) return "missed";
  return has("orphaned") ? "orphaned" : "unknown";
}

/** The same of one block: `another` where the slot's canonical block isn't this one. */
function statusOf(beside: Beside, hash: string): ReturnType<typeof slotStatus> | "another" {
  const status = slotStatus(beside);
  const isOther = !beside.chain.some((row) => row.status === "canonical" && row.block_hash === hash);
  return status === "canonical" && isOther ? "another" : status;
}

/** What is known of a delivered block beside the bids. */
export function blockBeside(beside: Beside, hash: string) {
  return {
    status: statusOf(beside, hash),
    verdict: beside.paid.get(hash)?.verdict ?? null,
    paid_eth: beside.paid.get(hash)?.paid_eth ?? null,
    adjusted_eth: beside.made.get(`adjusted ${hash}`) ?? null,
    merged_eth: beside.made.get(`merged ${hash}`) ?? null,
  };
}

/** Sums of wei that are equal may differ by so much as doubles, as a share of the largest. */
const ROUNDING = 1e-12;

/**
 * Why value was left, by the words and in the order of view slots, whose statement would read all bids of the day again; null where
 * nothing was. A test holds that both say the same.
 */
export function whyLeft(
  beside: Beside,
  one: {
    readonly block_hash: string;
    readonly best_eth: number;
    readonly eth_left: number;
    readonly rival_ms: number | null;
    readonly rival_at_deliverers: number;
  },
): "adjusted" | "late" | "other_relay" | "unknown" | null {
  if (one.eth_left <= 0) return null;
  const taken = beside.made.get(`adjusted ${one.block_hash}`);
  if (taken !== undefined && one.eth_left <= taken + ROUNDING * one.best_eth) return "adjusted";
  const lastMs = Math.max(...beside.headers.map(({ ms }) => ms));
  if (beside.headers.length > 0 && one.rival_ms !== null && one.rival_ms > lastMs) return "late";
  return one.rival_at_deliverers === 0 ? "other_relay" : "unknown";
}
