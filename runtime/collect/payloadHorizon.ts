import { DATASET_NAMES, datasets } from "../datasets/dataset.ts";
import { isBad, trusted } from "../lake/lake.ts";
import { serves } from "../relays/relay.ts";
import { oldestKept } from "./coverage.ts";
import type { RelayJob } from "./relayJob.ts";

/**
 * Writes down that a relay shows no payload below a slot. What is had of slots in which it delivered can't be had there either, as
 * nobody will know which these are: not from the oldest payloads on that the lake has covered, of which that is known.
 */
export async function keepPayloadHorizon(job: RelayJob, oldest: number): Promise<void> {
  const { relay, lake, clock } = job;
  const asked_at = new Date(clock.now()).toISOString();
  await lake.writeHorizon("payloads", relay.name, { oldest_slot: oldest, asked_at });
  const byDelivery = DATASET_NAMES.filter(
    (name) => datasets[name].target === "delivered" && serves(relay, name),
  );
  if (byDelivery.length === 0) return;
  const oldest_slot = Math.min(oldest, await oldestCovered(job, oldest));
  for (const name of byDelivery) {
    // A relay that doesn't serve it at all has a horizon above that; one that can't be read is made anew.
    const known = await trusted(() => lake.readHorizon(name, relay.name), undefined);
    if ((oldestKept(known, clock.now()) ?? -1) > oldest_slot) continue;
    await lake.writeHorizon(name, relay.name, { oldest_slot, asked_at });
  }
}

/** The oldest slot below another one of which the lake has the payloads covered; Infinity where it has none. */
async function oldestCovered({ lake, relay, target }: RelayJob, below: number): Promise<number> {
  for await (const entry of lake.list("payloads", relay.name, { first: target.first, last: below - 1 })) {
    if (isBad(entry)) continue;
    const [slot] = entry.meta.covered.slots();
    if (slot !== undefined) return slot;
  }
  return Infinity;
}
