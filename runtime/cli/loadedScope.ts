import { type SlotRange, intersect, settledSlot } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import { loadedRangeSql, type Scope } from "../warehouse/sql/scope.ts";
import { numberOrNull } from "../warehouse/sql/values.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { type Context, rangeOf } from "./context.ts";
import { COMMAND } from "./invoked.ts";
import type { CommonOptions } from "./options.ts";

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
  return scopeOf(options, context, named ?? (await wholeScope(context, warehouse)).range);
}

/** All slots that the warehouse has loaded, of all relays. Throws UserError when nothing is loaded. */
export async function wholeScope({ network, clock }: Context, warehouse: Warehouse): Promise<Scope> {
  const [row = {}] = await warehouse.query(loadedRangeSql);
  const first = numberOrNull(row, "first_slot");
  const last = numberOrNull(row, "last_slot");
  const settled = { first: network.floor, last: settledSlot(network, clock.now()) };
  const range = first === null || last === null ? undefined : intersect({ first, last }, settled);
  if (!range)
    throw new UserError(
      `the warehouse ${warehouse.url} has nothing of ${network.name} yet; ${COMMAND} run collects and loads`,
    );
  return { network, nowMs: clock.now(), range };
}
