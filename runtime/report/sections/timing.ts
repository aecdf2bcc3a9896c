import { BELIEF_NOTE, beliefCtes } from "../belief.ts";
import { NARROW } from "../axes.ts";
import { count, percent } from "../format.ts";
import { countWhere } from "../../warehouse/sql/dialect.ts";
import { inScope } from "../../warehouse/sql/scope.ts";
import type { PlotOptions, Plotting, Results, Section, Showing, View } from "../section.ts";
import { groupBy, numberIn, quantileOf, sumOf, textIn } from "../../warehouse/sql/values.ts";

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
    timing: `WITH ${beliefCtes(d, scope)}, timed AS (
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
  view: timingView,
};

function timingView(results: Results, { relayColour }: Showing): View {
  const bins = (results["timing"] ?? []).map((row): Bin => ({
    relay: textIn(row, "relay"),
    ms: numberIn(row, "step") * STEP_MS,
    share: numberIn(row, "share_step") / SHARES,
    bids: numberIn(row, "bids"),
  }));
  const others = new Map((results["timed_elsewhere"] ?? []).map((row) => [textIn(row, "relay"), row]));
  const relays = [...groupBy(bins, ({ relay }) => relay)]
    .map(([relay, own]) => {
      const counted = own.map(({ ms, bids }) => ({ value: ms, count: bids }));
      const bids = sumOf(own, (bin) => bin.bids);
      const other = others.get(relay);
      return {
        relay,
        bids,
        p10_ms: quantileOf(counted, 0.1),
        median_ms: quantileOf(counted, 0.5),
        p90_ms: quantileOf(counted, 0.9),
        after_start: sumOf(
          own.filter(({ ms }) => ms >= 0),
          (bin) => bin.bids,
        ),
        dated_in_seconds: other ? numberIn(other, "dated_in_seconds") : 0,
        undated: other ? numberIn(other, "undated") : 0,
        outside_window: other ? numberIn(other, "outside") : 0,
      };
    })
    .toSorted((a, b) => (a.median_ms ?? 0) - (b.median_ms ?? 0) || (a.relay < b.relay ? -1 : 1));
  const total = sumOf(bins, ({ bids }) => bids);
  return {
    numbers: { step_ms: STEP_MS, bids: total, relays, medians: medianShares(bins) },
    figures: [
      {
        id: "timing-values",
        title: "Time and value of bids",
        units: "s from the slot's start against the bid's share of the slot's best value",
        read:
          "The stronger a cell's colour, the more bids are in it; the line is the median bid of its moment. Bids right of 0 came after " +
          `the slot had begun. ${BELIEF_NOTE}`,
        from: ["timing"],
        legend: [
          { label: "few bids", colour: "var(--h1)" },
          { label: "many", colour: "var(--h5)" },
          { label: "median", colour: "var(--c4)" },
        ],
        plot:
          total === 0
            ? "No bid of this range is dated to the millisecond."
            : (plotting, width) => densityPlot(plotting, width, bins),
      },
      {
        id: "timing-relays",
        title: "Time by relay",
        units: "s from the slot's start; a row a relay",
        read: "The dot is the median bid, the bar reaches from the earliest 10 % to the latest 10 %. Relays date different moments (received, inserted, first seen), so rows compare only roughly.",
        from: ["timing"],
        legend: [],
        plot:
          relays.length === 0
            ? "No bid of this range is dated to the millisecond."
            : (plotting) => ({
                height: relays.length * 24 + 60,
                marginLeft: 16 + Math.min(16, Math.max(...relays.map(({ relay }) => relay.length))) * 7,
                marginRight: 20,
                marginTop: 8,
                marginBottom: 42,
                x: { nice: true },
                y: { domain: relays.map(({ relay }) => relay), padding: 0.3 },
                marks: [
                  plotting.axisX({
                    label: "s from the slot's start",
                    labelAnchor: "center",
                    labelArrow: "none",
                    ticks: 6,
                  }),
                  plotting.axisY({
                    tickSize: 0,
                    label: null,
                    tickFormat: (name: string) => name.slice(0, 16),
                  }),
                  plotting.ruleX([0], { stroke: "var(--line)", strokeWidth: 2 }),
                  plotting.ruleY(relays, {
                    y: "relay",
                    x1: ({ p10_ms }) => (p10_ms ?? 0) / 1000,
                    x2: ({ p90_ms }) => (p90_ms ?? 0) / 1000,
                    stroke: ({ relay }) => relayColour(relay),
                    strokeWidth: 8,
                    strokeOpacity: 0.45,
                    strokeLinecap: "round",
                  }),
                  plotting.dot(relays, {
                    y: "relay",
                    x: ({ median_ms }) => (median_ms ?? 0) / 1000,
                    r: 5,
                    fill: ({ relay }) => relayColour(relay),
                    title: ({ relay, median_ms }) => `${relay}: median ${(median_ms ?? 0) / 1000} s`,
                  }),
                ],
              }),
      },
    ],
    tables: [
      {
        title: `Times by relay, to ${STEP_MS / 1000} s`,
        columns: [
          { label: "relay", numeric: false },
          ...[
            "bids",
            "10 % (s)",
            "median (s)",
            "90 % (s)",
            "after the start",
            "in seconds only",
            "undated",
            "beyond ±12 s",
          ].map((label) => ({ label, numeric: true })),
        ],
        rows: relays.map((row) => [
          row.relay,
          count(row.bids),
          ...[row.p10_ms, row.median_ms, row.p90_ms].map((ms) => (ms === null ? "" : (ms / 1000).toFixed(1))),
          percent(row.after_start / row.bids),
          count(row.dated_in_seconds),
          count(row.undated),
          count(row.outside_window),
        ]),
        from: ["timed_elsewhere"],
      },
    ],
  };
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

/** Colours of a cell, from few bids to many. */
const SHADES = ["var(--h1)", "var(--h2)", "var(--h3)", "var(--h4)", "var(--h5)"];

function densityPlot(plotting: Plotting, width: number, bins: readonly Bin[]): PlotOptions {
  // Only where there is something: half a percent of the bids may lie outside at either end.
  const times = bins.map(({ ms, bids }) => ({ value: ms, count: bids }));
  const from = Math.floor((quantileOf(times, 0.005) ?? 0) / 1000);
  const to = Math.ceil(((quantileOf(times, 0.995) ?? 0) + STEP_MS) / 1000);
  const step = (to - from) * 1000 > 90 * STEP_MS ? 2 * STEP_MS : STEP_MS;
  const cells = [
    ...groupBy(
      bins.filter(({ ms }) => ms >= from * 1000 && ms < to * 1000),
      ({ ms, share }) => `${Math.floor(ms / step)} ${Math.floor(Math.round(share * SHARES) / SHARES_A_CELL)}`,
    ),
  ].map(([key, own]) => {
    const [time = 0, share = 0] = key.split(" ").map(Number);
    return {
      x1: (time * step) / 1000,
      x2: ((time + 1) * step) / 1000,
      y1: (share * SHARES_A_CELL) / SHARES,
      y2: ((share + 1) * SHARES_A_CELL) / SHARES,
      bids: sumOf(own, ({ bids }) => bids),
    };
  });
  const most = Math.max(...cells.map(({ bids }) => bids));
  const shade = (bids: number) => SHADES[Math.min(4, Math.floor(Math.sqrt(bids / most) * 5))] ?? "";
  const enough = sumOf(bins, ({ bids }) => bids) / 1000;
  const line = medianShares(bins).filter(
    ({ ms, bids }) => bids >= enough && ms >= from * 1000 && ms < to * 1000,
  );
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
        labelAnchor: "center",
        labelArrow: "none",
        ticks: width < NARROW ? 5 : 10,
      }),
      plotting.axisY({
        label: "share of the best value",
        tickFormat: (share: number) => `${Math.round(share * 100)} %`,
        ticks: 5,
      }),
    ],
  };
}
