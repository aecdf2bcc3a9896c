import { IN_THE_MIDDLE, NARROW, namedRows } from "../axes.ts";
import { plausibleValues } from "../../warehouse/sql/plausibleValues.ts";
import { count, eth, percent, shareTick } from "../format.ts";
import { inScope } from "../../warehouse/sql/scope.ts";
import type { Figure, PlotOptions, Plotting, Results, Section, Showing, PageTable } from "../section.ts";
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
      read: "The bar is the share of delivered blocks, the dot how often the builder had the slot's best bid. A dot far right of its bar: often the best, seldom delivered.",
      from: ["delivered_values", "builders_on_top"],
      legend: [
        { label: "share of delivered blocks", colour: "var(--c0)" },
        { label: "share of slots with the best bid", colour: "var(--c4)" },
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
  const { frame, axis } = namedRows(plotting, width, labels, { marginRight: 56, padding: 0.25 });
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
      plotting.barX(shown, {
        y: "builder",
        x: shareOfBlocks,
        fill: "var(--c0)",
        title: (builder: Builder) => `${builder.builder}: ${count(builder.blocks)} blocks`,
      }),
      plotting.dot(shown, {
        y: "builder",
        x: shareOnTop,
        r: 5,
        fill: "var(--c4)",
        title: (builder: Builder) =>
          `${builder.builder}: the best bid of ${count(builder.slots_on_top)} slots`,
      }),
      plotting.text(shown, {
        y: "builder",
        x: (builder: Builder) => Math.max(shareOfBlocks(builder), shareOnTop(builder)),
        text: (builder: Builder) => percent(shareOfBlocks(builder)),
        textAnchor: "start",
        dx: 9,
        fill: "currentColor",
      }),
    ],
  };
}

function builderTables({ numbers: { builders }, shareOfBlocks, shareOnTop }: Found): PageTable[] {
  return [
    {
      title:
        builders.length > LISTED
          ? `The ${LISTED} builders with most blocks and bids, of ${count(builders.length)}`
          : "Builders; keys of one name are taken together",
      columns: columnsOf(
        ["builder"],
        ["keys", "blocks", "share", "ETH", "slots on top", "share on top", "bids", "relays"],
      ),
      rows: builders
        .slice(0, LISTED)
        .map((builder) => [
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
