import { count, eth, percent } from "../format.ts";
import type { Cell, Results, Section, Showing, PageTable, Tile } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { EXPLANATIONS, explanationText, deliveredValuesSql, valueLeftSql } from "./leftBehind.ts";
import { scopeSlots } from "../../warehouse/sql/scope.ts";
import { AUCTIONS } from "../auction/auction.ts";
import { STEPS_PER_DECADE, valueFigures } from "./valueFigures.ts";
import {
  type ResultRow,
  groupBy,
  numberIn,
  numberOrNull,
  sumOf,
  textIn,
} from "../../warehouse/sql/values.ts";

/** Slots that the table lists. */
const MOST_LEFT = 20;

export const valueSection: Section = {
  id: "value",
  title: "Value",
  statements: (d, ask) => ({
    delivered_values: deliveredValuesSql(d, ask, STEPS_PER_DECADE),
    value_left: valueLeftSql(d, ask.scope, MOST_LEFT),
  }),
  view: viewOf(valuesOf, valueFigures, valueTables, valueTiles),
};

/** Delivered blocks by value, and what can explain that they weren't the best. */
function valuesOf(results: Results, showing: Showing) {
  const values = results["delivered_values"] ?? [];
  const believed = groupBy(
    values.filter((row) => row["believed"] === true),
    (row) => numberIn(row, "step"),
  );
  const distribution = Array.from(believed, ([step, rows]) => ({
    step,
    blocks: sumOf(rows, (row) => numberIn(row, "blocks")),
    eth: sumOf(rows, (row) => numberIn(row, "eth")),
  }));
  const beyond = sumOf(
    values.filter((row) => row["believed"] !== true),
    (row) => numberIn(row, "blocks"),
  );
  const left = leftOf(results);
  const medians = values.map((row) => numberOrNull(row, "median_of_all"));
  const explained = EXPLANATIONS.map(({ key }) => {
    const own = left.filter(({ explanation }) => explanation === key);
    return {
      explanation: key,
      blocks: sumOf(own, ({ blocks }) => blocks),
      eth_left: sumOf(own, ({ eth_left }) => eth_left),
    };
  });
  const numbers = {
    blocks: sumOf(distribution, ({ blocks }) => blocks),
    eth: sumOf(distribution, (one) => one.eth),
    blocks_beyond_belief: beyond,
    distribution: distribution
      .toSorted((a, b) => a.step - b.step)
      .map(({ step, blocks, eth: sum }) => ({ from_eth: 10 ** (step / STEPS_PER_DECADE), blocks, eth: sum })),
    median_eth: medians.find((median) => median !== null) ?? null,
    over_time: overTimeOf(results, showing),
    most_left: mostLeftOf(results, showing.names),
    compared_blocks: sumOf(left, ({ blocks }) => blocks),
    left: explained,
  };
  return { numbers, distribution, left };
}

export type Values = ReturnType<typeof valuesOf>;

/** Compared blocks by explanation and by how much more was offered. */
function leftOf(results: Results) {
  const groups = groupBy(
    results["value_left"] ?? [],
    (row) => `${textIn(row, "explanation")} ${numberIn(row, "size")}`,
  );
  return Array.from(groups, ([key, rows]) => {
    const [explanation = "", size = ""] = key.split(" ");
    const total = (column: string) => sumOf(rows, (row) => numberIn(row, column));
    return {
      explanation,
      size: Number(size),
      blocks: total("blocks"),
      eth_left: total("eth_left"),
      eth_delivered: total("eth_delivered"),
    };
  });
}

function overTimeOf(results: Results, { coarse, scope }: Showing) {
  const believed = (results["delivered_values"] ?? []).filter((row) => row["believed"] === true);
  const buckets = groupBy(believed, (row) => numberIn(row, "bucket"));
  /** A bucket's quantile stands in one of its rows. */
  const of = (rows: readonly ResultRow[], column: string) =>
    Math.max(...rows.map((row) => numberOrNull(row, column) ?? 0));
  return Array.from(buckets, ([bucket, rows]) => ({
    bucket,
    first_slot: scopeSlots(coarse, bucket, scope.range).first,
    blocks: sumOf(rows, (row) => numberIn(row, "blocks")),
    eth: sumOf(rows, (row) => numberIn(row, "eth")),
    p10: of(rows, "p10"),
    median: of(rows, "median"),
    p90: of(rows, "p90"),
  })).toSorted((a, b) => a.bucket - b.bucket);
}

/** Delivered blocks of which most was left behind, those with most first. */
export function mostLeftOf(results: Results, names: Showing["names"]) {
  return (results["value_left"] ?? [])
    .filter((row) => row["place"] !== null)
    .map((row) => ({
      slot: numberIn(row, "slot"),
      block_hash: textIn(row, "block_hash"),
      builder: names.nameOf(textIn(row, "builder_pubkey")),
      eth_delivered: numberIn(row, "eth_delivered"),
      eth_left: numberIn(row, "eth_left"),
      explanation: textIn(row, "explanation"),
      rival: names.nameOf(textIn(row, "rival_pubkey")),
      rival_relay: textIn(row, "rival_relay"),
      rival_relays: numberIn(row, "rival_relays"),
    }))
    .toSorted((a, b) => b.eth_left - a.eth_left || a.slot - b.slot);
}

function valueTiles({ numbers, left }: Values): Tile[] {
  const { blocks, blocks_beyond_belief: beyond, compared_blocks: compared, median_eth: median } = numbers;
  const lost = sumOf(left, ({ eth_left }) => eth_left);
  const paid = sumOf(left, ({ eth_delivered }) => eth_delivered);
  const gap = beyond === 0 ? "" : `${count(beyond)} of more than could be paid are left out`;
  const n = `of ${count(blocks)} blocks with a value`;
  return [
    { label: "ETH delivered", value: eth(numbers.eth), n, gap },
    { label: "Median value", value: median === null ? "none" : `${eth(median)} ETH`, n, gap },
    {
      label: "Value left",
      value: compared === 0 ? "unknown" : `${eth(lost)} ETH`,
      n: `${compared === 0 ? "" : `${percentText(lost / paid)} of the delivered, `}of ${count(compared)} blocks with bids to compare`,
      gap: blocks === compared ? "" : `${count(blocks - compared)} blocks have no bid to be compared with`,
    },
  ];
}

function valueTables({ numbers, left }: Values): PageTable[] {
  const delivered = sumOf(left, ({ eth_delivered }) => eth_delivered);
  return [
    {
      title: "What can explain value left behind",
      columns: columnsOf(["explanation"], ["blocks", "share of blocks", "ETH left", "of the delivered"]),
      rows: numbers.left
        .filter(({ blocks }) => blocks > 0)
        .map((row) => [
          explanationText(row.explanation),
          count(row.blocks),
          percent(row.blocks / numbers.compared_blocks),
          { shown: eth(row.eth_left), value: row.eth_left },
          percent(Math.min(1, row.eth_left / delivered)),
        ]),
    },
    {
      title:
        "Slots with most left behind. The auctions of the first are drawn below; `report --slot N` draws that of any slot",
      columns: columnsOf(
        ["slot", "built by", "best bid by", "on", "why"],
        ["ETH delivered", "ETH left", "more"],
      ),
      rows: numbers.most_left.map((row, index) => [
        index < AUCTIONS
          ? { shown: String(row.slot), value: row.slot, href: `#auction-${index + 1}` }
          : String(row.slot),
        row.builder,
        row.rival,
        row.rival_relays > 1 ? `${row.rival_relays} relays` : row.rival_relay,
        explanationText(row.explanation),
        { shown: eth(row.eth_delivered), value: row.eth_delivered },
        { shown: eth(row.eth_left), value: row.eth_left },
        percentMore(row.eth_left / row.eth_delivered),
      ]),
    },
  ];
}

/** A share that may be more than all. */
function percentText(share: number): string {
  return share <= 1 ? percent(share) : `${Number((100 * share).toPrecision(3))} %`;
}

/** How much more something is, which may be a multiple. */
function percentMore(share: number): Cell {
  return share < 1
    ? percent(share)
    : { shown: `${Number((1 + share).toPrecision(3))} times`, value: 100 * share };
}
