import { countWhere } from "../../warehouse/sql/dialect.ts";
import { count, percent } from "../format.ts";
import { inScope, relayIn } from "../../warehouse/sql/scope.ts";
import { rereadsSql } from "../../warehouse/sql/rereads.ts";
import { suspectsSql } from "../../warehouse/sql/suspects.ts";
import type { Results } from "../asking.ts";
import type { Figure, Section, Showing, PageTable } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { type ResultRow, groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { duplicateFigure, quarantineFigure, suspectFigure } from "./healthFigures.ts";
import { folded, relaysText } from "./folded.ts";
import { gapsSql, missingRuns } from "./missingSlots.ts";

/** Runs of missing slots that the page lists. */
const RUNS_LISTED = 30;

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
  const rereads = rereadsOf(results);
  return { numbers: { suspects, quarantined, refused, duplicates, rereads, missing_ranges } };
}

type Health = ReturnType<typeof healthOf>;

/** The dataset and relay of a row. */
function datasetAndRelay(row: ResultRow) {
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

function healthTables({ numbers: { missing_ranges: runs, quarantined, rereads } }: Health): PageTable[] {
  const whose = ["relay", "dataset"];
  const together = folded(runs, ({ first_slot, last_slot }) => `${first_slot}-${last_slot}`);
  const listed = together.length > RUNS_LISTED ? `: ${RUNS_LISTED} of ${count(together.length)} runs` : "";
  return [
    {
      title: runs.length === 0 ? "Missing slots: none" : `Missing slots, newest first${listed}`,
      columns: columnsOf(whose, ["first slot", "last slot", "slots"]),
      rows: together
        .slice(0, RUNS_LISTED)
        .map(({ relays, datasets, one: { first_slot, last_slot } }) => [
          relaysText(relays),
          datasets.join(", "),
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
