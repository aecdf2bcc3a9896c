import { IN_THE_MIDDLE, NARROW, fitted, namedRows } from "../axes.ts";
import { count, countTick, percent } from "../format.ts";
import type { Figure, PlotOptions, Plotting, Showing } from "../section.ts";
import { groupBy, sumOf } from "../../warehouse/sql/values.ts";

const REASONS = [
  { key: "limit", label: "as many rows as a page limit", colour: "var(--c1)" },
  { key: "undelivered", label: "a delivered block isn't among the bids", colour: "var(--c4)" },
  { key: "empty", label: "empty, and may be a stale answer", colour: "var(--c5)" },
  { key: "differs", label: "a second read differed", colour: "var(--c3)" },
  { key: "awaiting", label: "empty, and waits for the relay's next payload", colour: "var(--c2)" },
] as const;

/** Suspect slots by relay and reason. */
export function suspectFigure(
  suspects: readonly { relay: string; reason: string; slots: number; dataset: string }[],
): Figure {
  const names = [...new Set(suspects.map(({ relay }) => relay))].toSorted();
  const reasons = REASONS.filter(({ key }) => suspects.some(({ reason }) => reason === key));
  return {
    id: "health-suspects",
    title: "Suspect slots",
    units: "covered slots of bids and payloads, by why they are doubtful",
    read: "These slots count as covered, but their answer may have been cut off or stale. `recheck` asks them again. A count at a limit may be chance.",
    from: ["suspects"],
    legend: reasons.map(({ label, colour }) => ({ label, colour })),
    plot:
      suspects.length === 0
        ? "No covered slot of this range is suspect."
        : (plotting, width) => {
            const rows = namedRows(plotting, width, names, { marginRight: 20, padding: 0.25, below: 56 });
            return {
              ...rows.frame,
              x: { nice: true },
              color: { domain: REASONS.map(({ key }) => key), range: REASONS.map(({ colour }) => colour) },
              marks: [
                plotting.axisX({
                  label: "slots",
                  ...IN_THE_MIDDLE,
                  ticks: width < NARROW ? 4 : 8,
                  tickFormat: countTick,
                }),
                rows.axis,
                plotting.ruleX([0], { stroke: "var(--line)" }),
                plotting.barX(suspects, {
                  y: "relay",
                  x: "slots",
                  fill: "reason",
                  title: ({ relay, dataset, reason, slots }: (typeof suspects)[number]) =>
                    `${relay} ${dataset}: ${count(slots)} slots, ${REASONS.find(({ key }) => key === reason)?.label ?? reason}`,
                }),
              ],
            };
          },
  };
}

/** Quarantined rows by reason; `refused` is undefined where the lake wasn't read. */
export function quarantineFigure(refused: Showing["refused"]): Figure {
  const reasons = [...groupBy(refused?.rows ?? [], ({ reason }) => reason)]
    .map(([reason, rows]) => ({ reason, rows: sumOf(rows, (row) => row.rows) }))
    .toSorted((a, b) => b.rows - a.rows || (a.reason < b.reason ? -1 : 1))
    .slice(0, 12);
  const part =
    refused && refused.unread > 0
      ? ` ${count(refused.unread)} older chunks with quarantine weren't read for this.`
      : "";
  return {
    id: "health-quarantine",
    title: "Quarantine",
    units: "rows that no table can hold, by reason",
    read: `Kept as they were sent in the lake's quarantine; they cost their slot nothing.${part}`,
    from: ["quarantined"],
    legend: [],
    plot: !refused
      ? "Reasons are in the lake, which wasn't read for this page; the table below has the numbers."
      : reasons.length === 0
        ? "No row of this range is in quarantine."
        : (plotting, width) => reasonsPlot(plotting, width, reasons),
  };
}

/** Bars with the reasons above them, which may be as long as they like. */
function reasonsPlot(
  plotting: Plotting,
  width: number,
  reasons: readonly { readonly reason: string; readonly rows: number }[],
): PlotOptions {
  const text = { y: "reason", textAnchor: "start", fill: "currentColor" } as const;
  return {
    height: reasons.length * 40 + 50,
    marginLeft: 12,
    marginRight: 40,
    marginTop: 12,
    marginBottom: 42,
    x: { nice: true },
    y: { domain: reasons.map(({ reason }) => reason), padding: 0.55, axis: null },
    marks: [
      plotting.axisX({ label: "rows", ...IN_THE_MIDDLE, ticks: 4, tickFormat: countTick }),
      plotting.barX(reasons, {
        y: "reason",
        x: "rows",
        fill: "var(--c0)",
        title: ({ reason, rows }: (typeof reasons)[number]) => `${reason}: ${count(rows)}`,
      }),
      plotting.text(reasons, {
        ...text,
        x: () => 0,
        dx: 2,
        dy: -16,
        text: ({ reason }: (typeof reasons)[number]) => fitted(reason, width - 60),
      }),
      plotting.text(reasons, {
        ...text,
        x: "rows",
        dx: 6,
        text: ({ rows }: (typeof reasons)[number]) => count(rows),
      }),
    ],
  };
}

/** Which share of its bid rows each relay repeats. */
export function duplicateFigure(
  duplicates: readonly { relay: string; different_rows: number; rows: number }[],
  { relayColour }: Showing,
): Figure {
  const names = duplicates.map(({ relay }) => relay);
  const share = ({ rows, different_rows }: (typeof duplicates)[number]) =>
    rows === 0 ? 0 : (rows - different_rows) / rows;
  return {
    id: "health-duplicates",
    title: "Repeated bids",
    units: "share of a relay's bid rows that repeat another of the same answer",
    read: "Relays store the same submission more than once. The table holds such a row once, with `copies`.",
    from: ["duplicates"],
    legend: [],
    plot:
      duplicates.length === 0
        ? "No bids are loaded in this range."
        : (plotting, width) => {
            const rows = namedRows(plotting, width, names, { marginRight: 60, padding: 0.25, below: 56 });
            return {
              ...rows.frame,
              x: { nice: true, domain: [0, Math.max(0.001, ...duplicates.map(share))] },
              marks: [
                plotting.axisX({
                  label: "share of rows",
                  ...IN_THE_MIDDLE,
                  ticks: width < NARROW ? 3 : 6,
                  tickFormat: (value: number) => `${Number((value * 100).toPrecision(3))} %`,
                }),
                rows.axis,
                plotting.barX(duplicates, {
                  y: "relay",
                  x: share,
                  fill: ({ relay }: (typeof duplicates)[number]) => relayColour(relay),
                  title: (row: (typeof duplicates)[number]) =>
                    `${row.relay}: ${count(row.rows - row.different_rows)} of ${count(row.rows)} rows`,
                }),
                plotting.text(duplicates, {
                  y: "relay",
                  x: share,
                  dx: 6,
                  textAnchor: "start",
                  text: (row: (typeof duplicates)[number]) => percent(share(row)),
                  fill: "currentColor",
                }),
              ],
            };
          },
  };
}
