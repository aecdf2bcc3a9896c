import type { Relay } from "../relays/relay.ts";
import { ByteBudget } from "../relays/http/budget.ts";
import { RelayClient } from "../relays/http/client.ts";
import { ratesOf } from "../relays/rates.ts";
import type { Asker } from "../collect/asker.ts";
import { relayAsker } from "../collect/relayAsker.ts";
import { keepHeapSmall } from "../heap.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";
import { resolved } from "./relays.ts";

/** The relays with what asks them; `close` ends connections and, on the simulated network, the relays. */
export interface Asking {
  readonly relays: readonly Relay[];
  readonly askers: ReadonlyMap<Relay, Asker>;
  /** The same for a time of its own. */
  askersUntil(stop: AbortSignal): ReadonlyMap<Relay, Asker>;
  readonly clients: ReadonlyMap<string, RelayClient>;
  close(): Promise<void>;
}

/** Makes a client for every relay that is to be asked, and starts the simulated relays where they are asked. */
export async function startAsking(
  options: CommonOptions & { faults: "none" | "mild" | "harsh" },
  context: Context,
  stop: AbortSignal,
): Promise<Asking> {
  const { network, clock } = context;
  keepHeapSmall();
  // A relay that isn't known is refused before anything is started.
  await resolved({ ...options, quiet: true }, context);
  const simulator = network.simulated ? await startSimulated(options, context) : undefined;
  const chosen = await resolved(options, context, simulator?.url);
  const budget = new ByteBudget();
  const clients = new Map<string, RelayClient>();
  const onNotice = options.quiet ? () => {} : context.say;
  for (const { relay, givenByHand, allowPrivate, headers } of chosen) {
    const rates = ratesOf(relay, givenByHand, options.rate);
    const common = { clock, budget, allowPrivate, headers, onNotice, ...rates };
    clients.set(relay.name, new RelayClient(relay, common));
  }
  const askersUntil = (until: AbortSignal) =>
    new Map(
      [...clients.values()].map((client) => [
        client.relay,
        relayAsker(network, client, clock, context.say, until),
      ]),
    );
  return {
    relays: chosen.map(({ relay }) => relay),
    askers: askersUntil(stop),
    askersUntil,
    clients,
    async close() {
      for (const client of clients.values()) client.close();
      await simulator?.close();
    },
  };
}

async function startSimulated(
  options: CommonOptions & { faults: "none" | "mild" | "harsh" },
  { clock }: Context,
) {
  const { startSimulator } = await import("../simulator/server.ts");
  return startSimulator({ seed: options.seed, faults: options.faults, clock, record: false });
}
