import { numberIn, numberOrNull, quantileOf, sumOf } from "../../warehouse/sql/values.ts";
import { IN_THE_MIDDLE, NARROW, stepsFrame } from "../axes.ts";
import { count, countTick } from "../format.ts";
import type { Results } from "../asking.ts";
import type { Figure, PlotOptions, Plotting } from "../section.ts";
import { WINNING_STEP_MS } from "./leftBehind.ts";

/** When winning bids came: delivered blocks by the step in which they were first bid where they were delivered. */
export function winningOf(results: Results) {
  const rows = (results["value_left"] ?? []).map((row) => ({
    ms: numberOrNull(row, "winning_step"),
    wasBid: row["was_bid"] === true,
    blocks: numberIn(row, "blocks"),
  }));
  const blocksOf = (some: typeof rows) => sumOf(some, ({ blocks }) => blocks);
  const steps = new Map<number, number>();
  for (const { ms, blocks } of rows)
    if (ms !== null) steps.set(ms * WINNING_STEP_MS, (steps.get(ms * WINNING_STEP_MS) ?? 0) + blocks);
  const over_time = [...steps].map(([ms, blocks]) => ({ ms, blocks })).toSorted((a, b) => a.ms - b.ms);
  return {
    step_ms: WINNING_STEP_MS,
    blocks: sumOf(over_time, ({ blocks }) => blocks),
    median_ms: quantileOf(
      over_time.map(({ ms, blocks }) => ({ value: ms, count: blocks })),
      0.5,
    ),
    undated: blocksOf(rows.filter(({ ms, wasBid }) => ms === null && wasBid)),
    never_bid: blocksOf(rows.filter(({ wasBid }) => !wasBid)),
    steps: over_time,
  };
}

type Winning = ReturnType<typeof winningOf>;
type Step = Winning["steps"][number];

/** Bars farther out than this are left out, with their number: clocks that are wrong would flatten the rest. */
const WINDOW_MS = { from: -12_000, to: 12_000 } as const;

export function winningFigure(winning: Winning): Figure {
  const { blocks, median_ms: median, undated, never_bid: never, steps } = winning;
  const inside = steps.filter(({ ms }) => ms >= WINDOW_MS.from && ms < WINDOW_MS.to);
  const outside = blocks - sumOf(inside, (step) => step.blocks);
  const left = [
    [undated, "not dated to the millisecond"],
    [never, "never bid where it was delivered"],
    [outside, "more than 12 s away"],
  ] as const;
  const note = left
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${count(number)} ${what}`)
    .join(", ");
  return {
    id: "timing-winning",
    title: "When the winning bid came",
    units: `s from the slot's start; delivered blocks a step of ${WINNING_STEP_MS / 1000} s, n = ${count(blocks)}`,
    read:
      `A block is dated by when it was first bid on a relay that delivered it${median === null ? "" : `; the median (line) is ${(median / 1000).toFixed(1)} s`}. ` +
      `Relays date different moments, so tenths of a second may be theirs.${note === "" ? "" : ` Left out: ${note}.`}`,
    from: ["value_left"],
    legend: [],
    plot:
      inside.length === 0
        ? "No delivered block of this range has a bid that is dated to the millisecond."
        : (plotting, width) => winningPlot(plotting, width, inside, median),
  };
}

function winningPlot(
  plotting: Plotting,
  width: number,
  steps: readonly Step[],
  median: number | null,
): PlotOptions {
  const times = steps.map(({ ms }) => ms);
  const tenths = (Math.max(...times, 0) - Math.min(...times, 0)) / WINNING_STEP_MS + 1;
  return {
    ...stepsFrame(width),
    marks: [
      plotting.ruleY([0], { stroke: "var(--line)" }),
      plotting.rect(steps, {
        x1: ({ ms }: Step) => ms / 1000,
        x2: ({ ms }: Step) => (ms + WINNING_STEP_MS) / 1000,
        y1: () => 0,
        y2: "blocks",
        fill: "var(--c2)",
        inset: 0.3,
        title: ({ ms, blocks }: Step) => `${(ms / 1000).toFixed(1)} s: ${count(blocks)} blocks`,
      }),
      plotting.ruleX([0], { stroke: "currentColor", strokeDasharray: "3 3" }),
      ...(median === null
        ? []
        : [plotting.ruleX([median / 1000], { stroke: "var(--c4)", strokeWidth: 2.5 })]),
      // Steps are the finest that the plot knows.
      plotting.axisX({
        label: "s from the slot's start",
        ...IN_THE_MIDDLE,
        ticks: Math.min(width < NARROW ? 5 : 10, tenths),
      }),
      plotting.axisY({ label: "blocks", ticks: 5, tickFormat: countTick }),
    ],
  };
}
