import { countWhere } from "../../warehouse/sql/dialect.ts";
import { IN_THE_MIDDLE, NARROW, fitted, namedRows } from "../axes.ts";
import { count, countTick, percent } from "../format.ts";
import { inScope, relayIn } from "../../warehouse/sql/scope.ts";
import { rereadsSql } from "../../warehouse/sql/rereads.ts";
import { suspectsSql } from "../../warehouse/sql/suspects.ts";
import type { Figure, PlotOptions, Plotting, Results, Section, Showing, Table } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { type Row, groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { gapsSql, missingRuns } from "./missingSlots.ts";

/** Runs of missing slots that the page lists. */
const RUNS_LISTED = 30;

const REASONS = [
  { key: "limit", label: "as many rows as a page limit", colour: "var(--c1)" },
  { key: "undelivered", label: "a delivered block isn't among the bids", colour: "var(--c4)" },
  { key: "empty", label: "empty, and may be a stale answer", colour: "var(--c5)" },
  { key: "differs", label: "a second read differed", colour: "var(--c3)" },
  { key: "awaiting", label: "empty, and waits for the relay's next payload", colour: "var(--c2)" },
] as const;

export const healthSection: Section = {
  id: "health",
  title: "Health",
  statements: (d, { scope }) => ({
    suspects: suspectsSql(d, scope),
    duplicates: `SELECT 'bids' AS dataset, relay, count(*) AS different, sum(copies) AS all_rows, ${countWhere("copies > 1")} AS repeated
FROM bids WHERE ${inScope(d, scope)} GROUP BY relay
UNION ALL
SELECT 'payloads', relay, count(*), sum(copies), ${countWhere("copies > 1")}
FROM payloads WHERE ${inScope(d, scope)} GROUP BY relay`,
    quarantined: `SELECT dataset, relay, sum(quarantined) AS quarantined, ${countWhere("error IS NOT NULL")} AS unloadable
FROM loads WHERE last_slot >= ${scope.range.first} AND first_slot <= ${scope.range.last}${relayIn(d, scope)}
GROUP BY dataset, relay`,
    gaps: gapsSql(d, scope),
    rereads: rereadsSql(d, scope),
  }),
  view: viewOf(healthOf, healthFigures, healthTables),
};

function healthOf(results: Results, showing: Showing) {
  const suspects = (results["suspects"] ?? []).map((row) => ({
    ...datasetAndRelay(row),
    reason: textIn(row, "reason"),
    slots: numberIn(row, "slots"),
  }));
  const duplicates = (results["duplicates"] ?? [])
    .map((row) => ({
      ...datasetAndRelay(row),
      different_rows: numberIn(row, "different"),
      rows: numberIn(row, "all_rows"),
      repeated: numberIn(row, "repeated"),
    }))
    .toSorted(byDatasetAndRelay);
  const quarantined = (results["quarantined"] ?? [])
    .map((row) => ({
      ...datasetAndRelay(row),
      rows: numberIn(row, "quarantined"),
      unloadable_chunks: numberIn(row, "unloadable"),
    }))
    .toSorted(byDatasetAndRelay);
  const missing_ranges = missingRuns(results, showing);
  const refused = showing.refused?.rows ?? null;
  return {
    numbers: { suspects, quarantined, refused, duplicates, rereads: rereadsOf(results), missing_ranges },
  };
}

type Health = ReturnType<typeof healthOf>;

/** The dataset and relay of a row. */
function datasetAndRelay(row: Row) {
  return { dataset: textIn(row, "dataset"), relay: textIn(row, "relay") };
}

function byDatasetAndRelay(a: ReturnType<typeof datasetAndRelay>, b: typeof a): number {
  return a.dataset + a.relay < b.dataset + b.relay ? -1 : 1;
}

/** What re-reading has shown, by dataset and relay; `agreement` is the share of the slots that were answered alike. */
function rereadsOf(results: Results) {
  const groups = groupBy(
    results["rereads"] ?? [],
    (row) => `${textIn(row, "dataset")} ${textIn(row, "relay")}`,
  );
  return [...groups].map(([key, rows]) => {
    const [dataset = "", relay = ""] = key.split(" ");
    const total = (column: string) => sumOf(rows, (row) => numberIn(row, column));
    const [slots, differing] = [total("slots"), total("differing")];
    const agreement = slots === 0 ? 1 : 1 - differing / slots;
    return { dataset, relay, slots, differing, rows_gained: total("rows_gained"), agreement };
  });
}

function healthFigures({ numbers: { suspects, duplicates } }: Health, showing: Showing): Figure[] {
  const ofBids = duplicates.filter(({ dataset }) => dataset === "bids");
  return [suspectFigure(suspects), quarantineFigure(showing.refused), duplicateFigure(ofBids, showing)];
}

function healthTables({ numbers: { missing_ranges: runs, quarantined, rereads } }: Health): Table[] {
  const whose = ["relay", "dataset"];
  const listed = runs.length > RUNS_LISTED ? `: ${RUNS_LISTED} of ${count(runs.length)} runs` : "";
  return [
    {
      title: runs.length === 0 ? "Missing slots: none" : `Missing slots, newest first${listed}`,
      columns: columnsOf(whose, ["first slot", "last slot", "slots"]),
      rows: runs
        .slice(0, RUNS_LISTED)
        .map(({ relay, dataset, first_slot, last_slot }) => [
          relay,
          dataset,
          String(first_slot),
          String(last_slot),
          count(last_slot - first_slot + 1),
        ]),
      from: ["gaps"],
    },
    {
      title: "Rows that no table can hold, and chunks that can't be loaded",
      columns: columnsOf(whose, ["rows in quarantine", "chunks not loaded"]),
      rows: quarantined
        .filter(({ rows, unloadable_chunks }) => rows + unloadable_chunks > 0)
        .map(({ relay, dataset, rows, unloadable_chunks }) => [
          relay,
          dataset,
          ...[rows, unloadable_chunks].map(count),
        ]),
      from: ["quarantined"],
    },
    {
      title:
        rereads.length === 0
          ? "Slots that were read again later: none"
          : "Slots that were read again an hour or more later, and what they showed",
      columns: columnsOf(whose, ["slots", "differing", "rows gained", "agreement"]),
      rows: rereads.map(({ relay, dataset, slots, differing, rows_gained, agreement }) => [
        relay,
        dataset,
        ...[slots, differing, rows_gained].map(count),
        { shown: percent(agreement), value: agreement },
      ]),
      from: ["rereads"],
    },
  ];
}

function suspectFigure(suspects: Health["numbers"]["suspects"]): Figure {
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

function quarantineFigure(refused: Showing["refused"]): Figure {
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

function duplicateFigure(
  duplicates: Health["numbers"]["duplicates"],
  { relayColour }: Pick<Showing, "relayColour">,
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
