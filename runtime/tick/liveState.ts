import { type SlotRange, intersect } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { isBad, trusted } from "../lake/lake.ts";
import type { Relay } from "../relays/relay.ts";
import { Awaiting } from "../collect/awaiting.ts";
import type { Listings } from "./listings.ts";
import { target } from "../collect/plan.ts";
import type { SlotScope } from "../collect/scope.ts";

/** How a relay's newest slots stand in the lake. */
export interface LiveState {
  readonly dataset: DatasetName;
  readonly relay: string;
  /** Slots of the newest window that the relay should have, are not covered, and not forgotten by it. */
  readonly missing: number;
  /** Slots of these that were answered without rows, which isn't proven yet. */
  readonly unproven: number;
  /** Covered slots of the newest window that wait for the relay's next payload. */
  readonly awaiting: number;
  /** Settled slots above the newest covered one. */
  readonly lagSlots: number;
}

/** Reads from a tick's listing of the newest slots (`live`) how much of them, as far as they lie in the scope, a relay has. */
export async function liveState(
  lake: Listings,
  { network, range, nowMs }: SlotScope,
  relay: Relay,
  dataset: DatasetName,
  live: SlotRange,
): Promise<LiveState> {
  const whole = target(network, relay, nowMs);
  const wanted = whole && intersect(whole, range);
  const asked = wanted && intersect(wanted, live);
  const base = { dataset, relay: relay.name };
  if (!wanted || !asked) return { ...base, missing: 0, unproven: 0, awaiting: 0, lagSlots: 0 };
  // What can't be read planning has reported.
  const horizon = await trusted(() => lake.readHorizon(dataset, relay.name), undefined);
  const oldest = horizon?.oldest_slot ?? 0;
  let [covered, unproven, awaiting] = [0, 0, 0];
  let newest = asked.first - 1;
  const isInside = (slot: number) => slot >= asked.first && slot <= asked.last;
  const waiting = new Awaiting(lake);
  for (const entry of (await lake.current(dataset, relay.name, live)).toReversed()) {
    if (isBad(entry)) continue;
    const { meta } = entry;
    if (dataset === "payloads") await waiting.add(entry);
    for (const slot of meta.unproven?.slots() ?? []) if (isInside(slot) && slot >= oldest) unproven++;
    for (const slot of meta.suspect.slots()) if (isInside(slot) && waiting.has(slot)) awaiting++;
    for (const slot of meta.covered.slots()) {
      if (!isInside(slot)) continue;
      if (slot >= oldest) covered++;
      newest = Math.max(newest, slot);
    }
  }
  const kept = Math.max(0, asked.last - Math.max(asked.first, oldest) + 1);
  return { ...base, missing: kept - covered, unproven, awaiting, lagSlots: wanted.last - newest };
}
