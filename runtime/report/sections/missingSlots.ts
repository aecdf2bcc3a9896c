import { type SlotRange, intersect, slotCount } from "../../chain/slots.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { type Scope, relayIn } from "../../warehouse/sql/scope.ts";
import type { Results } from "../asking.ts";
import type { Showing } from "../section.ts";
import { type ResultRow, groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { coverageCounts } from "./coverageCounts.ts";

/** Runs of missing slots that are looked for. */
const RUNS_READ = 5000;

/** A run of slots of one relay and dataset that are missing. */
export interface MissingRun {
  readonly dataset: string;
  readonly relay: string;
  readonly first_slot: number;
  readonly last_slot: number;
}

/** Runs of slots without a chunk, and chunks that aren't whole, newest first. */
export function gapsSql(d: SqlDialect, scope: Scope): string {
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

/** Slots that are neither covered nor forgotten, as runs, newest first; of active relays only. */
export function missingRuns(results: Results, showing: Showing): MissingRun[] {
  const rows = groupBy(results["gaps"] ?? [], (row) => `${textIn(row, "dataset")} ${textIn(row, "relay")}`);
  const { relays } = coverageCounts(results, showing);
  return relays
    .filter(({ state, missing }) => state === "active" && missing > 0)
    .flatMap(({ dataset, relay, wanted, horizon, covered }) => {
      const remembered = intersect(wanted, { first: horizon, last: wanted.last });
      if (!remembered) return [];
      const whole = [{ first: wanted.first, last: wanted.last }];
      const uncovered =
        covered === 0 ? whole : (rows.get(`${dataset} ${relay}`) ?? []).flatMap((row) => uncoveredOf(row));
      return joinedRuns(uncovered.flatMap((run) => intersect(run, remembered) ?? [])).map(
        ({ first, last }) => ({ dataset, relay, first_slot: first, last_slot: last }),
      );
    })
    .toSorted((a, b) => b.first_slot - a.first_slot || (a.relay < b.relay ? -1 : 1));
}

function uncoveredOf(row: ResultRow): SlotRange[] {
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

/** Slots whose payloads are missing at one active relay at least. */
export function missingSomewhere(results: Results, showing: Showing): number {
  const runs = missingRuns(results, showing)
    .filter(({ dataset }) => dataset === "payloads")
    .map(({ first_slot, last_slot }) => ({ first: first_slot, last: last_slot }));
  return sumOf(joinedRuns(runs), slotCount);
}
