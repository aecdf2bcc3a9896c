import { type Network, SECONDS_PER_SLOT } from "../chain/networks.ts";
import type { Relay } from "./relay.ts";

/** A relay as the directory's data files write it: what isn't said is as with most relays. */
export type Described = Pick<Relay, "name" | "url" | "pubkey" | "filtering"> &
  Partial<
    Pick<
      Relay,
      | "dialect"
      | "payloadLimit"
      | "state"
      | "activeFrom"
      | "activeTo"
      | "aliasOf"
      | "adjusts"
      | "requestsPerSecond"
    >
  >;

/** Fills in what most relays have in common: 200 payloads a page, one request a second (no limit is published). */
export function relayOf(described: Described): Relay {
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
  };
}

/** The last slot that began on a day (UTC), `2023-09-27`; for relays whose end is known by date. */
export function lastSlotOf(network: Pick<Network, "genesis"> | undefined, date: string): number {
  if (!network) throw new RangeError("no network to count the slots of");
  const nextMidnight = Date.parse(`${date}T00:00:00Z`) / 1000 + 86_400;
  return Math.ceil((nextMidnight - network.genesis) / SECONDS_PER_SLOT) - 1;
}
