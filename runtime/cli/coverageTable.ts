import Table from "cli-table3";
import type { Coverage } from "../collect/coverage.ts";

/** A table without lines, a space between columns. */
export const BORDERLESS = Object.fromEntries(
  [
    "top",
    "top-mid",
    "top-left",
    "top-right",
    "bottom",
    "bottom-mid",
    "bottom-left",
    "bottom-right",
    "left",
    "left-mid",
  ]
    .concat(["mid", "mid-mid", "right", "right-mid"])
    .map((part) => [part, ""])
    .concat([["middle", " "]]),
);

/** The coverage as one table a dataset, within 80 columns; with `retries` where a run counted them. */
export function coverageTables(coverage: readonly Coverage[], retries?: (row: Coverage) => number): string {
  const names = [...new Set(coverage.map(({ dataset }) => dataset))];
  return names
    .map((name) =>
      datasetTable(
        name,
        coverage.filter(({ dataset }) => dataset === name),
        retries,
      ),
    )
    .join("\n\n");
}

function datasetTable(
  title: string,
  coverage: readonly Coverage[],
  retries: ((row: Coverage) => number) | undefined,
): string {
  const head = [title, "slots", "covered", "missing", "unavailable", "suspect", "rows", "quar."];
  if (retries) head.push("retries");
  const table = new Table({
    head,
    chars: BORDERLESS,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: ["left", ...head.slice(1).map(() => "right" as const)],
  });
  for (const row of coverage) {
    const { slots, covered, missing, unavailable, suspect, rows, quarantined } = row;
    const name = row.state === "active" ? row.relay : `${row.relay} (${row.state})`;
    const cells = [slots, covered, missing, unavailable, suspect, rows, quarantined];
    if (retries) cells.push(retries(row));
    table.push([name, ...cells.map(String)]);
  }
  return table.toString();
}

/** The first missing ranges in words, one line a relay and dataset. */
export function missingLines(coverage: readonly Coverage[]): string[] {
  const SHOWN = 3;
  return coverage
    .filter(({ state, missing }) => state === "active" && missing > 0)
    .map(({ relay, dataset, missing_ranges: ranges }) => {
      const shown = ranges
        .slice(0, SHOWN)
        .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
      const more = ranges.length > SHOWN ? ` and ${ranges.length - SHOWN} more` : "";
      return `missing: ${relay} ${dataset} ${shown.join(", ")}${more}`;
    });
}
