import { canonicalBy, type CanonicalChain } from "../chain/canonicalChain.ts";
import { simulatedNetwork, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { slotAt } from "../chain/slots.ts";
import type { Clock } from "../chain/clock.ts";
import { printable, UserError } from "../errors.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { numberOrNull } from "../warehouse/sql/values.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";

/** Opens what says which blocks are canonical. Throws UserError where that can't be asked or isn't of this network. */
export type CanonicalSource = () => Promise<CanonicalChain>;

/**
 * The node at `--canonical`, or the simulated network itself; undefined where there is neither. Nothing is asked yet: what was
 * collected is loaded first, whatever the node does. Throws UserError (exit 2) for a URL that is none.
 */
export async function canonicalOf(
  options: CommonOptions,
  { network, clock }: Context,
): Promise<CanonicalSource | undefined> {
  if (options.canonical !== undefined) {
    const { checkedUrl, openEndpoint } = await import("../nodes/nodeEndpoint.ts");
    const url = checkedUrl(options.canonical);
    return async () => canonicalBy(await openEndpoint(url, network, clock));
  }
  return network.simulated ? () => simulatedChain(options.seed, clock) : undefined;
}

/** Settles what the chain tells of; a line for the person where it can't be asked, with what is left unsettled. */
export async function settleBy(
  source: CanonicalSource | undefined,
  warehouse: Warehouse,
  { network, clock }: Context,
): Promise<string[]> {
  if (!source) return [];
  try {
    await warehouse.settle(await source());
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const newest = slotAt(network, clock.now()) - 2 * SLOTS_PER_EPOCH;
    const [row = {}] = await warehouse.query(unsettledSql(newest));
    const [slots, first, last] = ["slots", "first_slot", "last_slot"].map((name) => numberOrNull(row, name));
    const told = printable(error.message, 500);
    if (!slots) return [told];
    return [
      `${told}; the payloads of ${slots} slots (${first}-${last}) stay unsettled (reorged is null): run \`load\` again`,
    ];
  }
}

/** The slots of payloads that a chain up to `newest` would settle. */
function unsettledSql(newest: number): string {
  return `SELECT count(DISTINCT slot) AS slots, min(slot) AS first_slot, max(slot) AS last_slot
FROM payloads WHERE reorged IS NULL AND slot <= ${newest}`;
}

async function simulatedChain(seed: number, clock: Clock): Promise<CanonicalChain> {
  const { SimulatedData } = await import("../simulator/truth.ts");
  const truth = new SimulatedData({ seed, clock });
  return {
    settled: () => Promise.resolve(slotAt(simulatedNetwork(seed), clock.now()) - 2 * SLOTS_PER_EPOCH),
    blocks: (slots) =>
      Promise.resolve(new Map(slots.map((slot) => [slot, truth.canonicalHash(slot) ?? null]))),
  };
}
