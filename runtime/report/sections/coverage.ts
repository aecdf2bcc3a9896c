import { SECONDS_PER_SLOT } from "../../chain/networks.ts";
import { slotStartMs } from "../../chain/slots.ts";
import { AUCTION } from "../../datasets/dataset.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { count, durationText, percent } from "../format.ts";
import { type Scope, bucketSql, relayIn, scopeSlots } from "../../warehouse/sql/scope.ts";
import type { Ask, Results } from "../asking.ts";
import type { Figure, Section, Showing, PageTable, Tile } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { sumOf } from "../../warehouse/sql/values.ts";
import { type RelayCoverage, coverageCounts } from "./coverageCounts.ts";
import { folded, relaysText } from "./folded.ts";
import { heatMap } from "./heatMap.ts";

export const coverageSection: Section = {
  id: "coverage",
  title: "Coverage",
  statements: (d, ask) => ({
    horizons: `SELECT dataset, relay, oldest_slot FROM horizons WHERE true${relayIn(d, ask.scope)}`,
    relays: `SELECT name, state, active_from, active_to, collect_from FROM relays
WHERE true${relayIn(d, ask.scope, "name")} ORDER BY name`,
    held: heldSql(d, ask),
    newest: newestSql(d, ask.scope),
  }),
  view: viewOf(coverageFound, coverageFigures, coverageTables, coverageTiles),
};

function chunksIn(d: SqlDialect, scope: Scope): string {
  const { first, last } = scope.range;
  return `last_slot >= ${first} AND first_slot <= ${last}${relayIn(d, scope)}`;
}

/** Chunks are cut at the borders of buckets, and slots counted in the text of their bits, never one by one. */
function heldSql(d: SqlDialect, { scope, fine }: Ask): string {
  const { first, last } = scope.range;
  const ones = (bits: string, to: string, from = "piece_first") =>
    `sum(length(replace(substr(${bits}, ${from} - first_slot + 1, greatest(${to} - ${from} + 1, 0)), '0', '')))`;
  const start = `${fine.origin} + ${fine.step} * bucket`;
  return `WITH chunks AS (
  SELECT dataset, relay, first_slot, last_slot, covered, suspect, coalesce(unproven, '') AS unproven,
    coalesce(oldest_slot, 0) AS horizon
  FROM (SELECT dataset AS of_dataset, relay AS of_relay, oldest_slot FROM horizons) AS horizons
  RIGHT JOIN loads ON of_dataset = dataset AND of_relay = relay
  WHERE ${chunksIn(d, scope)}
), pieces AS (
  SELECT chunks.*, bucket, greatest(first_slot, ${first}, ${start}) AS piece_first,
    least(last_slot, ${last}, ${start} + ${fine.step - 1}) AS piece_last
  FROM chunks CROSS JOIN ${d.integers(
    bucketSql(d, fine, `greatest(first_slot, ${first})`),
    bucketSql(d, fine, `least(last_slot, ${last})`),
    "bucket",
  )}
)
SELECT dataset, relay, bucket, ${ones("covered", "piece_last")} AS covered,
  ${ones("covered", "least(piece_last, horizon - 1)")} AS covered_below_horizon,
  ${ones("suspect", "piece_last")} AS suspect,
  ${ones("unproven", "piece_last", "greatest(piece_first, horizon)")} AS unproven
FROM pieces GROUP BY dataset, relay, bucket`;
}

function newestSql(d: SqlDialect, scope: Scope): string {
  return `WITH chunks AS (
  SELECT dataset, relay, first_slot, substr(covered, 1, greatest(${scope.range.last} - first_slot + 1, 0)) AS bits
  FROM loads WHERE ${chunksIn(d, scope)}
)
SELECT dataset, relay, max(first_slot + length(rtrim(bits, '0')) - 1) AS newest
FROM chunks WHERE bits LIKE '%1%' GROUP BY dataset, relay`;
}

function coverageFound(results: Results, showing: Showing) {
  const { relays, cells } = coverageCounts(results, showing);
  const numbers = {
    relays: relays.map(({ wanted, horizon, ...rest }) => ({
      ...rest,
      first_slot: wanted.first,
      last_slot: wanted.last,
      horizon,
    })),
    buckets: cells.map(({ bucket, ...rest }) => ({
      ...rest,
      first_slot: scopeSlots(showing.fine, bucket, showing.scope.range).first,
    })),
  };
  return { numbers, relays, cells };
}

type Found = ReturnType<typeof coverageFound>;

function coverageFigures({ relays, cells }: Found, showing: Showing): Figure[] {
  return AUCTION.map((dataset) => heatMap(dataset, relays, cells, showing));
}

function coverageTables({ relays }: Found): PageTable[] {
  return [
    {
      title: "Slots by relay, and how long ago the newest covered one ended",
      columns: columnsOf(
        ["relay", "dataset"],
        [
          "slots",
          "covered",
          "missing",
          "of it unproven",
          "unavailable",
          "suspect",
          "newest covered",
          "ended",
        ],
      ),
      rows: folded(relays, saidOf).map(({ relays: names, datasets: held, one: row }) => [
        row.state === "active" ? relaysText(names) : `${relaysText(names)} (${row.state})`,
        held.join(", "),
        ...[row.slots, row.covered, row.missing, row.unproven, row.unavailable, row.suspect].map(count),
        row.last_covered_slot === null ? "none" : String(row.last_covered_slot),
        row.seconds_since === null
          ? "never"
          : { shown: `${durationText(row.seconds_since)} ago`, value: row.seconds_since },
      ]),
      from: ["newest"],
    },
  ];
}

/** What the table says of a relay's slots. */
function saidOf({
  state,
  slots,
  covered,
  missing,
  unproven,
  unavailable,
  suspect,
  ...row
}: RelayCoverage): string {
  return [state, slots, covered, missing, unproven, unavailable, suspect, row.last_covered_slot].join(" ");
}

function coverageTiles({ relays }: Found, { scope }: Showing): Tile[] {
  const active = relays.filter(({ state }) => state === "active");
  const total = (figure: (row: RelayCoverage) => number) => sumOf(active, figure);
  const [slots, covered] = [total((row) => row.slots), total((row) => row.covered)];
  const gaps = [
    [total(({ missing }) => missing), "missing"],
    [total(({ unavailable }) => unavailable), "forgotten by their relay"],
    [total(({ suspect }) => suspect), "suspect"],
  ] as const;
  const newest = Math.max(-1, ...active.map((row) => row.last_covered_slot ?? -1));
  const behind = active.filter((row) => (row.last_covered_slot ?? -1) < newest).length;
  const ended = (scope.nowMs - slotStartMs(scope.network, newest + 1)) / 1000;
  return [
    {
      label: "Newest slot",
      value: newest < 0 ? "none" : String(newest),
      n:
        newest < 0
          ? "nothing is covered"
          : `ended ${durationText(Math.max(0, ended))} before this page was made`,
      gap:
        behind === 0 ? "" : `${count(behind)} of ${count(active.length)} relays and datasets end before it`,
    },
    {
      label: "Coverage",
      value: slots === 0 ? "none" : percent(covered / slots),
      n: `of ${count(slots)} slots of relays and datasets`,
      gap: gaps
        .filter(([number]) => number > 0)
        .map(([number, what]) => `${count(number)} ${what}`)
        .join(", "),
    },
  ];
}

/** The coverage in one sentence, for the head of the page. */
export function verdictOf(relays: readonly RelayCoverage[]): string {
  const active = relays.filter(({ state }) => state === "active");
  const slots = sumOf(active, (row) => row.slots);
  const missing = sumOf(active, (row) => row.missing);
  const unproven = sumOf(active, (row) => row.unproven);
  const unavailable = sumOf(active, (row) => row.unavailable);
  const suspect = sumOf(active, (row) => row.suspect);
  if (slots === 0) return "No slots of an active relay lie in this range.";
  const names = new Set(active.map(({ relay }) => relay));
  const of = `of ${count(names.size)} active ${names.size === 1 ? "relay" : "relays"}`;
  const doubtful = suspect === 0 ? "none is suspect" : `${count(suspect)} covered ones are suspect`;
  const forgotten =
    unavailable === 0
      ? ""
      : ` ${count(unavailable)} had been forgotten by their relay before they were asked for;`;
  if (missing === 0)
    return `Complete: all that can be had ${of} is here, ${count(slots - unavailable)} slots of bids and payloads;${forgotten} ${doubtful}.`;
  const answered =
    unproven === 0 ? "" : ` ${count(unproven)} of them were answered without rows, which isn't proven yet;`;
  return (
    `Incomplete: ${count(missing)} of ${count(slots)} slots ${of} are missing (${percent(missing / slots)});` +
    `${answered}${forgotten} ${doubtful}.`
  );
}

/** Seconds in so many slots, for what is said of rates a day. */
export const SLOTS_A_DAY = 86_400 / SECONDS_PER_SLOT;
