import { type Network, SECONDS_PER_SLOT } from "../chain/networks.ts";
import type { FilteringPeriod, Relay } from "./relay.ts";

/** A relay as the directory's data files write it: what isn't said is as with most relays. */
export type Described = Pick<Relay, "name" | "url" | "pubkey"> & {
  /** The same at all times, by periods, or null where it isn't known. */
  readonly filtering: FilteringPeriod["filtering"] | readonly FilteringPeriod[] | null;
} & Partial<Omit<Relay, "name" | "url" | "pubkey" | "filtering" | "collectFrom" | "hasEnded">>;

/** Fills in what most relays have in common: 200 payloads a page, one request a second (no limit is published). */
export function relayOf({ filtering, ...described }: Described): Relay {
  return {
    dialect: "flashbots",
    payloadLimit: 200,
    state: "active",
    activeFrom: null,
    activeTo: null,
    collectFrom: null,
    aliasOf: null,
    adjusts: false,
    requestsPerSecond: 1,
    ...described,
    filtering: periodsOf(filtering),
  };
}

function periodsOf(filtering: Described["filtering"]): readonly FilteringPeriod[] {
  if (filtering === null) return [];
  return typeof filtering === "string" ? [{ from: null, to: null, filtering }] : filtering;
}

/** The first slot that began on a day (UTC), `2023-12-18`; for what is known of relays by date. */
export function firstSlotOf(network: Pick<Network, "genesis"> | undefined, date: string): number {
  if (!network) throw new RangeError("no network to count the slots of");
  const midnight = Date.parse(`${date}T00:00:00Z`) / 1000;
  return Math.ceil((midnight - network.genesis) / SECONDS_PER_SLOT);
}

/** The last slot that began on a day (UTC). */
export function lastSlotOf(network: Pick<Network, "genesis"> | undefined, date: string): number {
  const next = new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return firstSlotOf(network, next) - 1;
}
