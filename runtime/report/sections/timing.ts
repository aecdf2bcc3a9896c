import { PLAUSIBLE_NOTE, plausibleValues } from "../../warehouse/sql/plausibleValues.ts";
import { IN_THE_MIDDLE, NARROW } from "../axes.ts";
import { count, percent, shareTick } from "../format.ts";
import { countWhere } from "../../warehouse/sql/dialect.ts";
import { inScope } from "../../warehouse/sql/scope.ts";
import type { Results } from "../asking.ts";
import type { Figure, PlotOptions, Plotting, Section, Showing, PageTable } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { winningFigure, winningOf } from "./winning.ts";
import { type ResultRow, groupBy, numberIn, quantileOf, sumOf, textIn } from "../../warehouse/sql/values.ts";

/** Times are counted in steps of this many ms, from this long before a slot's start to this long after it. */
const STEP_MS = 100;
const WINDOW_MS = 12_000;
/** Shares of the best value are counted in so many steps. */
const SHARES = 100;
/** So many of them make a cell of the plot. */
const SHARES_A_CELL = 4;

interface Bin {
  readonly relay: string;
  /** Ms from the slot's start, the bin's lower border. */
  readonly ms: number;
  /** Share of the slot's best value, the bin's lower border. */
  readonly share: number;
  readonly bids: number;
}

export const timingSection: Section = {
  id: "timing",
  title: "When bids come",
  statements: (d, { scope }) => ({
    timing: `WITH ${plausibleValues(d, scope)}, timed AS (
  SELECT relay, ${d.msBetween("block_timestamp", d.column("timestamp"))} AS ms,
    ${d.double("value")} / best.wei AS share
  FROM bids JOIN best ON best.slot = bids.slot
  WHERE ${inScope(d, scope, "bids")} AND timestamp_ms IS NOT NULL AND ${d.column("timestamp")} IS NOT NULL
    AND value > 0 AND ${d.double("value")} <= best.wei
)
SELECT relay, ${d.floorDiv("ms", STEP_MS)} AS step, least(CAST(floor(share * ${SHARES}) AS INT64), ${SHARES - 1}) AS share_step,
  count(*) AS bids
FROM timed WHERE ms BETWEEN -${WINDOW_MS} AND ${WINDOW_MS - 1} GROUP BY relay, step, share_step`,
    timed_elsewhere: `SELECT relay, ${countWhere(`${d.column("timestamp")} IS NULL`)} AS undated,
  ${countWhere(`${d.column("timestamp")} IS NOT NULL AND timestamp_ms IS NULL`)} AS dated_in_seconds,
  ${countWhere(`timestamp_ms IS NOT NULL AND ${d.msBetween("block_timestamp", d.column("timestamp"))}
    NOT BETWEEN -${WINDOW_MS} AND ${WINDOW_MS - 1}`)} AS outside
FROM bids WHERE ${inScope(d, scope)} GROUP BY relay`,
  }),
  view: viewOf(timesFound, timingFigures, timingTables),
};

function timesFound(results: Results) {
  const bins = (results["timing"] ?? []).map((row): Bin => ({
    relay: textIn(row, "relay"),
    ms: numberIn(row, "step") * STEP_MS,
    share: numberIn(row, "share_step") / SHARES,
    bids: numberIn(row, "bids"),
  }));
  const others = new Map((results["timed_elsewhere"] ?? []).map((row) => [textIn(row, "relay"), row]));
  const dated = groupBy(bins, ({ relay }) => relay);
  // Those of which no bid is dated to the millisecond stand last, without a time.
  const relays = [...new Set([...dated.keys(), ...others.keys()])]
    .map((relay) => relayTimes(relay, dated.get(relay) ?? [], others.get(relay)))
    .toSorted((a, b) => (a.median_ms ?? 1e9) - (b.median_ms ?? 1e9) || (a.relay < b.relay ? -1 : 1));
  const bids = sumOf(bins, (bin) => bin.bids);
  return {
    numbers: { step_ms: STEP_MS, bids, relays, medians: medianShares(bins), winning: winningOf(results) },
    bins,
  };
}

type Times = ReturnType<typeof timesFound>;
type RelayTimes = ReturnType<typeof relayTimes>;

/** When a relay's bids came; `others` counts those that no bin has. */
function relayTimes(relay: string, bins: readonly Bin[], others: ResultRow | undefined) {
  const counted = bins.map(({ ms, bids }) => ({ value: ms, count: bids }));
  const late = bins.filter(({ ms }) => ms >= 0);
  return {
    relay,
    bids: sumOf(bins, (bin) => bin.bids),
    p10_ms: quantileOf(counted, 0.1),
    median_ms: quantileOf(counted, 0.5),
    p90_ms: quantileOf(counted, 0.9),
    after_start: sumOf(late, (bin) => bin.bids),
    dated_in_seconds: others ? numberIn(others, "dated_in_seconds") : 0,
    undated: others ? numberIn(others, "undated") : 0,
    outside_window: others ? numberIn(others, "outside") : 0,
  };
}

function timingFigures(
  { numbers: { bids, relays, winning }, bins }: Times,
  { relayColour }: Showing,
): Figure[] {
  const none = "No bid of this range is dated to the millisecond.";
  const dated = relays.filter((row) => row.bids > 0);
  const density = densityOf(bins);
  const { scale, least, leftOut } = density;
  const pale =
    leftOut === 0
      ? ""
      : `Cells of fewer than ${count(least)} bids are left out: ${percent(leftOut / bids)} of ${count(bids)} bids.`;
  return [
    {
      id: "timing-values",
      title: "Time and value of bids",
      units: "s from the slot's start against the bid's share of the slot's best value",
      read:
        "The stronger a cell's colour, the more bids are in it; the line is the median bid of its moment. Bids right of 0 came after " +
        `the slot had begun. ${pale} ${PLAUSIBLE_NOTE}`,
      from: ["timing"],
      legend: [
        ...scale.map(({ label, colour }) => ({ label, colour })),
        { label: "median", colour: "var(--c4)" },
      ],
      plot: bids === 0 ? none : (plotting, width) => densityPlot(plotting, width, density),
    },
    {
      id: "timing-relays",
      title: "Time by relay",
      units: "s from the slot's start; a row a relay",
      read: "The dot is the median bid, the bar reaches from the earliest 10 % to the latest 10 %. Relays date different moments (received, inserted, first seen), so rows compare only roughly.",
      from: ["timing"],
      legend: [],
      plot: dated.length === 0 ? none : (plotting) => relaysPlot(plotting, dated, relayColour),
    },
    winningFigure(winning),
  ];
}

/** A row a relay, with a bar from its early bids to its late ones and a dot at the median. */
function relaysPlot(
  plotting: Plotting,
  relays: readonly RelayTimes[],
  relayColour: Showing["relayColour"],
): PlotOptions {
  return {
    height: relays.length * 24 + 60,
    marginLeft: 16 + Math.min(16, Math.max(...relays.map(({ relay }) => relay.length))) * 7,
    marginRight: 20,
    marginTop: 8,
    marginBottom: 42,
    x: { nice: true },
    y: { domain: relays.map(({ relay }) => relay), padding: 0.3 },
    marks: [
      plotting.axisX({ label: "s from the slot's start", ...IN_THE_MIDDLE, ticks: 6 }),
      plotting.axisY({ tickSize: 0, label: null, tickFormat: (name: string) => name.slice(0, 16) }),
      plotting.ruleX([0], { stroke: "var(--line)", strokeWidth: 2 }),
      plotting.ruleY(relays, {
        y: "relay",
        x1: ({ p10_ms }: RelayTimes) => (p10_ms ?? 0) / 1000,
        x2: ({ p90_ms }: RelayTimes) => (p90_ms ?? 0) / 1000,
        stroke: ({ relay }: RelayTimes) => relayColour(relay),
        strokeWidth: 8,
        strokeOpacity: 0.45,
        strokeLinecap: "round",
      }),
      plotting.dot(relays, {
        y: "relay",
        x: ({ median_ms }: RelayTimes) => (median_ms ?? 0) / 1000,
        r: 5,
        fill: ({ relay }: RelayTimes) => relayColour(relay),
        title: ({ relay, median_ms }: RelayTimes) => `${relay}: median ${(median_ms ?? 0) / 1000} s`,
      }),
    ],
  };
}

function timingTables({ numbers: { relays } }: Times): PageTable[] {
  const seconds = (ms: number | null) => (ms === null ? "" : (ms / 1000).toFixed(1));
  return [
    {
      title: `Times by relay, to ${STEP_MS / 1000} s`,
      columns: columnsOf(
        ["relay"],
        [
          "dated bids",
          "10 % (s)",
          "median (s)",
          "90 % (s)",
          "after the start",
          "in seconds only",
          "undated",
          "beyond ±12 s",
        ],
      ),
      rows: relays.map((row) => [
        row.relay,
        count(row.bids),
        ...[row.p10_ms, row.median_ms, row.p90_ms].map(seconds),
        row.bids === 0 ? "" : percent(row.after_start / row.bids),
        ...[row.dated_in_seconds, row.undated, row.outside_window].map(count),
      ]),
      from: ["timed_elsewhere"],
    },
  ];
}

/** The median share of the bids of each moment. */
function medianShares(bins: readonly Bin[]): { ms: number; share: number; bids: number }[] {
  return [...groupBy(bins, ({ ms }) => ms)]
    .map(([ms, own]) => ({
      ms,
      share:
        (quantileOf(
          own.map(({ share, bids }) => ({ value: share, count: bids })),
          0.5,
        ) ?? 0) +
        0.5 / SHARES,
      bids: sumOf(own, ({ bids }) => bids),
    }))
    .toSorted((a, b) => a.ms - b.ms);
}

/** Colours of a cell, from few bids to many. Each begins at the square of its share of the fullest cell. */
const SHADES = ["var(--h1)", "var(--h2)", "var(--h3)", "var(--h4)", "var(--h5)"];
/** Cells with less than this share of the fullest one's bids are left out: they would cover the plot, and show nothing. */
const LEAST_OF_FULLEST = 0.01;

/** The seconds that the plot shows: where there is something, half a percent of the bids may lie outside at either end. */
function shownSeconds(bins: readonly Bin[]): { from: number; to: number } {
  const times = bins.map(({ ms, bids }) => ({ value: ms, count: bids }));
  return {
    from: Math.floor((quantileOf(times, 0.005) ?? 0) / 1000),
    to: Math.ceil(((quantileOf(times, 0.995) ?? 0) + STEP_MS) / 1000),
  };
}

/** The cells of the plot, each as long as `step`, ms: their borders in seconds and shares, and their bids. */
function cellsOf(bins: readonly Bin[], step: number) {
  const cells = groupBy(
    bins,
    ({ ms, share }) => `${Math.floor(ms / step)} ${Math.floor(Math.round(share * SHARES) / SHARES_A_CELL)}`,
  );
  return Array.from(cells, ([key, own]) => {
    const [time = 0, share = 0] = key.split(" ").map(Number);
    return {
      x1: (time * step) / 1000,
      x2: ((time + 1) * step) / 1000,
      y1: (share * SHARES_A_CELL) / SHARES,
      y2: ((share + 1) * SHARES_A_CELL) / SHARES,
      bids: sumOf(own, ({ bids }) => bids),
    };
  });
}

/** What the plot shows: its cells, what their colours stand for, and the bids in cells that are left out. */
function densityOf(bins: readonly Bin[]) {
  const { from, to } = shownSeconds(bins);
  const isShown = ({ ms }: { ms: number }) => ms >= from * 1000 && ms < to * 1000;
  const step = (to - from) * 1000 > 90 * STEP_MS ? 2 * STEP_MS : STEP_MS;
  const all = cellsOf(bins.filter(isShown), step);
  const most = Math.max(1, ...all.map(({ bids }) => bids));
  const least = Math.ceil(LEAST_OF_FULLEST * most);
  const starts = SHADES.map((_, index) => Math.max(least, Math.ceil((index / SHADES.length) ** 2 * most)));
  const scale = SHADES.map((colour, index) => ({
    colour,
    from: starts[index] ?? 0,
    to: (starts[index + 1] ?? most + 1) - 1,
  })).filter((shade) => shade.to >= shade.from);
  const cells = all.filter(({ bids }) => bids >= least);
  return {
    from,
    to,
    cells,
    least,
    leftOut: sumOf(all, ({ bids }) => bids) - sumOf(cells, ({ bids }) => bids),
    shade: (bids: number) => scale.findLast((shade) => bids >= shade.from)?.colour ?? "",
    scale: scale.map((shade, index) => ({
      colour: shade.colour,
      label: `${count(shade.from)}–${count(shade.to)}${index === 0 ? " bids" : ""}`,
    })),
    line: medianShares(bins).filter(
      (median) => median.bids >= sumOf(bins, ({ bids }) => bids) / 1000 && isShown(median),
    ),
  };
}

function densityPlot(plotting: Plotting, width: number, density: ReturnType<typeof densityOf>): PlotOptions {
  const { from, to, cells, shade, line } = density;
  return {
    height: width < NARROW ? 260 : 340,
    marginLeft: 52,
    marginBottom: 42,
    marginTop: 24,
    x: { domain: [from, to] },
    y: { domain: [0, 1] },
    marks: [
      plotting.rect(cells, {
        x1: "x1",
        x2: "x2",
        y1: "y1",
        y2: "y2",
        fill: ({ bids }: { bids: number }) => shade(bids),
        title: (cell: { x1: number; y1: number; y2: number; bids: number }) =>
          `${cell.x1.toFixed(1)} s, ${Math.round(cell.y1 * 100)}–${Math.round(cell.y2 * 100)} % of the best: ${count(cell.bids)} bids`,
        inset: 0,
      }),
      plotting.ruleX([0], { stroke: "currentColor", strokeDasharray: "3 3" }),
      plotting.line(line, {
        x: ({ ms }: { ms: number }) => (ms + STEP_MS / 2) / 1000,
        y: "share",
        stroke: "var(--c4)",
        strokeWidth: 2.5,
      }),
      plotting.axisX({
        label: "s from the slot's start",
        ...IN_THE_MIDDLE,
        ticks: width < NARROW ? 5 : 10,
      }),
      plotting.axisY({
        label: "share of the best value",
        tickFormat: shareTick,
        ticks: 5,
      }),
    ],
  };
}
