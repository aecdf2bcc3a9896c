import { paymentsTable } from "../../datasets/tables.ts";
import { bucketSql, slotsInScope } from "../../warehouse/sql/scope.ts";
import { groupBy, numberIn, numberOrNull, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { count, eth, percent, slotsAndTime } from "../format.ts";
import type { Results } from "../asking.ts";
import type { Figure, PageTable, Section, Showing, Tile } from "../section.ts";
import { stackedBars } from "../stackedBars.ts";
import { columnsOf, viewOf } from "../view.ts";
import { relayPayloads } from "./payloads.ts";

/** What `verify` found, as readers are told it. */
const VERDICTS = [
  { key: "exact", label: "paid exactly", colour: "var(--c2)" },
  { key: "more", label: "paid more", colour: "var(--c5)" },
  { key: "less", label: "no step found the whole value", colour: "var(--c4)" },
  { key: "untestable", label: "untestable", colour: "var(--c3)" },
  { key: "not_canonical", label: "its block isn't canonical", colour: "var(--c1)" },
  { key: "not_found", label: "not found on the chain", colour: "var(--c6)" },
] as const;

/** Shortfalls that the table lists. */
const LISTED = 20;

export const paymentsSection: Section = {
  id: "payments",
  title: "Paid and claimed",
  statements: (d, { scope, coarse }) => {
    // A block on several relays counts once, with what is lacking from the least that a relay claims.
    const blocks = `WITH judged AS (
  SELECT slot, block_hash, min(relay) AS relay, min(verdict) AS verdict, min(claimed / 1e18) AS claimed_eth,
    min(paid / 1e18) AS paid_eth, min(coalesce(short_by, 0) / 1e18) AS short_eth
  FROM ${paymentsTable.name} WHERE ${slotsInScope(d, scope)}
  GROUP BY slot, block_hash
)`;
    return {
      payment_verdicts: `${blocks}
SELECT verdict, ${bucketSql(d, coarse)} AS bucket, count(*) AS blocks, sum(${d.double("claimed_eth")}) AS claimed,
  sum(${d.double("short_eth")}) AS short
FROM judged GROUP BY verdict, bucket`,
      payments_short: `${blocks}
SELECT slot, block_hash, relay, ${d.double("claimed_eth")} AS claimed, ${d.double("paid_eth")} AS paid,
  ${d.double("short_eth")} AS short
FROM judged WHERE verdict = 'less' ORDER BY short_eth DESC, slot LIMIT ${LISTED}`,
    };
  },
  view: viewOf(paymentsFound, paymentFigures, paymentTables, paymentTiles),
};

function paymentsFound(results: Results) {
  const rows = (results["payment_verdicts"] ?? []).map((row) => ({
    verdict: textIn(row, "verdict"),
    bucket: numberIn(row, "bucket"),
    blocks: numberIn(row, "blocks"),
    claimed: numberIn(row, "claimed"),
    short: numberIn(row, "short"),
  }));
  const verdicts = Array.from(
    groupBy(rows, ({ verdict }) => verdict),
    ([verdict, own]) => ({
      verdict,
      blocks: sumOf(own, ({ blocks }) => blocks),
      claimed_eth: sumOf(own, ({ claimed }) => claimed),
      short_eth: sumOf(own, ({ short }) => short),
    }),
  ).toSorted((a, b) => b.blocks - a.blocks);
  const short = (results["payments_short"] ?? []).map((row) => ({
    slot: numberIn(row, "slot"),
    block_hash: textIn(row, "block_hash"),
    relay: textIn(row, "relay"),
    claimed_eth: numberIn(row, "claimed"),
    paid_eth: numberOrNull(row, "paid"),
    short_eth: numberIn(row, "short"),
  }));
  const blocks = sumOf(verdicts, (one) => one.blocks);
  const delivered = Math.round(sumOf(relayPayloads(results), ({ share_of_blocks }) => share_of_blocks));
  return { numbers: { blocks, delivered, verdicts, short }, rows };
}

type Payments = ReturnType<typeof paymentsFound>;

export const verdictText = (verdict: string) => VERDICTS.find(({ key }) => key === verdict)?.label ?? verdict;

function paymentFigures({ numbers, rows }: Payments, { scope, coarse }: Showing): Figure[] {
  return [
    {
      id: "payments-verdicts",
      title: "Paid against claimed",
      units: `share of blocks that have a verdict, a bar ${slotsAndTime(coarse.step)}; n = ${count(numbers.blocks)} blocks`,
      read:
        "What `verify` found on the chain of each delivered block's claim. Where no step found the whole value that is a reason to " +
        "look, not a proof. Blocks that weren't verified are in no bar.",
      from: ["payment_verdicts"],
      legend: VERDICTS.map(({ label, colour }) => ({ label, colour })),
      plot:
        numbers.blocks === 0
          ? "No delivered block of this range was held against the chain: the command verify does that."
          : (plotting, width) =>
              stackedBars(plotting, width, {
                scope,
                buckets: coarse,
                parts: rows.map(({ verdict, bucket, blocks }) => ({
                  bucket,
                  name: verdictText(verdict),
                  amount: blocks,
                })),
                names: VERDICTS.map(({ label }) => label),
                colour: (name) => VERDICTS.find(({ label }) => label === name)?.colour ?? "var(--rest)",
                shares: true,
                label: "share of blocks",
                say: (amount) => `${count(amount)} blocks`,
              }),
    },
  ];
}

function paymentTiles({ numbers: { blocks, delivered, verdicts } }: Payments): Tile[] {
  const less = verdicts.find(({ verdict }) => verdict === "less");
  return [
    {
      label: "Paid short",
      value: blocks === 0 ? "unknown" : `${eth(less?.short_eth ?? 0)} ETH`,
      n: `${count(less?.blocks ?? 0)} of ${count(blocks)} blocks with a verdict`,
      gap: delivered > blocks ? `${count(delivered - blocks)} blocks weren't held against the chain` : "",
    },
  ];
}

function paymentTables({ numbers: { blocks, verdicts, short } }: Payments): PageTable[] {
  const ether = (value: number) => ({ shown: eth(value), value });
  if (blocks === 0) return [];
  return [
    {
      title: "Verdicts; a block on several relays counts once",
      columns: columnsOf(["verdict"], ["blocks", "share", "ETH claimed", "ETH short"]),
      rows: verdicts.map((row) => [
        verdictText(row.verdict),
        count(row.blocks),
        percent(row.blocks / blocks),
        ether(row.claimed_eth),
        ether(row.short_eth),
      ]),
    },
    {
      title: short.length === 0 ? "Blocks paid short: none" : "Blocks of which most is lacking",
      columns: columnsOf(["slot", "relay"], ["ETH claimed", "ETH paid", "ETH short"]),
      rows: short.map((row) => [
        String(row.slot),
        row.relay,
        ether(row.claimed_eth),
        row.paid_eth === null ? "not seen" : ether(row.paid_eth),
        ether(row.short_eth),
      ]),
      from: ["payments_short"],
    },
  ];
}
