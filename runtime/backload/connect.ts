import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import type { Asker } from "../collect/asker.ts";
import { keepHeapSmall } from "../heap.ts";
import { relayAsker } from "../collect/relayAsker.ts";
import { ByteBudget } from "../relays/http/budget.ts";
import { RelayClient, type RelayClientLimits, type RelayClientOptions } from "../relays/http/client.ts";
import { ratesOf } from "../relays/rates.ts";
import type { Relay } from "../relays/relay.ts";

/** The relays of a worker with what asks them. */
export interface Connected {
  readonly askers: ReadonlyMap<Relay, Asker>;
  readonly clients: ReadonlyMap<string, RelayClient>;
  /** This worker's part of a relay's rate, 0–1. */
  share(relay: string): number;
  /** Sets the part of the rate at which a relay is asked from now on. */
  setShare(relay: string, share: number): void;
  close(): void;
}

export interface ConnectOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** Requests a second to one relay, at most (see ratesOf). */
  readonly ceiling?: number | undefined;
  /** The part of the rate that is this worker's, 0–1, where others ask from the same address; all of it without. */
  readonly share?: number | undefined;
  readonly limits?: Partial<RelayClientLimits>;
  /** Told, in a line each, of what a person should know about a relay. */
  readonly warn?: (line: string) => void;
}

/**
 * Makes a client for every active relay. A relay is asked at the directory's figure to begin with; where the ceiling is
 * higher it is probed upward from there. Both of a relay's datasets share the client, and so its pace.
 */
export function connect(
  relays: readonly (Pick<RelayClientOptions, "allowPrivate" | "headers"> & {
    readonly relay: Relay;
    readonly givenByHand?: boolean;
  })[],
  { network, clock, stop, ceiling, share = 1, limits = {}, warn = () => {} }: ConnectOptions,
): Connected {
  keepHeapSmall();
  const budget = new ByteBudget();
  const clients = new Map<string, RelayClient>();
  const askers = new Map<Relay, Asker>();
  const shares = new Map<string, number>();
  for (const { relay, givenByHand = false, ...access } of relays) {
    if (relay.state !== "active") continue;
    const rates = ratesOf(relay, givenByHand, ceiling);
    const client = new RelayClient(relay, { ...access, clock, budget, limits, onNotice: warn, ...rates });
    client.rescale(share);
    shares.set(relay.name, share);
    clients.set(relay.name, client);
    askers.set(relay, relayAsker(network, client, clock, warn, stop));
  }
  return {
    askers,
    clients,
    share: (relay) => shares.get(relay) ?? 1,
    setShare(relay, to) {
      clients.get(relay)?.rescale(to / (shares.get(relay) ?? 1));
      shares.set(relay, to);
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}
