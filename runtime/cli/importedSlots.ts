import type { Network } from "../chain/networks.ts";
import type { SlotScope } from "../collect/scope.ts";
import { ImportLake } from "../imports/importLake.ts";
import { slotsOfSet } from "../imports/provenance.ts";
import type { CommonOptions } from "./options.ts";

/** What the provenance of imported files in the lake says of slots with rows, for coverage; nothing for a lake in a bucket. */
export async function importedSlots(
  { lake }: CommonOptions,
  network: Network,
): Promise<NonNullable<SlotScope["imported"]>> {
  const sets = new Map<string, Set<number>>();
  if (!lake.includes("://")) {
    const imports = new ImportLake(lake, network.name);
    for (const dataset of ["bids", "payloads"] as const)
      for await (const { slots } of imports.all(dataset))
        for (const [relay, set] of Object.entries(slots)) {
          const key = `${dataset} ${relay}`;
          const known = sets.get(key) ?? new Set<number>();
          sets.set(key, known);
          for (const slot of slotsOfSet(set)) known.add(slot);
        }
  }
  return (relay, dataset) => [...(sets.get(`${dataset} ${relay}`) ?? [])].sort((a, b) => a - b);
}
