import type { SlotRange } from "../chain/slots.ts";
import type { Coverage } from "../collect/coverage.ts";
import { AUCTION, DATASET_NAMES, type DatasetName, datasets } from "../datasets/dataset.ts";
import { agreesBadly } from "../lake/rereads.ts";
import { terminalColumns, grouped, wrapped } from "./numbers.ts";
import { tableText } from "./tables.ts";

/** What a run counted beside the coverage. */
type Retries = (row: Coverage) => number;

/** A column of the tables. */
interface Column {
  readonly head: string;
  readonly value: (row: Coverage) => number;
  /** The lower, the later it is left off where columns don't fit. */
  readonly rank: number;
  /** Shown only where a row has any. */
  readonly whereAny?: boolean;
}

/** In the order in which they are shown. */
const COLUMNS: readonly Column[] = [
  { head: "slots", rank: 3, value: ({ slots }) => slots },
  { head: "covered", rank: 1, value: ({ covered }) => covered },
  { head: "missing", rank: 0, value: ({ missing }) => missing },
  { head: "unproven", rank: 4, value: ({ unproven }) => unproven, whereAny: true },
  { head: "unavailable", rank: 7, value: ({ unavailable }) => unavailable },
  { head: "suspect", rank: 6, value: ({ suspect }) => suspect },
  { head: "awaiting", rank: 5, value: ({ awaiting }) => awaiting, whereAny: true },
  { head: "rows", rank: 2, value: ({ rows }) => rows },
  { head: "quarantined", rank: 8, value: ({ quarantined }) => quarantined },
  { head: "pruned", rank: 9, value: ({ pruned }) => pruned, whereAny: true },
];

/**
 * The coverage as one table a dataset (those that few relays serve share one) with the sums below, in so many columns (the
 * terminal's): what doesn't fit into a table is left off there, and its sums are said below. Relays' names are never cut. With
 * `retries` where a run counted them.
 */
export function coverageTables(
  coverage: readonly Coverage[],
  retries?: Retries,
  columns: number = terminalColumns(process.stdout),
): string {
  const all = retries ? [...COLUMNS, { head: "retries", rank: 9, value: retries }] : COLUMNS;
  const names = [...new Set(coverage.map(titleOf))];
  const tables = names.map((name) => {
    const rows = coverage.filter((row) => titleOf(row) === name);
    return { rows, shown: fitting(all, rows, columns) };
  });
  const left = all.map((column) => ({
    head: column.head,
    sum: sumOf(
      tables.flatMap(({ rows, shown }) => (shown.includes(column) ? [] : rows)),
      column,
    ),
  }));
  return [...tables.map(({ rows, shown }) => datasetTable(rows, shown)), ...leftOff(left, columns)].join(
    "\n\n",
  );
}

/** The columns that a table has anything for and room, the most important ones first. */
function fitting(all: readonly Column[], rows: readonly Coverage[], columns: number): Column[] {
  const wanted = all.filter(({ whereAny, value }) => !whereAny || rows.some((row) => value(row) > 0));
  let room = columns - Math.max(...rows.map((row) => Math.max(nameOf(row).length, titleOf(row).length)));
  const kept = new Set<Column>();
  for (const column of [...wanted].toSorted((a, b) => a.rank - b.rank)) {
    room -= 1 + Math.max(column.head.length, grouped(sumOf(rows, column)).length);
    if (room < 0) break;
    kept.add(column);
  }
  return wanted.filter((column) => kept.has(column));
}

function datasetTable(rows: readonly Coverage[], columns: readonly Column[]): string {
  const lines = rows.map((row) => [nameOf(row), ...columns.map(({ value }) => grouped(value(row)))]);
  if (rows.length > 1) lines.push(["total", ...columns.map((column) => grouped(sumOf(rows, column)))]);
  const [first] = rows;
  return tableText([first ? titleOf(first) : "", ...columns.map(({ head }) => head)], lines);
}

/** What the columns that didn't fit would have shown, as far as that is anything. */
function leftOff(
  left: readonly { readonly head: string; readonly sum: number }[],
  columns: number,
): string[] {
  const sums = left.filter(({ sum }) => sum > 0).map(({ head, sum }) => `${grouped(sum)} ${head}`);
  if (sums.length === 0) return [];
  return [wrapped(`in all ${sums.join(", ")} (a wider terminal shows of which relays)`, columns).join("\n")];
}

function sumOf(rows: readonly Coverage[], { value }: Column): number {
  return rows.reduce((total, row) => total + value(row), 0);
}

function nameOf({ relay, state, dataset }: Coverage): string {
  const name = isExtra(dataset) ? `${relay} ${dataset}` : relay;
  return state === "active" ? name : `${name} (${state})`;
}

/** What few relays serve stands in one table. */
function titleOf({ dataset }: Coverage): string {
  return isExtra(dataset) ? "besides" : dataset;
}

function isExtra(dataset: DatasetName): boolean {
  return !AUCTION.some((name) => name === dataset);
}

/** What tables can't hold, a line each, within 80 columns: what is missing and why, what waits, what re-reading has shown. */
export function coverageLines(coverage: readonly Coverage[]): string[] {
  const active = coverage.filter(({ state }) => state === "active");
  return [
    ...DATASET_NAMES.flatMap((name) => missingOf(active.filter(({ dataset }) => dataset === name))),
    ...unaskedWithoutPayloads(active),
    ...active
      .filter(({ awaiting }) => awaiting > 0)
      .map(({ relay, dataset, awaiting }) => `awaiting: ${relay} ${dataset} ${aboveNewest(awaiting)}`),
    ...rereadLines(coverage),
  ];
}

function aboveNewest(slots: number): string {
  return slots === 1
    ? "1 slot lies above its newest payload"
    : `${grouped(slots)} slots lie above its newest payload`;
}

/** Why datasets may be missing that are asked for where a relay delivered alone, where nobody looked at payloads with them. */
function unaskedWithoutPayloads(rows: readonly Coverage[]): string[] {
  if (rows.some(({ dataset }) => datasets[dataset].asked === "pages")) return [];
  const waiting = rows.filter(
    ({ dataset, missing }) => missing > 0 && datasets[dataset].target === "delivered",
  );
  return [...new Set(waiting.map(({ dataset }) => dataset))].map(
    (name) => `${name}: asked for where payloads are covered alone (--dataset payloads)`,
  );
}

/** What relays lack of a dataset; said once where all of them lack the same. */
function missingOf(rows: readonly Coverage[]): string[] {
  const [first] = rows;
  const lines = rows.filter(({ missing }) => missing > 0).flatMap(missingLines);
  const isSame = ({ missing_ranges: ranges, unproven }: Coverage) =>
    unproven === 0 && JSON.stringify(ranges) === JSON.stringify(first?.missing_ranges);
  if (!first || rows.length < 2 || lines.length === 0 || !rows.every(isSame)) return lines;
  return missingLines({ ...first, relay: `all ${rows.length} relays` });
}

/** The first missing ranges. An empty answer that nothing bears out yet isn't a failure to answer. */
function missingLines({ relay, dataset, unproven, missing_ranges: ranges }: Coverage): string[] {
  const missing = `missing: ${relay} ${dataset} ${rangesText(ranges.map(([first, last]) => ({ first, last })))}`;
  const answered = `unproven: ${relay} ${dataset} ${grouped(unproven)} of them answered without rows so far`;
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
  return `${grouped(differing)} of ${grouped(slots)} differ (${percent} % agree), ${grouped(gained)} rows more`;
}

/** The first of some runs of slots in words. */
export function rangesText(ranges: readonly SlotRange[]): string {
  const SHOWN = 3;
  const shown = ranges
    .slice(0, SHOWN)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  const more = ranges.length > SHOWN ? ` and ${grouped(ranges.length - SHOWN)} more` : "";
  return `${shown.join(", ")}${more}`;
}
