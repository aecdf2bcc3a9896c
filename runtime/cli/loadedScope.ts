import { intersect, settledSlot } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import { loadedRangeSql, type Scope } from "../warehouse/sql/scope.ts";
import { numberOrNull } from "../warehouse/sql/values.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { type Context, rangeOf } from "./context.ts";
import type { CommonOptions } from "./options.ts";

/**
 * What a report or a check is about: the range that the options name, else everything that the warehouse has loaded; only
 * the relays that they name. Throws UserError when nothing is loaded.
 */
export async function loadedScope(
  options: CommonOptions,
  context: Context,
  warehouse: Warehouse,
): Promise<Scope> {
  const { network, clock } = context;
  const nowMs = clock.now();
  const names = options.relay.map((spec) => spec.split("=")[0] ?? spec);
  const common = { network, nowMs, ...(names.length > 0 ? { relays: names } : {}) };
  const named = rangeOf(options, context);
  if (named) return { ...common, range: named };
  const [row = {}] = await warehouse.query(loadedRangeSql);
  const first = numberOrNull(row, "first_slot");
  const last = numberOrNull(row, "last_slot");
  const settled = { first: network.floor, last: settledSlot(network, nowMs) };
  const range = first === null || last === null ? undefined : intersect({ first, last }, settled);
  if (!range)
    throw new UserError(
      `the warehouse ${warehouse.url} has nothing of ${network.name} yet; mev-boost-etl run collects and loads`,
    );
  return { ...common, range };
}
