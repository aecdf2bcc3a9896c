import { IN_THE_MIDDLE, NARROW } from "../axes.ts";
import { PLAUSIBLE_NOTE, plausibleValues } from "../../warehouse/sql/plausibleValues.ts";
import { count, countTick, eth, percent } from "../format.ts";
import { countWhere } from "../../warehouse/sql/dialect.ts";
import { inScope } from "../../warehouse/sql/scope.ts";
import type { Figure, PlotOptions, Plotting, Results, Section, PageTable } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";

/** The distribution has so many steps to a power of ten. */
const STEPS_PER_DECADE = 5;

/** Where the plot of values begins and ends, in such steps: 0.0001 and 1,000 ETH. */
const FIRST_STEP = -4 * STEPS_PER_DECADE;
const END_STEP = 3 * STEPS_PER_DECADE;

/** How much more than the delivered value the best competing bid offered, %. The statement has the same borders. */
const LEFT_SIZES = ["0", "<1", "1–5", "5–20", "20–100", ">100"] as const;

/** What can explain that a better bid wasn't delivered, in the order in which the first that fits is taken. */
const EXPLANATIONS = [
  { key: "best", label: "the best bid was delivered", colour: "var(--c2)" },
  { key: "adjusted", label: "adjusted: the block was never bid where it was delivered", colour: "var(--c3)" },
  { key: "elsewhere", label: "the better bid was only on relays that didn't deliver", colour: "var(--c5)" },
  { key: "late", label: "the better bid came after the delivered one", colour: "var(--c1)" },
  {
    key: "earlier",
    label: "the better bid had come before: cancelled, or not yet checked",
    colour: "var(--c4)",
  },
  { key: "untimed", label: "one of the two isn't dated", colour: "var(--rest)" },
] as const;

export const valueSection: Section = {
  id: "value",
  title: "Value",
  statements: (d, { scope }) => ({
    delivered_values: `WITH ${plausibleValues(d, scope)}
SELECT builder_pubkey, believed, CAST(floor(log10(wei / 1e18) * ${STEPS_PER_DECADE}) AS INT64) AS step,
  count(*) AS blocks, sum(wei / 1e18) AS eth FROM stated GROUP BY builder_pubkey, believed, step`,
    value_left: `WITH ${plausibleValues(d, scope, true)}, compared AS (
  SELECT stated.slot AS slot, block_hash, stated.parent_hash AS parent_hash, stated.wei AS wei, best.wei AS best
  FROM stated JOIN best ON best.slot = stated.slot AND best.parent_hash = stated.parent_hash WHERE believed
), deliverers AS (
  SELECT DISTINCT slot, block_hash, relay FROM payloads WHERE ${inScope(d, scope)}
), offered AS (
  SELECT bids.slot AS slot, bids.block_hash AS block_hash, min(${d.column("timestamp")}) AS came
  FROM bids JOIN compared ON compared.slot = bids.slot AND compared.block_hash = bids.block_hash
  JOIN deliverers ON deliverers.slot = bids.slot AND deliverers.block_hash = bids.block_hash
    AND deliverers.relay = bids.relay
  WHERE ${inScope(d, scope, "bids")} GROUP BY bids.slot, bids.block_hash
), rivals AS (
  SELECT compared.slot AS slot, compared.block_hash AS block_hash, min(${d.column("timestamp")}) AS came,
    ${countWhere("deliverers.relay IS NOT NULL")} AS at_deliverers
  FROM bids JOIN compared ON compared.slot = bids.slot AND compared.parent_hash = bids.parent_hash
    AND compared.best = ${d.double("value")}
  LEFT JOIN deliverers ON deliverers.slot = compared.slot AND deliverers.block_hash = compared.block_hash
    AND deliverers.relay = bids.relay
  WHERE ${inScope(d, scope, "bids")} AND compared.best > compared.wei GROUP BY compared.slot, compared.block_hash
), explained AS (
  SELECT compared.wei AS wei, best - compared.wei AS more, CASE
    WHEN best <= compared.wei THEN 'best'
    WHEN offered.slot IS NULL THEN 'adjusted'
    WHEN rivals.at_deliverers = 0 THEN 'elsewhere'
    WHEN rivals.came IS NULL OR offered.came IS NULL THEN 'untimed'
    WHEN rivals.came > offered.came THEN 'late'
    ELSE 'earlier' END AS explanation
  FROM compared
  LEFT JOIN offered ON offered.slot = compared.slot AND offered.block_hash = compared.block_hash
  LEFT JOIN rivals ON rivals.slot = compared.slot AND rivals.block_hash = compared.block_hash
)
SELECT explanation, CASE WHEN more <= 0 THEN 0 WHEN more < 0.01 * wei THEN 1 WHEN more < 0.05 * wei THEN 2
    WHEN more < 0.2 * wei THEN 3 WHEN more < wei THEN 4 ELSE 5 END AS size,
  count(*) AS blocks, sum(greatest(more, 0) / 1e18) AS eth_left, sum(wei / 1e18) AS eth_delivered
FROM explained GROUP BY explanation, size`,
  }),
  view: viewOf(valuesOf, valueFigures, valueTables),
};

/** Delivered blocks by value, and what can explain that they weren't the best. */
function valuesOf(results: Results) {
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
  const left = (results["value_left"] ?? []).map((row) => ({
    explanation: textIn(row, "explanation"),
    size: numberIn(row, "size"),
    blocks: numberIn(row, "blocks"),
    eth_left: numberIn(row, "eth_left"),
    eth_delivered: numberIn(row, "eth_delivered"),
  }));
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
    compared_blocks: sumOf(left, ({ blocks }) => blocks),
    left: explained,
  };
  return { numbers, distribution, left };
}

type Values = ReturnType<typeof valuesOf>;

function valueFigures({ numbers, distribution, left }: Values): Figure[] {
  const { blocks_beyond_belief: beyond, compared_blocks: compared } = numbers;
  const inside = distribution.filter(({ step }) => step >= FIRST_STEP && step < END_STEP);
  return [
    {
      id: "value-delivered",
      title: "What blocks paid",
      units: "delivered blocks by value, ETH, logarithmic",
      read:
        "Each block counts once, with the least value that a relay states for it; the height is how many blocks paid about so " +
        `much. n = ${count(sumOf(inside, ({ blocks }) => blocks))} blocks.${outsideNote(beyond, numbers.blocks - sumOf(inside, ({ blocks }) => blocks))}`,
      from: ["delivered_values"],
      legend: [],
      plot:
        inside.length === 0
          ? "No payloads with a value are loaded in this range."
          : (plotting, width) => deliveredPlot(plotting, width, inside),
    },
    {
      id: "value-left",
      title: "Value left behind",
      units: `${count(compared)} of ${count(numbers.blocks)} delivered blocks, by how much more the best competing bid for the same slot and parent offered`,
      read:
        `A bar at 0 means that the proposer got the best that any relay showed; above each bar its share of the ${count(compared)} ` +
        `blocks that have bids to be compared with. Colours say what can explain the rest. ${PLAUSIBLE_NOTE}`,
      from: ["value_left"],
      legend: EXPLANATIONS.map(({ label, colour }) => ({ label, colour })),
      plot:
        compared === 0
          ? "No delivered block of this range has bids to compare it with."
          : (plotting, width) => leftPlot(plotting, width, left),
    },
  ];
}

/** What a plot of values doesn't show. */
function outsideNote(beyond: number, outside: number): string {
  const parts = [
    ...(beyond > 0 ? [`${count(beyond)} of more than could be paid`] : []),
    ...(outside > 0 ? [`${count(outside)} of less than 0.0001 or more than 1,000 ETH`] : []),
  ];
  return parts.length === 0 ? "" : ` Left out: ${parts.join(", and ")}.`;
}

function deliveredPlot(plotting: Plotting, width: number, distribution: Values["distribution"]): PlotOptions {
  const { frame, ground, axis } = blocksUpwards(plotting, width < NARROW ? 220 : 260);
  return {
    ...frame,
    x: { type: "log" },
    marks: [
      ground,
      plotting.rect(distribution, {
        x1: ({ step }: { step: number }) => 10 ** (step / STEPS_PER_DECADE),
        x2: ({ step }: { step: number }) => 10 ** ((step + 1) / STEPS_PER_DECADE),
        y1: () => 0,
        y2: "blocks",
        fill: "var(--c0)",
        insetLeft: 0.5,
        insetRight: 0.5,
        title: ({ step, blocks }: { step: number; blocks: number }) =>
          `${eth(10 ** (step / STEPS_PER_DECADE))} to ${eth(10 ** ((step + 1) / STEPS_PER_DECADE))} ETH: ${count(blocks)} blocks`,
      }),
      plotting.axisX({
        label: "ETH",
        ...IN_THE_MIDDLE,
        ticks: width < NARROW ? 3 : 6,
        tickFormat: (value: number) => (isPowerOfTen(value) ? String(Number(value.toPrecision(1))) : ""),
      }),
      axis,
    ],
  };
}

function leftPlot(plotting: Plotting, width: number, left: Values["left"]): PlotOptions {
  const { frame, ground, axis } = blocksUpwards(plotting, width < NARROW ? 240 : 280);
  const keys = EXPLANATIONS.map(({ key }) => key);
  const all = sumOf(left, ({ blocks }) => blocks);
  const sums = LEFT_SIZES.map((label, index) => ({
    label,
    blocks: sumOf(
      left.filter(({ size }) => size === index),
      ({ blocks }) => blocks,
    ),
  }));
  return {
    ...frame,
    x: { domain: LEFT_SIZES, padding: 0.15, label: null },
    color: { domain: keys, range: EXPLANATIONS.map(({ colour }) => colour) },
    marks: [
      ground,
      plotting.barY(left, {
        x: ({ size }: { size: number }) => LEFT_SIZES[size] ?? "",
        y: "blocks",
        fill: "explanation",
        order: keys,
        title: ({ explanation, blocks, eth_left }: (typeof left)[number]) =>
          `${labelOf(explanation)}: ${count(blocks)} blocks, ${eth(eth_left)} ETH`,
      }),
      plotting.text(sums, {
        x: "label",
        y: "blocks",
        text: ({ blocks }: (typeof sums)[number]) => percent(blocks / all),
        dy: -8,
        fill: "currentColor",
      }),
      plotting.axisX({ label: "% more than was delivered", ...IN_THE_MIDDLE, tickSize: 0 }),
      axis,
    ],
  };
}

/** A plot of counts of blocks: its size, and the marks at its bottom and its left. */
function blocksUpwards(plotting: Plotting, height: number) {
  return {
    frame: { height, marginLeft: 48, marginBottom: 42, marginTop: 24, y: { nice: true } },
    ground: plotting.ruleY([0], { stroke: "var(--line)" }),
    axis: plotting.axisY({ label: "blocks", ticks: 5, tickFormat: countTick }),
  };
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
          labelOf(row.explanation),
          count(row.blocks),
          percent(row.blocks / numbers.compared_blocks),
          { shown: eth(row.eth_left), value: row.eth_left },
          percent(Math.min(1, row.eth_left / delivered)),
        ]),
    },
  ];
}

function labelOf(explanation: string): string {
  return EXPLANATIONS.find(({ key }) => key === explanation)?.label ?? explanation;
}

function isPowerOfTen(value: number): boolean {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
}
