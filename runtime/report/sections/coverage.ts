import { SECONDS_PER_SLOT } from "../../chain/networks.ts";
import { type SlotRange, intersect, settledSlot, slotCount, slotStartMs } from "../../chain/slots.ts";
import { type DatasetName, DATASET_NAMES } from "../../datasets/dataset.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { NARROW, fitted, leftMargin, timeAxis, timesOf } from "../axes.ts";
import { count, duration, percent, slotsAndTime } from "../format.ts";
import { type Scope, bucketSql, relayIn, slotsOf } from "../../warehouse/sql/scope.ts";
import type { Ask, Figure, Results, Section, Showing, View } from "../section.ts";
import { type Row, numberIn, numberOrNull, sumOf, textIn } from "../../warehouse/sql/values.ts";

/** What is known of the slots of one relay and dataset, in a bucket or in all. */
interface States {
  readonly slots: number;
  readonly covered: number;
  /** Part of `covered`. */
  readonly suspect: number;
  readonly missing: number;
  /** Part of `missing`: answered without rows, which nothing has shown to be true yet. */
  readonly unproven: number;
  readonly unavailable: number;
}

export interface RelayCoverage extends States {
  readonly dataset: DatasetName;
  readonly relay: string;
  readonly state: string;
  /** The slots of the range that the relay should have. */
  readonly wanted: SlotRange;
  /** Oldest slot that it remembers; 0 where that isn't known. */
  readonly horizon: number;
  /** Newest covered slot of the range; null where there is none. */
  readonly last_covered_slot: number | null;
  /** From the end of that slot to the time of the report, s. */
  readonly seconds_since: number | null;
}

interface Cell extends States {
  readonly dataset: DatasetName;
  readonly relay: string;
  readonly bucket: number;
}

export const STATES = [
  { key: "clean", label: "covered", colour: "var(--covered)" },
  { key: "suspect", label: "covered, but suspect", colour: "var(--suspect)" },
  { key: "missing", label: "missing", colour: "var(--missing)" },
  { key: "unavailable", label: "unavailable: the relay has forgotten it", colour: "var(--unavailable)" },
] as const;

/** What doesn't fill this much of a cell is drawn as large all the same, so that it is seen. */
const LEAST_SEEN = 0.2;

export const coverageSection: Section = {
  id: "coverage",
  title: "Coverage",
  statements: (d, ask) => ({
    relays: `SELECT name, state, active_from, active_to, collect_from, bids_horizon, payloads_horizon FROM relays
WHERE true${relayIn(d, ask.scope, "name")} ORDER BY name`,
    held: heldSql(d, ask),
    newest: newestSql(d, ask.scope),
  }),
  view: coverageView,
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
    coalesce(CASE dataset WHEN 'bids' THEN bids_horizon ELSE payloads_horizon END, 0) AS horizon
  FROM loads LEFT JOIN relays ON relays.name = relay
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

function coverageView(results: Results, showing: Showing): View {
  const { relays, cells } = coverageOf(results, showing);
  const numbers = {
    relays: relays.map(({ wanted, horizon, ...rest }) => ({
      ...rest,
      first_slot: wanted.first,
      last_slot: wanted.last,
      horizon,
    })),
    buckets: cells.map(({ bucket, ...rest }) => ({
      ...rest,
      first_slot: slotsOf(showing.fine, bucket, showing.scope.range).first,
    })),
  };
  return {
    numbers,
    figures: DATASET_NAMES.map((dataset) => heatMap(dataset, relays, cells, showing)),
    tables: [
      {
        title: "Slots by relay, and how long ago the newest covered one ended",
        columns: [
          { label: "relay", numeric: false },
          { label: "dataset", numeric: false },
          ...[
            "slots",
            "covered",
            "missing",
            "of it unproven",
            "unavailable",
            "suspect",
            "newest covered",
            "ended",
          ].map((label) => ({ label, numeric: true })),
        ],
        rows: relays.map((row) => [
          row.state === "active" ? row.relay : `${row.relay} (${row.state})`,
          row.dataset,
          ...[row.slots, row.covered, row.missing, row.unproven, row.unavailable, row.suspect].map(count),
          row.last_covered_slot === null ? "none" : String(row.last_covered_slot),
          row.seconds_since === null
            ? "never"
            : { shown: `${duration(row.seconds_since)} ago`, value: row.seconds_since },
        ]),
        from: ["newest"],
      },
    ],
  };
}

/** What the statements say, counted against the slots that each relay should have. */
export function coverageOf(
  results: Results,
  { scope, fine }: Ask,
  nowMs = scope.nowMs,
): { relays: RelayCoverage[]; cells: Cell[] } {
  const held = new Map(
    (results["held"] ?? []).map((row) => [
      `${textIn(row, "dataset")} ${textIn(row, "relay")} ${numberIn(row, "bucket")}`,
      row,
    ]),
  );
  const newest = new Map(
    (results["newest"] ?? []).map((row) => [
      `${textIn(row, "dataset")} ${textIn(row, "relay")}`,
      numberIn(row, "newest"),
    ]),
  );
  const relays: RelayCoverage[] = [];
  const cells: Cell[] = [];
  for (const row of results["relays"] ?? []) {
    const relay = textIn(row, "name");
    const state = textIn(row, "state");
    const target = targetOf(row, scope, nowMs);
    for (const dataset of DATASET_NAMES) {
      const horizon = numberOrNull(row, `${dataset}_horizon`) ?? 0;
      const own: Cell[] = [];
      for (let bucket = fine.first; bucket <= fine.last; bucket++) {
        const slots = target && intersect(target, slotsOf(fine, bucket, scope.range));
        const counts = held.get(`${dataset} ${relay} ${bucket}`);
        if (slots) own.push({ dataset, relay, bucket, ...statesOf(slots, horizon, counts) });
      }
      const total = (key: keyof States) => sumOf(own, (cell) => cell[key]);
      const covered = total("covered");
      // What relays left that aren't asked any more is shown; where they left nothing there is nothing to say.
      if (!target || (covered === 0 && (state !== "active" || own.length === 0))) continue;
      cells.push(...own);
      const last = newest.get(`${dataset} ${relay}`) ?? null;
      relays.push({
        dataset,
        relay,
        state,
        wanted: target,
        horizon,
        slots: total("slots"),
        covered,
        missing: total("missing"),
        unproven: total("unproven"),
        unavailable: total("unavailable"),
        suspect: total("suspect"),
        last_covered_slot: last,
        seconds_since:
          last === null ? null : Math.max(0, (nowMs - slotStartMs(scope.network, last + 1)) / 1000),
      });
    }
  }
  return { relays, cells };
}

function targetOf(row: Row, { network, range }: Scope, nowMs: number): SlotRange | undefined {
  const first = Math.max(
    network.floor,
    numberOrNull(row, "active_from") ?? 0,
    numberOrNull(row, "collect_from") ?? 0,
  );
  const settled = settledSlot(network, nowMs);
  const last = Math.min(numberOrNull(row, "active_to") ?? settled, settled);
  return first <= last ? intersect({ first, last }, range) : undefined;
}

function statesOf({ first, last }: SlotRange, horizon: number, row: Row | undefined): States {
  const slots = slotCount({ first, last });
  const covered = row ? numberIn(row, "covered") : 0;
  const coveredBelow = row ? numberIn(row, "covered_below_horizon") : 0;
  const below = Math.max(0, Math.min(last, horizon - 1) - first + 1);
  const unavailable = Math.max(0, below - coveredBelow);
  const suspect = row ? numberIn(row, "suspect") : 0;
  const missing = Math.max(0, slots - covered - unavailable);
  const unproven = Math.min(missing, row ? numberIn(row, "unproven") : 0);
  return { slots, covered, suspect, unavailable, missing, unproven };
}

function heatMap(
  dataset: DatasetName,
  relays: readonly RelayCoverage[],
  cells: readonly Cell[],
  { scope, fine }: Showing,
): Figure {
  const names = relays.filter((row) => row.dataset === dataset).map(({ relay }) => relay);
  const own = cells.filter((cell) => cell.dataset === dataset);
  return {
    id: `coverage-${dataset}`,
    title: `Coverage of ${dataset}`,
    units: `a row a relay, a column ${slotsAndTime(fine.step)}`,
    read:
      "A cell is filled from below in proportion to its slots' states; a state that few slots have is drawn large enough to " +
      "be seen. A row in one colour without a gap is a relay of which every slot is held.",
    from: ["relays", "held"],
    legend: STATES.map(({ label, colour }) => ({ label, colour })),
    plot:
      names.length === 0
        ? "No relay of this network is known to the warehouse yet."
        : (plotting, width) => {
            const marginLeft = leftMargin(names, width);
            const time = timeAxis(plotting, scope, width);
            const row = new Map(names.map((name, index) => [name, names.length - 1 - index]));
            const rectangles = own.flatMap((cell) => rectanglesOf(cell, row.get(cell.relay) ?? 0));
            return {
              height: names.length * (width < NARROW ? 20 : 22) + 50,
              marginLeft,
              marginTop: 8,
              marginBottom: 40,
              x: time.scale,
              y: { domain: [0, names.length], label: null },
              color: { domain: STATES.map(({ key }) => key), range: STATES.map(({ colour }) => colour) },
              marks: [
                time.mark,
                plotting.axisY(
                  names.map((_, index) => names.length - 0.5 - index),
                  {
                    tickFormat: (at: number) => fitted(names[names.length - 0.5 - at] ?? "", marginLeft),
                    tickSize: 0,
                    label: null,
                  },
                ),
                plotting.rect(joined(rectangles), {
                  x1: (one: Rectangle) => timesOf(fine, one.from, scope).x1,
                  x2: (one: Rectangle) => timesOf(fine, one.to, scope).x2,
                  y1: "y1",
                  y2: "y2",
                  fill: "state",
                  inset: 0,
                  title: (one: Rectangle) => titleOf(one, scope, fine),
                }),
              ],
            };
          },
  };
}

interface Rectangle {
  readonly relay: string;
  readonly from: number;
  readonly to: number;
  readonly y1: number;
  readonly y2: number;
  readonly state: string;
  readonly share: number;
}

/** A cell's states one above the other, each large enough to be seen. */
function rectanglesOf(cell: Cell, row: number): Rectangle[] {
  const { covered, suspect, missing, unavailable, slots, relay, bucket } = cell;
  const counts = { clean: covered - suspect, suspect, missing, unavailable };
  const present = STATES.map(({ key }) => ({ key, share: counts[key] / slots })).filter(
    ({ share }) => share > 0,
  );
  const drawn = present.map((one) => ({ ...one, height: Math.max(one.share, LEAST_SEEN) }));
  const total = sumOf(drawn, ({ height }) => height);
  const MARGIN = 0.06;
  let y = row + MARGIN;
  return drawn.map(({ key, share, height }) => {
    const y1 = y;
    y += (height / total) * (1 - 2 * MARGIN);
    return { relay, from: bucket, to: bucket, y1, y2: y, state: key, share };
  });
}

/** Neighbours in one state alone are one rectangle: a page of a long range stays small. */
function joined(rectangles: readonly Rectangle[]): Rectangle[] {
  const result: Rectangle[] = [];
  for (const one of rectangles) {
    const before = result.at(-1);
    const goesOn =
      before?.relay === one.relay &&
      before.to + 1 === one.from &&
      before.state === one.state &&
      before.share === 1 &&
      one.share === 1;
    if (goesOn) result[result.length - 1] = { ...before, to: one.to };
    else result.push(one);
  }
  return result;
}

function titleOf({ relay, from, to, state, share }: Rectangle, scope: Scope, fine: Ask["fine"]): string {
  const { first } = slotsOf(fine, from, scope.range);
  const { last } = slotsOf(fine, to, scope.range);
  const label = STATES.find(({ key }) => key === state)?.label ?? state;
  return `${relay}, slots ${first}–${last}: ${percent(share)} ${label}`;
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
