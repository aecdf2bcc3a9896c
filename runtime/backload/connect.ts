import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import type { RelaySource } from "../collect/relaySource.ts";
import { keepHeapSmall } from "../heap.ts";
import { Connection } from "../collect/connection.ts";
import type { RelayClient, RelayClientLimits, RelayClientOptions } from "../relays/http/client.ts";
import { ratesOf } from "../relays/rates.ts";
import type { Relay } from "../relays/relay.ts";

/** The relays of a worker with what asks them. */
export interface Connected {
  readonly sources: ReadonlyMap<Relay, RelaySource>;
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
  const connection = new Connection({ network, clock, warn });
  const shares = new Map<string, number>();
  for (const { relay, givenByHand = false, ...access } of relays) {
    if (relay.state !== "active") continue;
    const rates = ratesOf(relay, givenByHand, ceiling);
    connection.add(relay, { ...access, limits, ...rates }).rescale(share);
    shares.set(relay.name, share);
  }
  return {
    sources: connection.sources(stop),
    clients: connection.clients,
    share: (relay) => shares.get(relay) ?? 1,
    setShare(relay, to) {
      connection.clients.get(relay)?.rescale(to / (shares.get(relay) ?? 1));
      shares.set(relay, to);
    },
    close() {
      connection.close();
    },
  };
}
