import type { Network } from "../chain/networks.ts";
import { type SlotRange, intersect, settledSlot, slotsOfDay, slotStartMs } from "../chain/slots.ts";
import { DATASET_NAMES } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import { prunedDaysSql } from "../warehouse/sql/prunable.ts";
import { loadedRangeSql, type Scope } from "../warehouse/sql/scope.ts";
import { numberIn, numberOrNull } from "../warehouse/sql/values.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { type Context, rangeOf } from "./context.ts";
import { COMMAND } from "./invoked.ts";
import type { CommonOptions } from "./options.ts";

const DAY_MS = 86_400_000;

/** A range of the network, and only the relays that the options name. */
export function scopeOf(options: CommonOptions, { network, clock }: Context, range: SlotRange): Scope {
  const relays = options.relay.map((spec) => spec.split("=")[0] ?? spec);
  return { network, nowMs: clock.now(), range, ...(relays.length > 0 ? { relays } : {}) };
}

/**
 * What a report or a check is about: the range that the options name, else everything that the warehouse has loaded; only
 * the relays that they name. Throws UserError when nothing is loaded.
 */
export async function loadedScope(
  options: CommonOptions,
  context: Context,
  warehouse: Warehouse,
): Promise<Scope> {
  const named = rangeOf(options, context);
  if (!named) return scopeOf(options, context, (await wholeScope(context, warehouse)).range);
  const last = await lastPruned(warehouse, context.network, named);
  if (last !== undefined)
    context.say(
      `rows up to slot ${last} have been pruned from ${warehouse.url}, and are missing from what follows; load --rebuild --slots ${named.first}-${Math.min(last, named.last)} restores them`,
    );
  return scopeOf(options, context, named);
}

/**
 * All slots that the warehouse holds, of all relays: what it has loaded, after the days that were pruned, which are told. Throws
 * UserError when it holds nothing.
 */
export async function wholeScope({ network, clock, note }: Context, warehouse: Warehouse): Promise<Scope> {
  const [row = {}] = await warehouse.query(loadedRangeSql);
  const first = numberOrNull(row, "first_slot");
  const last = numberOrNull(row, "last_slot");
  const settled = { first: network.floor, last: settledSlot(network, clock.now()) };
  const range = first === null || last === null ? undefined : intersect({ first, last }, settled);
  if (!range)
    throw new UserError(
      `the warehouse ${warehouse.url} has nothing of ${network.name} yet; ${COMMAND} run collects and loads`,
    );
  const pruned = await lastPruned(warehouse, network, range);
  if (pruned === undefined) return { network, nowMs: clock.now(), range };
  const restored = `load --rebuild --slots ${range.first}-${Math.min(pruned, range.last)} restores them`;
  if (pruned >= range.last)
    throw new UserError(`all rows of ${network.name} have been pruned from ${warehouse.url}; ${restored}`);
  note(`slots ${range.first}-${pruned} are left out: rows of them have been pruned; ${restored}`);
  return { network, nowMs: clock.now(), range: { first: pruned + 1, last: range.last } };
}

/** The last slot of the newest day that the range touches and that was pruned, of either dataset; undefined where none was. */
async function lastPruned(
  warehouse: Warehouse,
  network: Network,
  { first, last }: SlotRange,
): Promise<number | undefined> {
  const d = sqlDialectOf(warehouse.url);
  // Whole days, since the chunks that the range touches begin before it.
  const dayOf = (slot: number) => Math.floor(slotStartMs(network, slot) / DAY_MS);
  const range = {
    first: slotsOfDay(network, dayOf(first)).first,
    last: slotsOfDay(network, dayOf(last)).last,
  };
  const days: number[] = [];
  for (const dataset of DATASET_NAMES) {
    const rows = await warehouse.query(prunedDaysSql(d, dataset, { network, range, nowMs: 0 }));
    days.push(...rows.map((row) => numberIn(row, "day")));
  }
  return days.length === 0 ? undefined : slotsOfDay(network, Math.max(...days)).last;
}
