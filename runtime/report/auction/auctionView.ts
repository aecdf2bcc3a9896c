import { NARROW, IN_THE_MIDDLE, rowNames, leftMargin } from "../axes.ts";
import { REST_COLOUR } from "../colours.ts";
import { count, eth } from "../format.ts";
import { explanationText } from "../sections/leftBehind.ts";
import type { Cell, Figure, PageTable, PlotOptions, Plotting, SectionView, Showing } from "../section.ts";
import { REST } from "../stackedBars.ts";
import { columnsOf } from "../view.ts";
import { groupBy, quantileOf, sumOf } from "../../warehouse/sql/values.ts";
import { AUCTION_STEP_MS, type SlotAuction } from "./auction.ts";

/** Seconds before and after the slot's start that the plot shows. */
const WINDOW_MS = { from: -12_000, to: 12_000 } as const;
/** Dots of one plot: of a page's several, of one that has its page for itself, and on a phone. */
const DOTS = { one: 2500, several: 1500, phone: 700 } as const;

/** The figures and tables of some slots' auctions. */
export function auctionsView(auctions: readonly SlotAuction[], showing: Showing): SectionView {
  const dots = auctions.length === 1 ? DOTS.one : DOTS.several;
  return {
    numbers: auctions.map(({ slot, found }) => ({ slot, ...found.numbers })),
    figures: auctions.map((auction, index) => auctionFigure(auction, index + 1, dots, showing)),
    tables: auctions.flatMap((auction, index) => [
      blocksTable(auction, index + 1),
      relaysTable(auction, index + 1),
    ]),
    tiles: [],
  };
}

/** The statements of auctions by the names that figures and tables give them. */
export function auctionQueries(auctions: readonly SlotAuction[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    auctions.flatMap(({ statements }, index) =>
      Object.entries(statements).map(([name, sql]) => [`auction_${index + 1}_${name}`, sql]),
    ),
  );
}

function auctionFigure(auction: SlotAuction, place: number, most: number, showing: Showing): Figure {
  const { slot, found } = auction;
  const { bids, beyond_belief: beyond, undated, builders, relays } = found.numbers;
  const { dots, oneIn } = dotsOf(auction, most);
  const top = topOf(dots, found.numbers.outcomes);
  const above = dots.filter((dot) => dot.eth > top).length;
  const missing = relays.filter(({ covered }) => !covered).map(({ relay }) => relay);
  const left = [
    ...(above > 0 ? [`how high ${count(above)} above that stand, drawn at their row's upper edge`] : []),
    ...(beyond > 0 ? [`${count(beyond)} bids of more than could be paid`] : []),
    ...(undated > 0 ? [`${count(undated)} bids not dated to the millisecond`] : []),
    ...(missing.length > 0 ? [`relays whose bids of this slot aren't covered: ${missing.join(", ")}`] : []),
  ];
  const named = builders.map(({ builder }) => builder);
  return {
    id: `auction-${place}`,
    title: `The auction of slot ${slot}`,
    units: `s from the slot's start; a row a relay, its height from 0 to ${eth(top)} ETH; n = ${count(bids)} bids`,
    read: `${outcomeText(auction)} A dot is the best bid of a builder in ${AUCTION_STEP_MS} ms${oneIn > 1 ? `, drawn for one in ${oneIn} and for each builder's best (on a phone for fewer)` : ""}; the ring is the delivered block where it was bid first, the dashed line what it paid${found.numbers.headers.length === 0 ? "" : ", an upright line a call for a header, where the relay tells of them"}.${left.length === 0 ? "" : ` Not shown: ${left.join("; ")}.`}`,
    from: [`auction_${place}_bids`, `auction_${place}_outcome`, `auction_${place}_headers`],
    legend: [
      ...named.map((label) => ({ label, colour: showing.builderColour(label) })),
      ...(dots.some(({ builder }) => !named.includes(builder)) ? [{ label: REST, colour: REST_COLOUR }] : []),
    ],
    plot:
      dots.length === 0
        ? "No bid of this slot is dated to the millisecond, or none is loaded."
        : (plotting, width) =>
            auctionPlot(plotting, width, {
              auction,
              dots: width < NARROW ? dotsOf(auction, DOTS.phone).dots : dots,
              top,
              colour: (builder) => (named.includes(builder) ? showing.builderColour(builder) : REST_COLOUR),
            }),
  };
}

interface Dot {
  readonly relay: string;
  readonly builder: string;
  readonly ms: number;
  readonly eth: number;
  readonly bids: number;
}

const inWindow = ({ ms }: { readonly ms: number }) => ms >= WINDOW_MS.from && ms < WINDOW_MS.to;

/**
 * The best bid of each relay, builder and step. Of too many, each relay's and builder's best, and one in so many of its others in
 * the order of time: wider steps would look like bursts of bids.
 */
function dotsOf({ found: { cells } }: SlotAuction, most: number): { dots: Dot[]; oneIn: number } {
  const all = cells.flatMap(({ step, ...rest }) =>
    step === null ? [] : [{ ...rest, ms: (step + 0.5) * AUCTION_STEP_MS }],
  );
  const shown = all.filter(inWindow);
  const series = [...groupBy(shown, ({ relay, builder }) => `${relay} ${builder}`).values()];
  const oneIn = Math.max(1, Math.ceil(shown.length / Math.max(1, most - series.length)));
  const dots = series.flatMap((own, place) => {
    const best = Math.max(...own.map((dot) => dot.eth));
    return own
      .toSorted((a, b) => a.ms - b.ms)
      .filter((dot, index) => dot.eth === best || (index + place) % oneIn === 0);
  });
  return { dots, oneIn };
}

/** The height of a row, ETH: what nearly all dots and the delivered blocks reach; few far above would flatten the rest. */
function topOf(dots: readonly Dot[], outcomes: readonly { readonly eth: number }[]): number {
  const most = quantileOf(
    dots.map(({ eth: value }) => ({ value, count: 1 })),
    0.985,
  );
  return 1.08 * Math.max(most ?? 0, ...outcomes.map((one) => one.eth));
}

/** Why value was left, by the words of view slots, as readers are told it. */
const WHY = {
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

/** Who won, and what was left and why, in words. */
function outcomeText({ found: { numbers } }: SlotAuction): string {
  const { outcomes, payloads } = numbers;
  if (payloads.length === 0) return "No relay says that it delivered a block in this slot.";
  const relaysOf = (hash: string) =>
    payloads.filter(({ block_hash }) => block_hash === hash).map(({ relay }) => relay);
  if (outcomes.length === 0) {
    const [{ builder, eth: paid, relay } = { builder: "", eth: 0, relay: "" }] = payloads;
    return `Delivered: the block of ${builder} on ${relay}, ${eth(paid)} ETH; there is no bid to compare it with, or its value can't be believed.`;
  }
  return outcomes
    .map((one) => {
      const when =
        one.won_ms === null
          ? ""
          : `, first bid there ${(one.won_ms / 1000).toFixed(2)} s from the slot's start`;
      const won = `Delivered: the block of ${one.builder} on ${relaysOf(one.block_hash).join(", ")}, ${eth(one.eth)} ETH${when}.`;
      if (one.eth_left === 0 || one.rival === null) return `${won} No relay showed a better bid.`;
      const where = one.rival_relays > 1 ? `${one.rival_relays} relays` : (one.rival_relay ?? "");
      const why =
        one.why === "adjusted" || one.why === "late" ? WHY[one.why] : explanationText(one.explanation);
      return `${won} The best bid, of ${one.rival} on ${where}, offered ${eth(one.eth_left)} ETH more (${why}).`;
    })
    .join(" ");
}

interface Drawing {
  readonly auction: SlotAuction;
  readonly dots: readonly Dot[];
  /** The height of a row, ETH. */
  readonly top: number;
  readonly colour: (builder: string) => string;
}

function auctionPlot(plotting: Plotting, width: number, drawing: Drawing): PlotOptions {
  const { relays } = drawing.auction.found.numbers;
  const { headers } = drawing.auction.found.numbers;
  const names = relays
    .filter(({ relay, covered, bids }) => covered || bids > 0 || headers.some((one) => one.relay === relay))
    .map(({ relay }) => relay);
  const marginLeft = leftMargin(names, width);
  const ms = [...drawing.dots, ...headers.filter(inWindow)].map((one) => one.ms);
  return {
    height: names.length * (width < NARROW ? 34 : 40) + 56,
    marginLeft,
    marginRight: 14,
    marginTop: 8,
    marginBottom: 42,
    x: { domain: [Math.floor(Math.min(...ms) / 500) / 2, Math.ceil((Math.max(...ms, 0) + 1) / 500) / 2] },
    y: { domain: [0, names.length], label: null },
    marks: [
      plotting.axisX({ label: "s from the slot's start", ...IN_THE_MIDDLE, ticks: width < NARROW ? 5 : 10 }),
      rowNames(plotting, names, marginLeft),
      plotting.ruleY(
        names.map((_, index) => index),
        { stroke: "var(--line)" },
      ),
      plotting.ruleX([0], { stroke: "currentColor", strokeDasharray: "3 3" }),
      ...auctionMarks(plotting, width, names, drawing),
    ],
  };
}

/** The dots, and where and for what the delivered block was bid. */
function auctionMarks(
  plotting: Plotting,
  width: number,
  names: readonly string[],
  { auction, dots, top, colour }: Drawing,
): NonNullable<PlotOptions["marks"]> {
  const { outcomes, payloads, headers } = auction.found.numbers;
  const row = new Map(names.map((name, index) => [name, names.length - 1 - index]));
  const height = (relay: string, value: number) =>
    (row.get(relay) ?? 0) + 0.04 + 0.88 * Math.min(1, value / top);
  const won = outcomes.flatMap(({ block_hash, eth: paid, won_ms }) =>
    payloads
      .filter((payload) => payload.block_hash === block_hash && row.has(payload.relay))
      .map(({ relay }) => ({ relay, paid, won_ms })),
  );
  const atPaid = ({ relay, paid }: (typeof won)[number]) => height(relay, paid);
  const foot = ({ relay }: (typeof headers)[number]) => row.get(relay) ?? 0;
  return [
    plotting.ruleX(headers.filter(inWindow), {
      x: ({ ms }: (typeof headers)[number]) => ms / 1000,
      y1: foot,
      y2: (one: (typeof headers)[number]) => foot(one) + 0.94,
      stroke: "currentColor",
      strokeWidth: 1.5,
    }),
    plotting.ruleY(won, { y: atPaid, stroke: "currentColor", strokeDasharray: "5 3" }),
    plotting.dot(dots, {
      x: ({ ms: at }: Dot) => at / 1000,
      y: (dot: Dot) => height(dot.relay, dot.eth),
      r: width < NARROW ? 1.4 : 1.8,
      fill: ({ builder }: Dot) => colour(builder),
    }),
    plotting.dot(
      won.filter(({ won_ms }) => won_ms !== null),
      {
        x: ({ won_ms }: (typeof won)[number]) => (won_ms ?? 0) / 1000,
        y: atPaid,
        r: 6,
        stroke: "currentColor",
        strokeWidth: 2,
        title: ({ relay, paid }: (typeof won)[number]) => `delivered by ${relay}: ${eth(paid)} ETH`,
      },
    ),
  ];
}

/** What the chain has in an auction's slot. */
export function chainText({ found }: SlotAuction): string {
  const { status } = found.numbers;
  return status === "canonical" ? "a canonical block" : STATUS[status];
}

function blocksTable({ slot, found }: SlotAuction, place: number): PageTable {
  const { blocks } = found.numbers;
  const amount = (value: number | null, none: string): Cell =>
    value === null ? { shown: none, value: -1 } : { shown: eth(value), value };
  return {
    title:
      blocks.length === 0
        ? `Slot ${slot}: no relay says that it delivered a block`
        : `Slot ${slot}: what became of the delivered block`,
    columns: columnsOf(
      ["builder", "delivered by", "on the chain", "why value was left"],
      ["claimed (ETH)", "paid (ETH)", "adjustment took off", "merging added", "left (ETH)"],
    ),
    rows: blocks.map((row) => [
      row.builder,
      row.relays.join(", "),
      STATUS[row.status],
      row.why === null ? "" : WHY[row.why],
      amount(row.claimed_eth, ""),
      row.verdict === null ? amount(null, "not verified") : amount(row.paid_eth, row.verdict),
      amount(row.adjusted_eth, "none known"),
      amount(row.merged_eth, "none known"),
      amount(row.eth_left, "not known"),
    ]),
    from: ["chain", "made", "paid"].map((name) => `auction_${place}_${name}`),
  };
}

function relaysTable({ slot, found }: SlotAuction, place: number): PageTable {
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
