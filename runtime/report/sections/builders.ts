import { IN_THE_MIDDLE, NARROW, ROW, namedRows } from "../axes.ts";
import { plausibleValues } from "../../warehouse/sql/plausibleValues.ts";
import { count, eth, percent, shareTick } from "../format.ts";
import { inScope } from "../../warehouse/sql/scope.ts";
import type { Results } from "../asking.ts";
import type { Figure, PlotOptions, Plotting, Section, Showing, PageTable } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";

interface Builder {
  readonly builder: string;
  readonly keys: number;
  readonly blocks: number;
  readonly eth: number;
  readonly bids: number;
  readonly slots_on_top: number;
  readonly relays: number;
}

/** Builders that the plot shows; the table has more. */
const SHOWN = 12;
const LISTED = 40;
/** Without a block and a slot on top, a builder is listed when it has this share of all bids. */
const LEAST_LISTED = 0.001;

/** What builders delivered comes with the values of section `value`. */
export const buildersSection: Section = {
  id: "builders",
  title: "Builders",
  statements: (d, { scope }) => ({
    builders_on_relays: `SELECT builder_pubkey, relay, sum(copies) AS bids FROM bids
WHERE ${inScope(d, scope)} GROUP BY builder_pubkey, relay`,
    builders_on_top: `WITH ${plausibleValues(d, scope)}, tops AS (
  SELECT bids.slot AS slot, min(builder_pubkey) AS builder_pubkey
  FROM bids JOIN best ON best.slot = bids.slot AND best.wei = ${d.double("value")}
  WHERE ${inScope(d, scope, "bids")} GROUP BY bids.slot
)
SELECT builder_pubkey, count(*) AS slots FROM tops GROUP BY builder_pubkey`,
  }),
  view: viewOf(buildersFound, builderFigures, builderTables),
};

function buildersFound(results: Results, { names }: Showing) {
  const builders = buildersOf(results, (pubkey) => names.nameOf(pubkey));
  const blocks = sumOf(builders, (builder) => builder.blocks);
  const slots = sumOf(builders, ({ slots_on_top }) => slots_on_top);
  return {
    numbers: { blocks, slots_with_bids: slots, builders },
    shareOfBlocks: (builder: Builder) => (blocks === 0 ? 0 : builder.blocks / blocks),
    shareOnTop: (builder: Builder) => (slots === 0 ? 0 : builder.slots_on_top / slots),
  };
}

type Found = ReturnType<typeof buildersFound>;

function builderFigures(found: Found): Figure[] {
  return [
    {
      id: "builders-share",
      title: "Market share",
      units: `share, the ${SHOWN} builders with most delivered blocks`,
      read:
        `The upper bar is the share of ${count(found.numbers.blocks)} delivered blocks, the lower one how often the builder had the best ` +
        `bid of ${count(found.numbers.slots_with_bids)} slots with bids. A lower bar much longer than the upper one: often the best, seldom delivered.`,
      from: ["delivered_values", "builders_on_top"],
      legend: [
        { label: "share of delivered blocks", colour: "var(--c0)" },
        { label: "share of slots with the best bid", colour: "var(--c5)" },
      ],
      plot:
        found.numbers.builders.length === 0
          ? "No builder bid or delivered in this range."
          : (plotting, width) => sharePlot(plotting, width, found),
    },
  ];
}

function sharePlot(
  plotting: Plotting,
  width: number,
  { numbers, shareOfBlocks, shareOnTop }: Found,
): PlotOptions {
  const shown = numbers.builders.slice(0, SHOWN);
  const labels = shown.map(({ builder }) => builder);
  const { frame, axis } = namedRows(plotting, width, labels, { marginRight: 56, padding: 0.1, row: 2 * ROW });
  /** One of a builder's two bars, with its own figure at its end. */
  const bar = (share: (builder: Builder) => number, upper: boolean, title: (builder: Builder) => string) => [
    plotting.barX(shown, {
      y: "builder",
      x: share,
      insetTop: upper ? 3 : ROW - 2,
      insetBottom: upper ? ROW - 2 : 3,
      fill: upper ? "var(--c0)" : "var(--c5)",
      title,
    }),
    plotting.text(shown, {
      y: "builder",
      x: share,
      text: (builder: Builder) => percent(share(builder)),
      textAnchor: "start",
      dx: 5,
      dy: upper ? -9 : 9,
      fill: "currentColor",
    }),
  ];
  return {
    ...frame,
    x: { nice: true },
    marks: [
      plotting.axisX({
        label: "share",
        ...IN_THE_MIDDLE,
        ticks: width < NARROW ? 4 : 8,
        tickFormat: shareTick,
      }),
      axis,
      plotting.ruleX([0], { stroke: "var(--line)" }),
      ...bar(shareOfBlocks, true, ({ builder, blocks }) => `${builder}: ${count(blocks)} blocks`),
      ...bar(shareOnTop, false, (row) => `${row.builder}: the best bid of ${count(row.slots_on_top)} slots`),
    ],
  };
}

function builderTables({ numbers: { builders }, shareOfBlocks, shareOnTop }: Found): PageTable[] {
  const allBids = sumOf(builders, ({ bids }) => bids);
  const listed = builders
    .filter(({ blocks, slots_on_top, bids }) => blocks + slots_on_top > 0 || bids >= LEAST_LISTED * allBids)
    .slice(0, LISTED);
  const others = builders.filter((builder) => !listed.includes(builder));
  const total = (figure: (builder: Builder) => number) => sumOf(others, figure);
  const rest: Builder = {
    builder: `${count(others.length)} others`,
    keys: total(({ keys }) => keys),
    blocks: total(({ blocks }) => blocks),
    eth: total((one) => one.eth),
    bids: total(({ bids }) => bids),
    slots_on_top: total(({ slots_on_top }) => slots_on_top),
    relays: Math.max(0, ...others.map(({ relays }) => relays)),
  };
  return [
    {
      title: "Builders; keys of one name are taken together, and what has hardly a bid",
      columns: columnsOf(
        ["builder"],
        ["keys", "blocks", "share", "ETH", "slots on top", "share on top", "bids", "relays"],
      ),
      rows: [...listed, ...(others.length > 0 ? [rest] : [])].map((builder) => [
        builder.builder,
        count(builder.keys),
        count(builder.blocks),
        percent(shareOfBlocks(builder)),
        { shown: eth(builder.eth), value: builder.eth },
        count(builder.slots_on_top),
        percent(shareOnTop(builder)),
        count(builder.bids),
        count(builder.relays),
      ]),
      from: ["builders_on_relays"],
    },
  ];
}

/** Builders by what they are shown as, those with most blocks first, then most bids. */
function buildersOf(results: Results, nameOf: (pubkey: string) => string): Builder[] {
  const all = new Map<
    string,
    { keys: Set<string>; relays: Set<string>; blocks: number; eth: number; bids: number; slots: number }
  >();
  const of = (pubkey: string) => {
    const name = nameOf(pubkey);
    let known = all.get(name);
    if (!known) {
      known = { keys: new Set(), relays: new Set(), blocks: 0, eth: 0, bids: 0, slots: 0 };
      all.set(name, known);
    }
    known.keys.add(pubkey);
    return known;
  };
  for (const row of results["delivered_values"] ?? []) {
    const builder = of(textIn(row, "builder_pubkey"));
    builder.blocks += numberIn(row, "blocks");
    if (row["believed"] === true) builder.eth += numberIn(row, "eth");
  }
  for (const row of results["builders_on_relays"] ?? []) {
    const builder = of(textIn(row, "builder_pubkey"));
    builder.relays.add(textIn(row, "relay"));
    builder.bids += numberIn(row, "bids");
  }
  for (const row of results["builders_on_top"] ?? [])
    of(textIn(row, "builder_pubkey")).slots += numberIn(row, "slots");
  return Array.from(all, ([builder, { keys, relays, blocks, eth: sum, bids, slots }]) => ({
    builder,
    keys: keys.size,
    blocks,
    eth: sum,
    bids,
    slots_on_top: slots,
    relays: relays.size,
  })).toSorted((a, b) => b.blocks - a.blocks || b.bids - a.bids || (a.builder < b.builder ? -1 : 1));
}
