import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { plausibleValues } from "../../warehouse/sql/plausibleValues.ts";
import { type Queried, rowsOfEach } from "../../warehouse/sql/rowsOfEach.ts";
import { type Scope, inScope, relayIn } from "../../warehouse/sql/scope.ts";
import { groupBy, numberIn, numberOrNull, sumOf, textIn } from "../../warehouse/sql/values.ts";
import type { BuilderNames } from "../names.ts";
import type { Results } from "../asking.ts";
import { leftBehindSql } from "../sections/leftBehind.ts";
import {
  type Beside,
  besideFound,
  besideStatements,
  blockBeside,
  slotStatus,
  whyLeft,
} from "./besideBids.ts";

/** Auctions that the page draws: those of the slots with most left behind. */
export const AUCTIONS = 3;
/** Bids of a relay and builder are taken together in steps of so many ms. */
export const AUCTION_STEP_MS = 50;
/** Builders of an auction that are told apart: those whose best bids are highest. */
const BUILDERS = 6;

/**
 * What is asked about one slot: its bids by relay, builder and step, its payloads, what was left, what is covered, and what is known
 * beside.
 */
export function auctionStatements(d: SqlDialect, scope: Scope): Readonly<Record<string, string>> {
  const slot = scope.range.first;
  const ms = d.msBetween("block_timestamp", d.column("timestamp"));
  const wei = d.double("value");
  return {
    bids: `WITH ${plausibleValues(d, scope)}
SELECT relay, builder_pubkey, CASE WHEN timestamp_ms IS NOT NULL THEN ${d.floorDiv(ms, AUCTION_STEP_MS)} END AS step,
  ${wei} <= best.wei AS believed, sum(copies) AS bids, max(${wei} / 1e18) AS eth
FROM bids LEFT JOIN best ON best.slot = bids.slot
WHERE ${inScope(d, scope, "bids")} GROUP BY relay, builder_pubkey, step, believed`,
    payloads: `SELECT relay, block_hash, min(builder_pubkey) AS builder_pubkey, min(${wei} / 1e18) AS eth
FROM payloads WHERE ${inScope(d, scope)} GROUP BY relay, block_hash ORDER BY relay, block_hash`,
    outcome: `WITH ${leftBehindSql(d, scope)}
SELECT block_hash, builder_pubkey, wei / 1e18 AS eth, best / 1e18 AS best_eth, greatest(more, 0) / 1e18 AS eth_left,
  won_ms, explanation, rival_pubkey, rival_relay, rival_relays, rival_ms, rival_at_deliverers
FROM explained ORDER BY block_hash`,
    covered: `SELECT dataset, relay FROM loads
WHERE first_slot <= ${slot} AND last_slot >= ${slot}${relayIn(d, scope)}
  AND substr(covered, ${slot} - first_slot + 1, 1) = '1'`,
    asked: `SELECT name FROM relays WHERE state = 'active' AND coalesce(active_from, 0) <= ${slot}
  AND coalesce(active_to, ${slot}) >= ${slot}${relayIn(d, scope, "name")} ORDER BY name`,
    ...besideStatements(d, scope),
  };
}

/** A slot's auction, with the statements that it was asked by. */
export interface SlotAuction {
  readonly slot: number;
  readonly statements: Readonly<Record<string, string>>;
  readonly found: ReturnType<typeof auctionFound>;
}

/** Asks a warehouse for the auctions of some slots. */
export async function askAuctions(
  warehouse: Queried,
  d: SqlDialect,
  scope: Scope,
  names: BuilderNames,
  slots: readonly number[],
): Promise<SlotAuction[]> {
  return Promise.all(
    slots.map(async (slot) => {
      const statements = auctionStatements(d, { ...scope, range: { first: slot, last: slot } });
      return { slot, statements, found: auctionFound(await rowsOfEach(warehouse, statements), names) };
    }),
  );
}

/** The bids of one relay and builder in one step. */
interface Bids {
  readonly relay: string;
  readonly builder: string;
  /** From the slot's start; null where they aren't dated to the millisecond. */
  readonly step: number | null;
  readonly believed: boolean;
  readonly bids: number;
  /** The best of them. */
  readonly eth: number;
}

function auctionFound(results: Results, names: BuilderNames) {
  const nameOf = (pubkey: string) => names.nameOf(pubkey);
  const bids = (results["bids"] ?? []).map((row): Bids => ({
    relay: textIn(row, "relay"),
    builder: nameOf(textIn(row, "builder_pubkey")),
    step: numberOrNull(row, "step"),
    believed: row["believed"] === true,
    bids: numberIn(row, "bids"),
    eth: numberIn(row, "eth"),
  }));
  const believed = bids.filter((one) => one.believed);
  const beside = besideFound(results);
  const { payloads, outcomes } = deliveryOf(results, names, beside);
  const asked = (results["asked"] ?? []).map((row) => textIn(row, "name"));
  const covered = new Set(
    (results["covered"] ?? [])
      .filter((row) => textIn(row, "dataset") === "bids")
      .map((row) => textIn(row, "relay")),
  );
  const byRelay = groupBy(bids, ({ relay }) => relay);
  const shownRelays = [
    ...new Set([
      ...asked,
      ...byRelay.keys(),
      ...payloads.map(({ relay }) => relay),
      ...beside.headers.map(({ relay }) => relay),
    ]),
  ].toSorted();
  const numbers = {
    bids: sumOf(bids, (one) => one.bids),
    beyond_belief: sumOf(
      bids.filter((one) => !one.believed),
      (one) => one.bids,
    ),
    undated: sumOf(
      believed.filter(({ step }) => step === null),
      (one) => one.bids,
    ),
    status: slotStatus(beside),
    payloads,
    outcomes,
    blocks: blocksOf(payloads, outcomes, beside),
    headers: beside.headers,
    relays: shownRelays.map((relay) => relayFound(relay, byRelay.get(relay) ?? [], covered.has(relay))),
    builders: topBuilders(believed),
  };
  return { numbers, cells: believed };
}

/** What was delivered, and what was left. */
function deliveryOf(results: Results, names: BuilderNames, beside: Beside) {
  const nameOf = (pubkey: string) => names.nameOf(pubkey);
  const payloads = (results["payloads"] ?? []).map((row) => ({
    relay: textIn(row, "relay"),
    block_hash: textIn(row, "block_hash"),
    builder: nameOf(textIn(row, "builder_pubkey")),
    eth: numberIn(row, "eth"),
  }));
  const outcomes = (results["outcome"] ?? []).map((row) => ({
    block_hash: textIn(row, "block_hash"),
    builder: nameOf(textIn(row, "builder_pubkey")),
    eth: numberIn(row, "eth"),
    best_eth: numberIn(row, "best_eth"),
    eth_left: numberIn(row, "eth_left"),
    won_ms: numberOrNull(row, "won_ms"),
    explanation: textIn(row, "explanation"),
    rival: row["rival_pubkey"] === null ? null : nameOf(textIn(row, "rival_pubkey")),
    rival_relay: row["rival_relay"] === null ? null : textIn(row, "rival_relay"),
    rival_relays: numberOrNull(row, "rival_relays") ?? 0,
    rival_ms: numberOrNull(row, "rival_ms"),
    rival_at_deliverers: numberOrNull(row, "rival_at_deliverers") ?? 0,
  }));
  return { payloads, outcomes: outcomes.map((one) => ({ ...one, why: whyLeft(beside, one) })) };
}

type Delivery = ReturnType<typeof deliveryOf>;

/** What relays say that a block pays: a 0 counts only where all say it. */
function leastStated(values: readonly number[]): number {
  const above = values.filter((value) => value > 0);
  return above.length > 0 ? Math.min(...above) : 0;
}

/** Each delivered block once, with what became of it; `eth_left` and `why` are null where there is no bid to compare it with. */
function blocksOf(payloads: Delivery["payloads"], outcomes: Delivery["outcomes"], beside: Beside) {
  return Array.from(
    groupBy(payloads, ({ block_hash }) => block_hash),
    ([block_hash, own]) => {
      const outcome = outcomes.find((one) => one.block_hash === block_hash);
      return {
        block_hash,
        builder: own[0]?.builder ?? "",
        relays: own.map(({ relay }) => relay),
        claimed_eth: leastStated(own.map(({ eth }) => eth)),
        eth_left: outcome?.eth_left ?? null,
        why: outcome?.why ?? null,
        ...blockBeside(beside, block_hash),
      };
    },
  );
}

/** A relay's part in the auction. */
function relayFound(relay: string, own: readonly Bids[], covered: boolean) {
  const believed = own.filter((one) => one.believed);
  const steps = believed.flatMap(({ step }) => (step === null ? [] : [step * AUCTION_STEP_MS]));
  const [best] = believed.toSorted((a, b) => b.eth - a.eth);
  return {
    relay,
    covered,
    bids: sumOf(own, ({ bids }) => bids),
    builders: new Set(own.map(({ builder }) => builder)).size,
    best_eth: best?.eth ?? null,
    best_builder: best?.builder ?? null,
    first_ms: steps.length === 0 ? null : Math.min(...steps),
    last_ms: steps.length === 0 ? null : Math.max(...steps),
  };
}

/** The builders whose best bids are highest. */
function topBuilders(believed: readonly Bids[]): { builder: string; best_eth: number; bids: number }[] {
  return Array.from(
    groupBy(believed, ({ builder }) => builder),
    ([builder, own]) => ({
      builder,
      best_eth: Math.max(...own.map(({ eth }) => eth)),
      bids: sumOf(own, ({ bids }) => bids),
    }),
  )
    .toSorted((a, b) => b.best_eth - a.best_eth || (a.builder < b.builder ? -1 : 1))
    .slice(0, BUILDERS);
}

/** The builders that auctions show in colour. */
export function buildersOfAuctions(auctions: readonly SlotAuction[]): string[] {
  return auctions.flatMap(({ found }) => found.numbers.builders.map(({ builder }) => builder));
}
