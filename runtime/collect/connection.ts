import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { ByteBudget } from "../relays/http/budget.ts";
import { RelayClient, type RelayClientOptions } from "../relays/http/client.ts";
import type { Relay } from "../relays/relay.ts";
import type { RelaySource } from "./relaySource.ts";
import { httpRelaySource } from "./httpRelaySource.ts";

export interface ConnectionOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Told, in a line each, of what a person should know about a relay. */
  readonly warn?: (line: string) => void;
  /** Told what clients notice; `warn` is without it. */
  readonly onNotice?: (line: string) => void;
}

/** How one relay is asked. */
export type RelayAccess = Omit<RelayClientOptions, "clock" | "budget" | "onNotice">;

/** The clients of relays that are asked side by side; their bodies under way share a budget. */
export class Connection {
  /** By relay's name. */
  readonly clients = new Map<string, RelayClient>();
  readonly #options: ConnectionOptions;
  readonly #budget = new ByteBudget();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Makes the client of a relay. Both of its datasets share it, and so its pace. */
  add(relay: Relay, access: RelayAccess): RelayClient {
    const { clock, warn = () => {}, onNotice = warn } = this.#options;
    const client = new RelayClient(relay, { ...access, clock, budget: this.#budget, onNotice });
    this.clients.set(relay.name, client);
    return client;
  }

  /** What asks the relays until `stop`. */
  sources(stop: AbortSignal): ReadonlyMap<Relay, RelaySource> {
    const { network, clock, warn = () => {} } = this.#options;
    return new Map(
      [...this.clients.values()].map((client) => [
        client.relay,
        httpRelaySource({ network, clock, warn }, client, stop),
      ]),
    );
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }
}
