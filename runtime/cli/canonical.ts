import { simulatedNetwork, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { slotAt } from "../chain/slots.ts";
import type { Clock } from "../chain/clock.ts";
import { printable, UserError } from "../errors.ts";
import type { CanonicalChain, Warehouse } from "../warehouse/warehouse.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";

/**
 * What says which blocks are canonical: the node at `--canonical`, or the simulated network itself; undefined where there is
 * neither. Throws UserError when the node isn't one of this network.
 */
export async function canonicalOf(
  options: CommonOptions,
  { network, clock }: Context,
): Promise<CanonicalChain | undefined> {
  if (options.canonical !== undefined) {
    const { openEndpoint } = await import("../warehouse/canonicalEndpoint.ts");
    return openEndpoint(options.canonical, network, clock);
  }
  return network.simulated ? simulatedChain(options.seed, clock) : undefined;
}

/** Settles what the chain tells of; lines for the person where it can't be asked. */
export async function settleBy(chain: CanonicalChain | undefined, warehouse: Warehouse): Promise<string[]> {
  if (!chain) return [];
  try {
    await warehouse.settle(chain);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [printable(error.message, 500)];
  }
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
