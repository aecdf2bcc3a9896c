import { slotCount } from "../../chain/slots.ts";
import { countWhere } from "../../warehouse/sql/dialect.ts";
import { inScope } from "../../warehouse/sql/scope.ts";
import {
  type Counted,
  groupBy,
  numberIn,
  numberOrNull,
  quantileOf,
  sumOf,
  textIn,
} from "../../warehouse/sql/values.ts";
import { IN_THE_MIDDLE, NARROW, stepsFrame } from "../axes.ts";
import type { Results } from "../asking.ts";
import { count, countTick } from "../format.ts";
import type { Cell, Figure, PageTable, PlotOptions, Plotting, Section, Showing } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";

/** When headers were asked for is counted in steps of so many ms. */
const STEP_MS = 100;
/** Calls farther from the slot's start are left out of the plot, with their number. */
const WINDOW_MS = { from: -4000, to: 12_000 } as const;

const KINDS = [
  { key: "first", label: "the slot's first call", colour: "var(--c5)" },
  { key: "last", label: "its last call (outline)", colour: "var(--c4)" },
] as const;

export const headersSection: Section = {
  id: "headers",
  title: "Headers asked for",
  statements: (d, { scope }) => {
    const called = d.column("timestamp");
    const asked = (by: string) => `WITH asked AS (
  SELECT ${by}, min(${d.msBetween("block_timestamp", called)}) AS first_ms, max(${d.msBetween("block_timestamp", called)}) AS last_ms,
    sum(copies) AS calls, sum(CASE WHEN ${called} IS NULL THEN copies ELSE 0 END) AS undated
  FROM headers WHERE ${inScope(d, scope)} GROUP BY ${by}
)`;
    const counted = `${d.floorDiv("first_ms", STEP_MS)} AS first_step, ${d.floorDiv("last_ms", STEP_MS)} AS last_step,
  count(*) AS slots, ${countWhere("calls > 1")} AS repeated, sum(calls) AS calls, sum(undated) AS undated`;
    return {
      headers_asked: `${asked("slot")}
SELECT ${counted} FROM asked GROUP BY first_step, last_step`,
      headers_by_relay: `${asked("relay, slot")}
SELECT relay, ${counted} FROM asked GROUP BY relay, first_step, last_step`,
    };
  },
  view: viewOf(headersFound, headerFigures, headerTables),
};

type Rows = NonNullable<Results[string]>;

/** What rows of one of the statements say: slots, calls, and when the first and the last came. */
function callsOf(rows: Rows) {
  const total = (column: string) => sumOf(rows, (row) => numberIn(row, column));
  const steps = (column: string) =>
    Array.from(
      groupBy(
        rows.flatMap((row) => {
          const step = numberOrNull(row, column);
          return step === null ? [] : [{ ms: step * STEP_MS, slots: numberIn(row, "slots") }];
        }),
        ({ ms }) => ms,
      ),
      ([ms, own]) => ({ ms, slots: sumOf(own, ({ slots }) => slots) }),
    ).toSorted((a, b) => a.ms - b.ms);
  const [first, last] = [steps("first_step"), steps("last_step")];
  const median = (some: typeof first) =>
    quantileOf(
      some.map(({ ms, slots }): Counted => ({ value: ms, count: slots })),
      0.5,
    );
  return {
    slots: total("slots"),
    slots_with_several: total("repeated"),
    calls: total("calls"),
    undated: total("undated"),
    median_first_ms: median(first),
    median_last_ms: median(last),
    first,
    last,
  };
}

function headersFound(results: Results, { scope }: Showing) {
  const all = callsOf(results["headers_asked"] ?? []);
  const byRelay = groupBy(results["headers_by_relay"] ?? [], (row) => textIn(row, "relay"));
  const relays = Array.from(byRelay, ([relay, rows]) => {
    const { first: _first, last: _last, ...calls } = callsOf(rows);
    return { relay, ...calls };
  }).toSorted((a, b) => b.calls - a.calls || (a.relay < b.relay ? -1 : 1));
  const numbers = { slots_of_range: slotCount(scope.range), step_ms: STEP_MS, ...all, relays };
  const nothing =
    all.calls === 0
      ? "No relay's headers are loaded for this range; few relays tell when proposers asked for them."
      : undefined;
  return { numbers, nothing };
}

type Headers = ReturnType<typeof headersFound>;

function headerFigures({ numbers }: Headers): Figure[] {
  const bars = KINDS.flatMap(({ key, colour, label }) =>
    numbers[key].map((step) => ({ ...step, key, colour, label })),
  );
  const shown = bars.filter(({ ms }) => ms >= WINDOW_MS.from && ms < WINDOW_MS.to);
  const outside = sumOf(
    bars.filter(({ key, ms }) => key === "last" && (ms < WINDOW_MS.from || ms >= WINDOW_MS.to)),
    ({ slots }) => slots,
  );
  const left = [
    ...(numbers.undated > 0 ? [`${count(numbers.undated)} calls without a time`] : []),
    ...(outside > 0
      ? [`the last calls of ${count(outside)} slots, over 12 s after or 4 s before their start`]
      : []),
  ];
  const at = (ms: number | null) => (ms === null ? "unknown" : `${(ms / 1000).toFixed(1)} s`);
  return [
    {
      id: "headers-when",
      title: "When proposers asked for headers",
      units: `s from the slot's start; slots a step of ${STEP_MS / 1000} s, n = ${count(numbers.slots)} slots with ${count(numbers.calls)} calls, of ${count(numbers.slots_of_range)}`,
      read:
        `Medians: first ${at(numbers.median_first_ms)}, last ${at(numbers.median_last_ms)}. A bid that comes after the last call can't win. ` +
        `Only relays that tell of their calls are here: a slot without any may have been asked for elsewhere, and earlier or later calls too.${left.length === 0 ? "" : ` Left out: ${left.join(", ")}.`}`,
      from: ["headers_asked"],
      legend: KINDS.map(({ label, colour }) => ({ label, colour })),
      plot:
        shown.length === 0
          ? "No call of this range is dated within 12 s of its slot's start."
          : (plotting, width) => callsPlot(plotting, width, shown),
    },
  ];
}

interface Bar {
  readonly ms: number;
  readonly slots: number;
  readonly key: "first" | "last";
  readonly label: string;
  readonly colour: string;
}

/** First calls as bars, last ones as outlines over the same steps. */
function callsPlot(plotting: Plotting, width: number, bars: readonly Bar[]): PlotOptions {
  const place = {
    x1: ({ ms }: Bar) => ms / 1000,
    x2: ({ ms }: Bar) => (ms + STEP_MS) / 1000,
    y1: () => 0,
    y2: "slots",
    inset: 0.5,
    title: ({ label, ms, slots }: Bar) => `${label} at ${(ms / 1000).toFixed(1)} s: ${count(slots)} slots`,
  };
  const of = (wanted: Bar["key"]) => bars.filter(({ key }) => key === wanted);
  return {
    ...stepsFrame(width),
    marks: [
      plotting.ruleY([0], { stroke: "var(--line)" }),
      plotting.rect(of("first"), { ...place, fill: "colour" }),
      plotting.rect(of("last"), { ...place, fill: "transparent", stroke: "colour", strokeWidth: 2 }),
      plotting.ruleX([0], { stroke: "currentColor", strokeDasharray: "3 3" }),
      plotting.axisX({ label: "s from the slot's start", ...IN_THE_MIDDLE, ticks: width < NARROW ? 5 : 10 }),
      plotting.axisY({ label: "slots", ticks: 5, tickFormat: countTick }),
    ],
  };
}

function headerTables({ numbers: { relays } }: Headers): PageTable[] {
  const seconds = (ms: number | null): Cell =>
    ms === null ? { shown: "unknown", value: -1e9 } : { shown: (ms / 1000).toFixed(1), value: ms };
  return [
    {
      title: "Calls for a header by relay",
      columns: columnsOf(
        ["relay"],
        ["calls", "slots", "slots with several", "median first (s)", "median last (s)"],
      ),
      rows: relays.map((row) => [
        row.relay,
        ...[row.calls, row.slots, row.slots_with_several].map(count),
        seconds(row.median_first_ms),
        seconds(row.median_last_ms),
      ]),
      from: ["headers_by_relay"],
    },
  ];
}
