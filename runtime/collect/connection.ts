import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { proxyName, proxyOf } from "../proxy.ts";
import { ByteBudget } from "../relays/http/budget.ts";
import { RelayClient, type RelayClientOptions } from "../relays/http/client.ts";
import type { Relay } from "../relays/relay.ts";
import type { RelaySource } from "./relaySource.ts";
import { httpRelaySource } from "./httpRelaySource.ts";

/** What the clients of a connection share. */
export interface ConnectionOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Told what a person should know about a relay, one line each. */
  readonly warn?: (line: string) => void;
  /** Told what clients notice, instead of `warn`. */
  readonly onNotice?: (line: string) => void;
}

/** How one relay is asked. */
export type RelayAccess = Omit<RelayClientOptions, "clock" | "budget" | "onNotice">;

/** Proxies of which this process has said that it asks through them. */
const told = new Set<string>();

/** The clients of relays that are asked side by side; the answers that they are reading share one budget of bytes. */
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
    tellProxy(relay, onNotice);
    return client;
  }

  /** The source of each relay, which asks until `stop` is aborted. */
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

/** Says once through which proxy relays are asked, and what that means for their names. Throws UserError for one that is none. */
function tellProxy({ url }: Relay, onNotice: (line: string) => void): void {
  const proxy = URL.canParse(url) ? proxyOf(new URL(url)) : undefined;
  const name = proxy && proxyName(proxy);
  if (name === undefined || told.has(name)) return;
  told.add(name);
  onNotice(
    `relays are asked through the proxy ${name}, as the environment says: it looks up their names, and where they lead is its to judge`,
  );
}
