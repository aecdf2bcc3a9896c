import { NARROW, timeAxis, timesOf } from "./axes.ts";
import { count, percent, shareTick, shortCount } from "./format.ts";
import type { PlotOptions, Plotting } from "./section.ts";
import { type Buckets, type Scope, scopeSlots } from "../warehouse/sql/scope.ts";
import { type ResultRow, groupBy, numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";

/** Something counted in a bucket of time. */
export interface Part {
  readonly bucket: number;
  readonly name: string;
  readonly amount: number;
}

/** The parts that a statement's rows are: their names are in the column `name`, their amounts in `amount`. */
export function partsOf(rows: readonly ResultRow[] | undefined, name: string, amount: string): Part[] {
  return (rows ?? []).map((row) => ({
    bucket: numberIn(row, "bucket"),
    name: textIn(row, name),
    amount: numberIn(row, amount),
  }));
}

/** What the parts are called that are too small to be told apart. */
export const REST = "all others";

/** The largest names keep theirs, the others are summed up as `REST`. Largest first. */
export function largest(parts: readonly Part[], most: number): { parts: Part[]; names: string[] } {
  const totals = [...groupBy(parts, ({ name }) => name)]
    .map(([name, own]) => ({ name, total: sumOf(own, ({ amount }) => amount) }))
    .toSorted((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
  if (totals.length <= most) return { parts: [...parts], names: totals.map(({ name }) => name) };
  const kept = totals.slice(0, most - 1).map(({ name }) => name);
  const names = new Set(kept);
  const rest = [
    ...groupBy(
      parts.filter(({ name }) => !names.has(name)),
      ({ bucket }) => bucket,
    ),
  ].map(([bucket, own]) => ({ bucket, name: REST, amount: sumOf(own, ({ amount }) => amount) }));
  return { parts: [...parts.filter(({ name }) => names.has(name)), ...rest], names: [...kept, REST] };
}

/** What isn't known, in plots (the page holds the pattern) and in legends. */
const HATCHED = "url(#hatch)";
export const HATCHED_LEGEND = "repeating-linear-gradient(135deg,var(--dim) 0 1px,transparent 1px 4px)";

export interface StackedBarsOptions {
  readonly scope: Scope;
  readonly buckets: Buckets;
  readonly parts: readonly Part[];
  /** From below upwards. */
  readonly names: readonly string[];
  readonly colour: (name: string) => string;
  /** Buckets in which something isn't known, by whose it is: hatched above the bar. */
  readonly unknown?: readonly Part[];
  /** True: each bucket's parts as shares of its sum. */
  readonly shares: boolean;
  readonly label: string;
  /** How an amount is said. */
  readonly say?: (amount: number) => string;
}

/** Bars over time, one a bucket, its parts one above the other. */
export function stackedBars(plotting: Plotting, width: number, options: StackedBarsOptions): PlotOptions {
  const { scope, buckets, names, colour, shares, label, say = count } = options;
  const time = timeAxis(plotting, scope, width);
  const bars = [...groupBy(options.parts, ({ bucket }) => bucket)].flatMap(([bucket, own]) => {
    const total = sumOf(own, ({ amount }) => amount);
    const { first, last } = scopeSlots(buckets, bucket, scope.range);
    let y = 0;
    return names.flatMap((name) => {
      const amount = sumOf(
        own.filter((part) => part.name === name),
        (part) => part.amount,
      );
      if (amount === 0) return [];
      const y1 = y;
      y += shares ? amount / total : amount;
      const title = `${name}, slots ${first}–${last}: ${say(amount)} (${percent(amount / total)})`;
      return [{ ...timesOf(buckets, bucket, scope), y1, y2: y, name, title }];
    });
  });
  const top = shares ? 1 : 1.04 * Math.max(...bars.map(({ y2 }) => y2), 0);
  const insetRight = (buckets.last - buckets.first + 1) * (width < NARROW ? 2 : 1) > 120 ? 0.4 : 1;
  return {
    height: width < NARROW ? 220 : 280,
    marginLeft: 48,
    marginBottom: 40,
    marginTop: 24,
    x: time.scale,
    y: shares
      ? { domain: [0, 1], tickFormat: shareTick, label }
      : { domain: [0, top], label, tickFormat: shortCount, nice: true },
    color: { domain: names, range: names.map(colour) },
    marks: [
      plotting.ruleY([0], { stroke: "var(--line)" }),
      plotting.rect(bars, {
        x1: "x1",
        x2: "x2",
        y1: "y1",
        y2: "y2",
        fill: "name",
        title: "title",
        insetRight,
      }),
      plotting.rect(hatchesOf(options, bars, top), {
        x1: "x1",
        x2: "x2",
        y1: "y1",
        y2: "y2",
        fill: HATCHED,
        title: "title",
      }),
      time.mark,
    ],
  };
}

/** What lies above the bars of buckets in which something isn't known. */
function hatchesOf(
  { scope, buckets, unknown = [] }: StackedBarsOptions,
  bars: readonly { readonly x1: Date; readonly y2: number }[],
  top: number,
) {
  return [...groupBy(unknown, ({ bucket }) => bucket)].map(([bucket, own]) => {
    const times = timesOf(buckets, bucket, scope);
    const { first, last } = scopeSlots(buckets, bucket, scope.range);
    const below = bars.filter(({ x1 }) => x1.getTime() === times.x1.getTime()).map(({ y2 }) => y2);
    const title = `slots ${first}–${last}: not covered of ${own.map(({ name }) => name).join(", ")}`;
    return { ...times, y1: Math.max(0, ...below), y2: top, title };
  });
}
