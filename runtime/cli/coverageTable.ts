import type { SlotRange } from "../chain/slots.ts";
import type { Coverage } from "../collect/coverage.ts";
import { agreesBadly } from "../lake/rereads.ts";
import { tableText } from "./tables.ts";

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
  const lines = coverage.map((row) => {
    const { slots, covered, missing, unavailable, suspect, rows, quarantined } = row;
    const name = row.state === "active" ? row.relay : `${row.relay} (${row.state})`;
    const cells = [slots, covered, missing, unavailable, suspect, rows, quarantined];
    if (retries) cells.push(retries(row));
    return [name, ...cells.map(String)];
  });
  return tableText(head, lines);
}

/** What tables can't hold, a line each, within 80 columns: what is missing and why, what waits, what re-reading has shown. */
export function coverageLines(coverage: readonly Coverage[]): string[] {
  const active = coverage.filter(({ state }) => state === "active");
  return [
    ...active.filter(({ missing }) => missing > 0).flatMap(missingLines),
    ...active
      .filter(({ awaiting }) => awaiting > 0)
      .map(({ relay, dataset, awaiting }) => `awaiting: ${relay} ${dataset} ${aboveNewest(awaiting)}`),
    ...rereadLines(coverage),
  ];
}

function aboveNewest(slots: number): string {
  return slots === 1 ? "1 slot lies above its newest payload" : `${slots} slots lie above its newest payload`;
}

/** The first missing ranges. An empty answer that nothing bears out yet isn't a failure to answer. */
function missingLines({ relay, dataset, unproven, missing_ranges: ranges }: Coverage): string[] {
  const missing = `missing: ${relay} ${dataset} ${rangesText(ranges.map(([first, last]) => ({ first, last })))}`;
  const answered = `unproven: ${relay} ${dataset} ${unproven} of them answered without rows so far`;
  return unproven > 0 ? [missing, answered] : [missing];
}

/** How well answers agreed over all, and who agrees too badly. */
function rereadLines(coverage: readonly Coverage[]): string[] {
  const sum = (key: keyof Coverage["reread"]) =>
    coverage.reduce((total, { reread }) => total + reread[key], 0);
  const all = { slots: sum("slots"), differing: sum("differing"), rows_gained: sum("rows_gained") };
  if (all.slots === 0) return [];
  const bad = coverage.filter(({ reread: { slots, differing } }) => agreesBadly(slots, differing));
  return [
    `reread: ${agreementText(all)}`,
    ...bad.map(({ relay, dataset, reread }) => `reread: ${relay} ${dataset} ${agreementText(reread)}`),
  ];
}

function agreementText({ slots, differing, rows_gained: gained }: Coverage["reread"]): string {
  // Rounded down, so that 100 % are all.
  const percent = Math.floor(1000 * (1 - differing / slots)) / 10;
  return `${differing} of ${slots} differ (${percent} % agree), ${gained} rows more`;
}

/** The first of some runs of slots in words. */
export function rangesText(ranges: readonly SlotRange[]): string {
  const SHOWN = 3;
  const shown = ranges
    .slice(0, SHOWN)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  const more = ranges.length > SHOWN ? ` and ${ranges.length - SHOWN} more` : "";
  return `${shown.join(", ")}${more}`;
}
