import { slotStartMs } from "../chain/slots.ts";
import { timeTicks } from "./timeTicks.ts";
import type { Plotting } from "./section.ts";
import { type Buckets, type Scope, scopeSlots } from "../warehouse/sql/scope.ts";

/** Widths up to this are those of a phone: fewer ticks, shorter labels. */
export const NARROW = 500;

/** Where an axis's label stands. */
export const IN_THE_MIDDLE = { labelAnchor: "center", labelArrow: "none" } as const;

/** Start and end of a bucket, as far as it lies in the range. */
export function timesOf(buckets: Buckets, bucket: number, scope: Scope): { x1: Date; x2: Date } {
  const { first, last } = scopeSlots(buckets, bucket, scope.range);
  return {
    x1: new Date(slotStartMs(scope.network, first)),
    x2: new Date(slotStartMs(scope.network, last + 1)),
  };
}

/** The time axis of the scope: its scale's options, and the marks that draw it. */
export function timeAxis({ axisX }: Plotting, { network, range }: Scope, width: number) {
  const from = slotStartMs(network, range.first);
  const to = slotStartMs(network, range.last + 1);
  const { times, format, label } = timeTicks(from, to, width < NARROW ? 4 : 9);
  return {
    scale: { type: "utc", domain: [new Date(from), new Date(to)], label: null } as const,
    mark: axisX(times, { anchor: "bottom", tickFormat: format, label, ...IN_THE_MIDDLE }),
  };
}

/** Names at the left: as much room as the longest needs, but never more than a third of the plot. */
export function leftMargin(names: readonly string[], width: number): number {
  const longest = Math.max(...names.map((name) => name.length), 4);
  return Math.min(18 + longest * 7.3, Math.round(width / 3));
}

/** A name cut to what the margin at the left holds. */
export function fitted(name: string, margin: number): string {
  const room = Math.max(4, Math.floor((margin - 16) / 7.3));
  return name.length > room ? `${name.slice(0, room - 1)}…` : name;
}

/** The names of rows that are drawn by hand, the first at the top, each one high. */
export function rowNames({ axisY }: Plotting, names: readonly string[], marginLeft: number) {
  return axisY(
    names.map((_, index) => names.length - 0.5 - index),
    {
      tickFormat: (at: number) => fitted(names[names.length - 0.5 - at] ?? "", marginLeft),
      tickSize: 0,
      label: null,
    },
  );
}

/** Height of a row with a name, px. */
export const ROW = 24;

/** A plot with a row for each name: its size and rows, and the mark that writes the names at the left. */
export function namedRows(
  { axisY }: Plotting,
  width: number,
  names: readonly string[],
  {
    marginRight,
    padding,
    below = 60,
    row = ROW,
  }: { marginRight: number; padding: number; below?: number; row?: number },
) {
  const marginLeft = leftMargin(names, width);
  const height = names.length * row + below;
  return {
    frame: { height, marginLeft, marginRight, marginTop: 8, marginBottom: 42, y: { domain: names, padding } },
    axis: axisY({ tickSize: 0, label: null, tickFormat: (name: string) => fitted(name, marginLeft) }),
  };
}

/** Size and margins of a plot of counts by steps of a slot's time. */
export function stepsFrame(width: number) {
  const height = width < NARROW ? 200 : 240;
  return { height, marginLeft: 48, marginBottom: 42, marginTop: 24, y: { nice: true } };
}
