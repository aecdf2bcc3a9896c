import { type SlotRange, intersect, settledSlot, slotCount, slotStartMs } from "../../chain/slots.ts";
import { type DatasetName, AUCTION } from "../../datasets/dataset.ts";
import { type Scope, scopeSlots } from "../../warehouse/sql/scope.ts";
import type { Ask, Results } from "../asking.ts";
import { type ResultRow, numberIn, numberOrNull, sumOf, textIn } from "../../warehouse/sql/values.ts";

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

/** The slots of a relay and dataset in the whole range. */
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

/** The slots of a relay and dataset in one bucket. */
export interface DayCell extends States {
  readonly dataset: DatasetName;
  readonly relay: string;
  readonly bucket: number;
}

/** What the statements say, counted against the slots that each relay should have. */
export function coverageCounts(
  results: Results,
  { scope, fine }: Ask,
  nowMs = scope.nowMs,
): { relays: RelayCoverage[]; cells: DayCell[] } {
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
  const horizons = horizonsIn(results);
  const relays: RelayCoverage[] = [];
  const cells: DayCell[] = [];
  for (const row of results["relays"] ?? []) {
    const relay = textIn(row, "name");
    const state = textIn(row, "state");
    const target = targetOf(row, scope, nowMs);
    for (const dataset of AUCTION) {
      const horizon = horizons.get(`${dataset} ${relay}`) ?? 0;
      const own: DayCell[] = [];
      for (let bucket = fine.first; bucket <= fine.last; bucket++) {
        const slots = target && intersect(target, scopeSlots(fine, bucket, scope.range));
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

function targetOf(row: ResultRow, { network, range }: Scope, nowMs: number): SlotRange | undefined {
  const first = Math.max(
    network.floor,
    numberOrNull(row, "active_from") ?? 0,
    numberOrNull(row, "collect_from") ?? 0,
  );
  const settled = settledSlot(network, nowMs);
  const last = Math.min(numberOrNull(row, "active_to") ?? settled, settled);
  return first <= last ? intersect({ first, last }, range) : undefined;
}

function statesOf({ first, last }: SlotRange, horizon: number, row: ResultRow | undefined): States {
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

/** The oldest slot that each relay shows of a dataset, by both. */
function horizonsIn(results: Results): ReadonlyMap<string, number> {
  return new Map(
    (results["horizons"] ?? []).map((row) => [
      `${textIn(row, "dataset")} ${textIn(row, "relay")}`,
      numberIn(row, "oldest_slot"),
    ]),
  );
}
