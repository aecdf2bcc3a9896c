import type { Clock } from "../chain/clock.ts";
import { simulatedNetwork, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { slotAt } from "../chain/slots.ts";
import { SimulatedData } from "../simulator/truth.ts";
import type { CanonicalChain } from "../warehouse/warehouse.ts";

/** The canonical chain of the simulated network of a seed. */
export function simulatedChain(seed: number, clock: Clock): CanonicalChain {
  const truth = new SimulatedData({ seed, clock });
  return {
    settled: () => Promise.resolve(slotAt(simulatedNetwork(seed), clock.now()) - 2 * SLOTS_PER_EPOCH),
    blocks: (slots) =>
      Promise.resolve(new Map(slots.map((slot) => [slot, truth.canonicalHash(slot) ?? null]))),
  };
}
