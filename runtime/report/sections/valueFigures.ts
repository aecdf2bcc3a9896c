import { slotStartMs } from "../../chain/slots.ts";
import { PLAUSIBLE_NOTE } from "../../warehouse/sql/plausibleValues.ts";
import { scopeSlots } from "../../warehouse/sql/scope.ts";
import { sumOf } from "../../warehouse/sql/values.ts";
import { IN_THE_MIDDLE, NARROW, timeAxis } from "../axes.ts";
import { count, countTick, eth, percent, slotsAndTime } from "../format.ts";
import type { Figure, PlotOptions, Plotting, Showing } from "../section.ts";
import { EXPLANATIONS, LEFT_SIZES, explanationText } from "./leftBehind.ts";
import { STEPS_PER_DECADE, type ValuesFound } from "./valueNumbers.ts";

/** Where the plot of values begins and ends, in such steps: 0.0001 and 1,000 ETH. */
const FIRST_STEP = -4 * STEPS_PER_DECADE;
const END_STEP = 3 * STEPS_PER_DECADE;

export function valueFigures({ numbers, distribution, left }: ValuesFound, showing: Showing): Figure[] {
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
    overTimeFigure(numbers, showing),
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

function deliveredPlot(
  plotting: Plotting,
  width: number,
  distribution: ValuesFound["distribution"],
): PlotOptions {
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
        tickFormat: powerOfTen,
      }),
      axis,
    ],
  };
}

function leftPlot(plotting: Plotting, width: number, left: ValuesFound["left"]): PlotOptions {
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
          `${explanationText(explanation)}: ${count(blocks)} blocks, ${eth(eth_left)} ETH`,
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

type Period = ValuesFound["numbers"]["over_time"][number];

function overTimeFigure(numbers: ValuesFound["numbers"], showing: Showing): Figure {
  const { over_time: periods, blocks, median_eth: median } = numbers;
  const of = median === null ? "" : `; the median of all ${count(blocks)} is ${eth(median)} ETH`;
  return {
    id: "value-over-time",
    title: "Value over time",
    units: `ETH a delivered block, logarithmic, a column ${slotsAndTime(showing.coarse.step)}`,
    read: `The dot is the median block, the bar reaches from the poorest 10 % to the richest 10 %. Each block counts once${of}.`,
    from: ["delivered_values"],
    legend: [],
    plot:
      periods.length === 0
        ? "No payloads with a value are loaded in this range."
        : (plotting, width) => overTimePlot(plotting, width, periods, showing),
  };
}

function overTimePlot(
  plotting: Plotting,
  width: number,
  periods: readonly Period[],
  { scope, coarse }: Showing,
): PlotOptions {
  const time = timeAxis(plotting, scope, width);
  const middle = ({ bucket }: Period) => {
    const { first, last } = scopeSlots(coarse, bucket, scope.range);
    return new Date((slotStartMs(scope.network, first) + slotStartMs(scope.network, last + 1)) / 2);
  };
  const title = (one: Period) =>
    `from slot ${one.first_slot}: ${count(one.blocks)} blocks, ${eth(one.eth)} ETH; median ${eth(one.median)}, 10 % ${eth(one.p10)}, 90 % ${eth(one.p90)}`;
  return {
    height: width < NARROW ? 220 : 260,
    marginLeft: 52,
    marginBottom: 40,
    marginTop: 24,
    x: time.scale,
    y: { type: "log", nice: true },
    marks: [
      plotting.axisY({ label: "ETH", ticks: 4, tickFormat: powerOfTen }),
      plotting.ruleX(periods, {
        x: middle,
        y1: "p10",
        y2: "p90",
        stroke: "var(--c0)",
        strokeWidth: width < NARROW ? 4 : 8,
        strokeOpacity: 0.45,
        strokeLinecap: "round",
      }),
      plotting.dot(periods, {
        x: middle,
        y: "median",
        r: width < NARROW ? 3 : 4.5,
        fill: "var(--c0)",
        title,
      }),
      time.mark,
    ],
  };
}

/** How a logarithmic axis of ETH marks a value: only the powers of ten. */
function powerOfTen(value: number): string {
  return isPowerOfTen(value) ? String(Number(value.toPrecision(1))) : "";
}

function isPowerOfTen(value: number): boolean {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
}
