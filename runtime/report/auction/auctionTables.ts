import { count, eth } from "../format.ts";
import type { Cell, PageTable } from "../section.ts";
import { verdictText } from "../sections/payments.ts";
import { columnsOf } from "../view.ts";
import { sumOf } from "../../warehouse/sql/values.ts";
import type { SlotAuction } from "./auction.ts";

/** Why value was left, by the words of view slots, as readers are told it. */
export const WHY = {
  adjusted: "no more than the relay's adjustment took off",
  late: "it came after the last known call for a header",
  other_relay: "no relay that delivered the block had it",
  unknown: "not known",
} as const;

/** What the chain has in a delivered block's slot, as readers are told it. */
const STATUS = {
  canonical: "canonical",
  another: "another block is canonical",
  missed: "slot missed",
  orphaned: "slot's block orphaned",
  unknown: "not known, or not final yet",
} as const;

/** What the chain has in an auction's slot. */
export function chainText({ found }: SlotAuction): string {
  const { status } = found.numbers;
  return status === "canonical" ? "a canonical block" : STATUS[status];
}

/** What became of an auction's delivered blocks. */
export function auctionBlocks({ slot, found }: SlotAuction, place: number): PageTable {
  const { blocks } = found.numbers;
  const amount = (value: number | null, none: string, sign = ""): Cell =>
    value === null ? { shown: none, value: -1 } : { shown: `${sign}${eth(value)}`, value };
  return {
    title:
      blocks.length === 0
        ? `Slot ${slot}: no relay says that it delivered a block`
        : `Slot ${slot}: what became of the delivered block, in ETH`,
    columns: columnsOf(
      ["builder", "delivered by", "on the chain", "why left"],
      ["claimed", "paid", "adjusted", "merged", "left"],
    ),
    rows: blocks.map((row) => [
      row.builder,
      row.relays.join(", "),
      STATUS[row.status],
      row.why === null ? "" : WHY[row.why],
      amount(row.claimed_eth, ""),
      row.verdict === null ? amount(null, "not verified") : amount(row.paid_eth, verdictText(row.verdict)),
      amount(row.adjusted_eth, "none known", "−"),
      amount(row.merged_eth, "none known", "+"),
      amount(row.eth_left, "not known"),
    ]),
    from: ["chain", "made", "paid"].map((name) => `auction_${place}_${name}`),
  };
}

/** Each relay's part in an auction. */
export function auctionRelays({ slot, found }: SlotAuction, place: number): PageTable {
  const { relays, payloads } = found.numbers;
  const seconds = (ms: number | null): Cell => (ms === null ? "" : (ms / 1000).toFixed(2));
  const all = sumOf(relays, ({ bids }) => bids);
  return {
    title: `Slot ${slot} by relay: ${count(all)} bids`,
    columns: columnsOf(
      ["relay", "delivered", "best bid by"],
      ["best bid (ETH)", "bids", "builders", "first (s)", "last (s)"],
    ),
    rows: relays.map((row) => [
      row.covered ? row.relay : `${row.relay} (not covered)`,
      payloads
        .filter(({ relay }) => relay === row.relay)
        .map(({ builder, eth: paid }) => `${builder}, ${eth(paid)} ETH`)
        .join("; "),
      row.best_builder ?? "",
      row.best_eth === null ? "" : { shown: eth(row.best_eth), value: row.best_eth },
      count(row.bids),
      count(row.builders),
      seconds(row.first_ms),
      seconds(row.last_ms),
    ]),
    from: [`auction_${place}_payloads`, `auction_${place}_covered`, `auction_${place}_asked`],
  };
}
