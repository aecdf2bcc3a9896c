import { type SlotRange, intersect } from "../../chain/slots.ts";
import { type SqlDialect, countWhere } from "../../warehouse/sql/dialect.ts";
import { NARROW, fitted, leftMargin } from "../axes.ts";
import { count, percent } from "../format.ts";
import { type Scope, inScope, relayIn } from "../../warehouse/sql/scope.ts";
import { rereadsSql } from "../../warehouse/sql/rereads.ts";
import { suspectsSql } from "../../warehouse/sql/suspects.ts";
import type { Figure, Results, Section, Showing, View } from "../section.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { coverageOf } from "./coverage.ts";

/** Runs of missing slots that are looked for, and that the page lists. */
const RUNS_READ = 5000;
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
  view: healthView,
};

/** Runs of slots without a chunk, and chunks that aren't whole, newest first. */
function gapsSql(d: SqlDialect, scope: Scope): string {
  const { first, last } = scope.range;
  return `WITH chunks AS (
  SELECT dataset, relay, first_slot, last_slot, covered,
    lag(last_slot) OVER (PARTITION BY dataset, relay ORDER BY first_slot) AS before
  FROM loads WHERE last_slot >= ${first} AND first_slot <= ${last}${relayIn(d, scope)}
), ends AS (
  SELECT dataset, relay, min(first_slot) AS first_chunk, max(last_slot) AS last_chunk FROM chunks GROUP BY dataset, relay
)
SELECT dataset, relay, before + 1 AS first_slot, first_slot - 1 AS last_slot, '' AS covered
FROM chunks WHERE first_slot > before + 1
UNION ALL
SELECT dataset, relay, first_slot, last_slot, covered FROM chunks WHERE covered LIKE '%0%'
UNION ALL
SELECT dataset, relay, ${first}, first_chunk - 1, '' FROM ends WHERE first_chunk > ${first}
UNION ALL
SELECT dataset, relay, last_chunk + 1, ${last}, '' FROM ends WHERE last_chunk < ${last}
ORDER BY first_slot DESC LIMIT ${RUNS_READ}`;
}

function healthView(results: Results, showing: Showing): View {
  const suspects = (results["suspects"] ?? []).map((row) => ({
    dataset: textIn(row, "dataset"),
    relay: textIn(row, "relay"),
    reason: textIn(row, "reason"),
    slots: numberIn(row, "slots"),
  }));
  const refused = showing.refused;
  const duplicates = (results["duplicates"] ?? [])
    .map((row) => ({
      dataset: textIn(row, "dataset"),
      relay: textIn(row, "relay"),
      different_rows: numberIn(row, "different"),
      rows: numberIn(row, "all_rows"),
      repeated: numberIn(row, "repeated"),
    }))
    .toSorted((a, b) => (a.dataset + a.relay < b.dataset + b.relay ? -1 : 1));
  const quarantined = (results["quarantined"] ?? [])
    .map((row) => ({
      dataset: textIn(row, "dataset"),
      relay: textIn(row, "relay"),
      rows: numberIn(row, "quarantined"),
      unloadable_chunks: numberIn(row, "unloadable"),
    }))
    .toSorted((a, b) => (a.dataset + a.relay < b.dataset + b.relay ? -1 : 1));
  const runs = missingRuns(results, showing);
  const rereads = rereadsOf(results);
  const bidDuplicates = duplicates.filter(({ dataset }) => dataset === "bids");
  return {
    numbers: {
      suspects,
      quarantined,
      refused: refused?.rows ?? null,
      duplicates,
      rereads,
      missing_ranges: runs.map(({ dataset, relay, first, last }) => ({
        dataset,
        relay,
        first_slot: first,
        last_slot: last,
      })),
    },
    figures: [suspectFigure(suspects), quarantineFigure(refused), duplicateFigure(bidDuplicates, showing)],
    tables: [
      {
        title:
          runs.length === 0
            ? "Missing slots: none"
            : `Missing slots, newest first${runs.length > RUNS_LISTED ? `: ${RUNS_LISTED} of ${count(runs.length)} runs` : ""}`,
        columns: [
          { label: "relay", numeric: false },
          { label: "dataset", numeric: false },
          ...["first slot", "last slot", "slots"].map((label) => ({ label, numeric: true })),
        ],
        rows: runs
          .slice(0, RUNS_LISTED)
          .map(({ relay, dataset, first, last }) => [
            relay,
            dataset,
            String(first),
            String(last),
            count(last - first + 1),
          ]),
        from: ["gaps"],
      },
      {
        title: "Rows that no table can hold, and chunks that can't be loaded",
        columns: [
          { label: "relay", numeric: false },
          { label: "dataset", numeric: false },
          ...["rows in quarantine", "chunks not loaded"].map((label) => ({ label, numeric: true })),
        ],
        rows: quarantined
          .filter(({ rows, unloadable_chunks }) => rows + unloadable_chunks > 0)
          .map(({ relay, dataset, rows, unloadable_chunks }) => [
            relay,
            dataset,
            count(rows),
            count(unloadable_chunks),
          ]),
        from: ["quarantined"],
      },
      {
        title:
          rereads.length === 0
            ? "Slots that were read again later: none"
            : "Slots that were read again an hour or more later, and what they showed",
        columns: [
          { label: "relay", numeric: false },
          { label: "dataset", numeric: false },
          ...["slots", "differing", "rows gained", "agreement"].map((label) => ({ label, numeric: true })),
        ],
        rows: rereads.map(({ relay, dataset, slots, differing, rows_gained, agreement }) => [
          relay,
          dataset,
          ...[slots, differing, rows_gained].map(count),
          { shown: percent(agreement), value: agreement },
        ]),
        from: ["rereads"],
      },
    ],
  };
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

/** Slots that are neither covered nor forgotten, as runs, newest first; of active relays only. */
function missingRuns(
  results: Results,
  showing: Showing,
): { dataset: string; relay: string; first: number; last: number }[] {
  const rows = groupBy(results["gaps"] ?? [], (row) => `${textIn(row, "dataset")} ${textIn(row, "relay")}`);
  const { relays } = coverageOf(results, showing);
  return relays
    .filter(({ state, missing }) => state === "active" && missing > 0)
    .flatMap(({ dataset, relay, wanted, horizon, covered }) => {
      const remembered = intersect(wanted, { first: horizon, last: wanted.last });
      if (!remembered) return [];
      const whole = [{ first: wanted.first, last: wanted.last }];
      const uncovered =
        covered === 0 ? whole : (rows.get(`${dataset} ${relay}`) ?? []).flatMap((row) => uncoveredOf(row));
      return joinedRuns(uncovered.flatMap((run) => intersect(run, remembered) ?? [])).map((run) => ({
        dataset,
        relay,
        ...run,
      }));
    })
    .toSorted((a, b) => b.first - a.first || (a.relay < b.relay ? -1 : 1));
}

function uncoveredOf(row: Parameters<typeof textIn>[0]): SlotRange[] {
  const first = numberIn(row, "first_slot");
  const bits = textIn(row, "covered");
  if (bits === "") return [{ first, last: numberIn(row, "last_slot") }];
  return Array.from(bits.matchAll(/0+/g), ({ index, 0: zeros }) => ({
    first: first + index,
    last: first + index + zeros.length - 1,
  }));
}

function joinedRuns(runs: readonly SlotRange[]): SlotRange[] {
  const joined: SlotRange[] = [];
  for (const run of runs.toSorted((a, b) => a.first - b.first)) {
    const before = joined.at(-1);
    if (before && before.last + 1 >= run.first)
      joined[joined.length - 1] = { first: before.first, last: Math.max(before.last, run.last) };
    else joined.push(run);
  }
  return joined;
}

function suspectFigure(
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
            const marginLeft = leftMargin(names, width);
            return {
              height: names.length * 24 + 56,
              marginLeft,
              marginRight: 20,
              marginTop: 8,
              marginBottom: 42,
              x: { nice: true },
              y: { domain: names, padding: 0.25 },
              color: { domain: REASONS.map(({ key }) => key), range: REASONS.map(({ colour }) => colour) },
              marks: [
                plotting.axisX({
                  label: "slots",
                  labelAnchor: "center",
                  labelArrow: "none",
                  ticks: width < NARROW ? 4 : 8,
                  tickFormat: (value: number) => (Number.isInteger(value) ? count(value) : ""),
                }),
                plotting.axisY({
                  tickSize: 0,
                  label: null,
                  tickFormat: (name: string) => fitted(name, marginLeft),
                }),
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
        : (plotting, width) => ({
            // The reason stands above its bar: it may be as long as it likes.
            height: reasons.length * 40 + 50,
            marginLeft: 12,
            marginRight: 40,
            marginTop: 12,
            marginBottom: 42,
            x: { nice: true },
            y: { domain: reasons.map(({ reason }) => reason), padding: 0.55, axis: null },
            marks: [
              plotting.axisX({
                label: "rows",
                labelAnchor: "center",
                labelArrow: "none",
                ticks: 4,
                tickFormat: (value: number) => (Number.isInteger(value) ? count(value) : ""),
              }),
              plotting.barX(reasons, {
                y: "reason",
                x: "rows",
                fill: "var(--c0)",
                title: ({ reason, rows }) => `${reason}: ${count(rows)}`,
              }),
              plotting.text(reasons, {
                y: "reason",
                x: () => 0,
                dx: 2,
                dy: -16,
                textAnchor: "start",
                text: ({ reason }) => fitted(reason, width - 60),
                fill: "currentColor",
              }),
              plotting.text(reasons, {
                y: "reason",
                x: "rows",
                dx: 6,
                textAnchor: "start",
                text: ({ rows }) => count(rows),
                fill: "currentColor",
              }),
            ],
          }),
  };
}

function duplicateFigure(
  duplicates: readonly { relay: string; different_rows: number; rows: number; repeated: number }[],
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
            const marginLeft = leftMargin(names, width);
            return {
              height: names.length * 24 + 56,
              marginLeft,
              marginRight: 60,
              marginTop: 8,
              marginBottom: 42,
              x: { nice: true, domain: [0, Math.max(0.001, ...duplicates.map(share))] },
              y: { domain: names, padding: 0.25 },
              marks: [
                plotting.axisX({
                  label: "share of rows",
                  labelAnchor: "center",
                  labelArrow: "none",
                  ticks: width < NARROW ? 3 : 6,
                  tickFormat: (value: number) => `${Number((value * 100).toPrecision(3))} %`,
                }),
                plotting.axisY({
                  tickSize: 0,
                  label: null,
                  tickFormat: (name: string) => fitted(name, marginLeft),
                }),
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
