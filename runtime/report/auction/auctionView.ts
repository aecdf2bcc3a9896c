import { NARROW, IN_THE_MIDDLE, rowNames, leftMargin } from "../axes.ts";
import { REST_COLOUR } from "../colours.ts";
import { count, eth } from "../format.ts";
import { explanationText } from "../sections/leftBehind.ts";
import type { Figure, PlotOptions, Plotting, SectionView, Showing } from "../section.ts";
import { REST } from "../stackedBars.ts";
import { groupBy, quantileOf } from "../../warehouse/sql/values.ts";
import { AUCTION_STEP_MS, type SlotAuction } from "./auction.ts";
import { WHY, auctionBlocks, auctionRelays } from "./auctionTables.ts";

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
      auctionBlocks(auction, index + 1),
      auctionRelays(auction, index + 1),
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
  const cut =
    above === 0
      ? ""
      : above === 1
        ? " One dot stands for more than its row's height, at its edge."
        : ` ${count(above)} dots stand for more than their rows' height, at the edges.`;
  const left = [
    ...(beyond > 0 ? [`${bidsText(beyond)} of more than could be paid`] : []),
    ...(undated > 0 ? [`${bidsText(undated)} not dated to the millisecond`] : []),
    ...(missing.length > 0 ? [`relays whose bids of this slot aren't covered: ${missing.join(", ")}`] : []),
  ];
  const named = builders.map(({ builder }) => builder);
  return {
    id: `auction-${place}`,
    title: `The auction of slot ${slot}`,
    units: `s from the slot's start; a row a relay, its height from 0 to ${eth(top)} ETH; n = ${bidsText(bids)}`,
    read: `${outcomeText(auction)} A dot is the best bid of a builder in ${AUCTION_STEP_MS} ms${oneIn > 1 ? `, drawn for one in ${oneIn} and for each builder's best (on a phone for fewer)` : ""}; the ring is the delivered block where it was bid first, the dashed line what it paid${found.numbers.headers.length === 0 ? "" : ", an upright line a call for a header, where the relay tells of them"}.${cut}${left.length === 0 ? "" : ` Not shown: ${left.join("; ")}.`}`,
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

/** So many bids, as a reader says it. */
function bidsText(bids: number): string {
  return `${count(bids)} ${bids === 1 ? "bid" : "bids"}`;
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
