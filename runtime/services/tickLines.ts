import { countsOf } from "../collect/tally.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { printable } from "../errors.ts";
import { withoutCredentials } from "../log.ts";
import type { RelayClient } from "../relays/http/client.ts";
import type { TickResult } from "../tick/tick.ts";
import type { LineOf } from "./logLines.ts";

/** What a tick counted, as fields of its line; all 0 for a tick that failed. */
export function tickCounts(
  result: Pick<TickResult, "tallies" | "loaded"> | undefined,
): Omit<LineOf<"tick">, "dataset" | "outcome" | "seconds" | "relays"> {
  const { tallies = [], loaded } = result ?? {};
  return {
    relays_failed: tallies.filter(({ lastError }) => lastError !== undefined).length,
    load_rows: loaded?.rows ?? 0,
    load_slots: loaded?.slots ?? 0,
    load_objects: loaded?.objects ?? 0,
    load_bytes: loaded?.bytes ?? 0,
    load_waiting: loaded?.waiting ?? 0,
    load_failed: loaded?.failed.length ?? 0,
    faults: tallies.reduce((sum, { faults }) => sum + faults.length, 0),
  };
}

/** A relay's line of a tick; a client counts what it was refused for both datasets, so that stands beside it. */
export type RelayCounts = Omit<LineOf<"relay">, "refused">;

/** What a tick did with one relay and dataset; undefined for a relay that it didn't ask. */
export function relayCounts(
  dataset: DatasetName,
  { relay: { name } }: { readonly relay: Pick<RelayClient["relay"], "name"> },
  { tallies, live }: Pick<TickResult, "tallies" | "live">,
): RelayCounts | undefined {
  const tally = tallies.find(({ relay }) => relay === name);
  const state = live.find((one) => one.relay === name && one.dataset === dataset);
  if (!tally) return undefined;
  const { covered, rows, quarantined, rereads, ways } = countsOf(tally, dataset);
  const { missing = 0, unproven = 0, awaiting = 0, lagSlots = 0 } = state ?? {};
  return {
    dataset,
    relay: name,
    covered,
    missing,
    unproven,
    awaiting,
    rows,
    quarantined,
    answers_kernel: ways.kernel,
    answers_fallback: ways.fallback,
    reread: rereads.slots,
    reread_differing: rereads.differing,
    reread_rows_gained: rereads.rowsGained,
    lag_slots: lagSlots,
  };
}

/** Faults that a line lists; the numbers beside them count all. */
const MOST_LISTED = 20;

/** What went wrong in a tick that did its work, cut short. */
export function troubles({ tallies, loaded }: Pick<TickResult, "tallies" | "loaded">): {
  readonly unanswered: readonly string[];
  readonly objects_at_fault: readonly string[];
} {
  const unanswered = tallies.flatMap(({ lastError }) =>
    lastError === undefined ? [] : [said(lastError, 300)],
  );
  const faults = [
    ...tallies.flatMap((tally) => tally.faults),
    ...(loaded?.failed ?? []).map(({ error }) => error),
  ];
  return { unanswered, objects_at_fault: faults.slice(0, MOST_LISTED).map((fault) => said(fault, 300)) };
}

/** Text from elsewhere that may be shown: escaped, cut, without credentials. */
export function said(text: string, limit: number): string {
  return withoutCredentials(printable(text, limit));
}
