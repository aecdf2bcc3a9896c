import pLimit from "p-limit";
import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { paymentsTable, rowTables } from "../datasets/tables.ts";
import { finalBlock } from "../nodes/executionNode.ts";
import type { Rpc } from "../nodes/rpc.ts";
import { keyedPayments, type RowValues } from "../warehouse/keyedTables.ts";
import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import { inScope, type Scope } from "../warehouse/sql/scope.ts";
import { numberOrNull, textIn } from "../warehouse/sql/values.ts";
import type { Value, Warehouse } from "../warehouse/warehouse.ts";
import { rpcFacts } from "./rpcFacts.ts";
import { type BlockFacts, type Claim, judge, type PaymentOutcome, type Verdict } from "./verdict.ts";
import { factsKey, type XatuBlocks } from "./xatuFacts.ts";

/** Claims whose verdicts are written together: what a crash costs at most. */
const CLAIMS_AT_ONCE = 1000;
/** Blocks that a node is asked for at once; their calls share requests. */
const BLOCKS_AT_ONCE = 64;

/** What tells of the chain. */
export type PaymentsSource =
  { readonly kind: "rpc"; readonly rpc: Rpc } | { readonly kind: "xatu"; readonly blocks: XatuBlocks };

export interface VerifyOptions {
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly source: PaymentsSource;
  /** Whose payloads, and of which slots. */
  readonly scope: Scope;
  /** Also those that have a verdict. */
  readonly again?: boolean;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

export interface VerifySummary {
  readonly verdicts: Readonly<Partial<Record<Verdict, number>>>;
  /** Payloads whose block isn't final, or which the source tells nothing of: they have no verdict yet. */
  readonly left: number;
  /** True: balances couldn't be asked for, since the node no longer keeps that state. */
  readonly pruned: boolean;
}

/** A row of payloads to be verified. */
interface Wanted extends Claim {
  readonly relay: string;
  readonly claimed: string;
  /** What the relay adjusted the value to; null where it didn't. */
  readonly adjusted: string | null;
}

/**
 * Holds each delivered payload of a range against the chain, and writes a verdict a payload into table payments, a thousand at
 * a time: what is stopped goes on where it was. Blocks that aren't final wait. Throws UserError.
 */
export async function verifyPayments(options: VerifyOptions): Promise<VerifySummary> {
  const { warehouse, source, signal, progress } = options;
  const { network } = options.scope;
  const final =
    source.kind === "rpc" ? (await finalBlock(source.rpc, network)).seconds * 1000 : Number.POSITIVE_INFINITY;
  const all = (await warehouse.query(wantedSql(options))).map(wantedOf);
  const wanted = all.filter(({ slot }) => slotStartMs(network, slot) <= final);
  const verdicts: Partial<Record<Verdict, number>> = {};
  let [left, pruned] = [all.length - wanted.length, false];
  for (let at = 0; at < wanted.length && !signal?.aborted; at += CLAIMS_AT_ONCE) {
    const part = wanted.slice(at, at + CLAIMS_AT_ONCE);
    const judged = await outcomesOf(source, network, part);
    left += part.length - judged.length;
    for (const { outcome } of judged) {
      verdicts[outcome.verdict] = (verdicts[outcome.verdict] ?? 0) + 1;
      pruned ||= outcome.verdict === "untestable" && outcome.method === "balance";
    }
    await warehouse.put(
      keyedPayments,
      judged.map((one) => rowOf(one, options)),
    );
    progress?.(Math.min(at + CLAIMS_AT_ONCE, wanted.length), wanted.length);
  }
  return { verdicts, left, pruned };
}

interface Judged {
  readonly claim: Wanted;
  readonly facts: BlockFacts;
  readonly outcome: PaymentOutcome;
}

/** The outcomes of claims; those of which the source can't tell are left out. A block that several relays delivered is asked once. */
async function outcomesOf(
  source: PaymentsSource,
  network: Network,
  claims: readonly Wanted[],
): Promise<Judged[]> {
  const told = source.kind === "xatu" ? await source.blocks.facts(claims) : undefined;
  const limit = pLimit(BLOCKS_AT_ONCE);
  const asked = new Map<string, Promise<BlockFacts | undefined>>();
  const factsOf = (claim: Wanted): Promise<BlockFacts | undefined> | undefined => {
    const key = factsKey(claim);
    if (told) {
      const facts = told.get(key);
      return facts && Promise.resolve(facts);
    }
    if (source.kind !== "rpc") return undefined;
    const facts = asked.get(key) ?? rpcFacts(source.rpc, claim, network);
    asked.set(key, facts);
    return facts;
  };
  const judged = await Promise.all(
    claims.map((claim) =>
      limit(async () => {
        const facts = await factsOf(claim);
        return facts ? [{ claim, facts, outcome: await judge(claim, facts) }] : [];
      }),
    ),
  );
  return judged.flat();
}

/** Payloads without a verdict; what is due may have changed since, where an adjustment came in later. */
function wantedSql({ warehouse, scope, again }: VerifyOptions): string {
  const d = sqlDialectOf(warehouse.url);
  const known = again
    ? ""
    : `AND NOT EXISTS (SELECT 1 FROM ${paymentsTable.name} AS known WHERE known.relay = payloads.relay
    AND known.slot = payloads.slot AND known.block_hash = payloads.block_hash
    AND COALESCE(known.adjusted_value, -1) = COALESCE(adjusted.adjusted_value, -1))`;
  return `WITH adjusted AS (
  SELECT relay, slot, adjusted_block_hash, MIN(adjusted_value) AS adjusted_value FROM ${rowTables.adjustments.name}
  WHERE ${inScope(d, scope)} GROUP BY relay, slot, adjusted_block_hash
)
SELECT DISTINCT payloads.relay AS relay, payloads.slot AS slot, block_hash, block_number, proposer_fee_recipient AS recipient,
  CAST(value AS STRING) AS claimed, CAST(adjusted.adjusted_value AS STRING) AS adjusted
FROM payloads LEFT JOIN adjusted ON adjusted.relay = payloads.relay AND adjusted.slot = payloads.slot
  AND adjusted_block_hash = block_hash
WHERE ${inScope(d, scope, "payloads")} ${known}
ORDER BY slot, relay, block_hash`;
}

function wantedOf(row: Readonly<Record<string, Value>>): Wanted {
  const claimed = textIn(row, "claimed");
  const adjusted = row["adjusted"] == null ? null : textIn(row, "adjusted");
  return {
    relay: textIn(row, "relay"),
    slot: numberOrNull(row, "slot") ?? 0,
    blockHash: textIn(row, "block_hash"),
    blockNumber: numberOrNull(row, "block_number"),
    recipient: textIn(row, "recipient"),
    claimed,
    adjusted,
    // What an adjusted block pays is the adjusted value, whatever the payload says (beyond.md §C1).
    due: BigInt(adjusted ?? claimed),
  };
}

function rowOf(
  { claim, facts, outcome }: Judged,
  { scope: { network }, clock, source }: VerifyOptions,
): RowValues {
  const { paid, shortBy, verdict, method, tried } = outcome;
  const textOf = (wei: bigint | null | undefined) => wei?.toString() ?? null;
  return [
    claim.relay,
    claim.slot,
    claim.blockHash,
    new Date(slotStartMs(network, claim.slot)).toISOString(),
    claim.claimed,
    claim.adjusted,
    textOf(paid),
    paid === null ? null : textOf(paid - claim.due),
    textOf(facts.withdrawals),
    verdict,
    method,
    textOf(shortBy),
    tried.join(","),
    source.kind,
    new Date(clock.now()).toISOString(),
  ];
}
