import { STEPS_PER_DECADE, type ValuesFound, valuesOf } from "./valueNumbers.ts";
import { count, eth, percent } from "../format.ts";
import type { Cell, Section, PageTable, Tile } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { explanationText, deliveredValuesSql, valueLeftSql } from "./leftBehind.ts";
import { AUCTIONS } from "../auction/auction.ts";
import { valueFigures } from "./valueFigures.ts";
import { sumOf } from "../../warehouse/sql/values.ts";

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

function valueTiles({ numbers, left }: ValuesFound): Tile[] {
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

function valueTables({ numbers, left }: ValuesFound): PageTable[] {
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
