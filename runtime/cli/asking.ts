import type { Relay } from "../relays/relay.ts";
import type { RelayClient } from "../relays/http/client.ts";
import { ratesOf } from "../relays/rates.ts";
import type { RelaySource } from "../collect/relaySource.ts";
import { keepHeapSmall } from "../heap.ts";
import { Connection } from "../collect/connection.ts";
import type { Simulator } from "../simulator/server.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";
import { resolved } from "./relays.ts";

/** The relays with what asks them; `close` ends connections and, on the simulated network, the relays. */
export interface Asking {
  readonly relays: readonly Relay[];
  readonly sources: ReadonlyMap<Relay, RelaySource>;
  /** The same for a time of its own. */
  sourcesUntil(stop: AbortSignal): ReadonlyMap<Relay, RelaySource>;
  readonly clients: ReadonlyMap<string, RelayClient>;
  /** The nodes of the simulated chain, where the relays are simulated. */
  readonly nodes: Simulator["nodes"] | undefined;
  close(): Promise<void>;
}

/** Makes a client for every relay that is to be asked, and starts the simulated relays where they are asked. */
export async function startAsking(
  options: CommonOptions & { faults: "none" | "mild" | "harsh" },
  context: Context,
  stop: AbortSignal,
): Promise<Asking> {
  const { network, clock } = context;
  // A relay that isn't known is refused before anything is started.
  await resolved({ ...options, quiet: true }, context);
  const simulator = network.simulated ? await startSimulated(options, context) : undefined;
  const chosen = await resolved(options, context, simulator?.url);
  keepHeapSmall();
  const connection = new Connection({
    network,
    clock,
    warn: context.say,
    ...(options.quiet ? { onNotice: () => {} } : {}),
  });
  for (const { relay, givenByHand, allowPrivate, headers } of chosen)
    connection.add(relay, { allowPrivate, headers, ...ratesOf(relay, givenByHand, options.rate) });
  return {
    relays: chosen.map(({ relay }) => relay),
    sources: connection.sources(stop),
    sourcesUntil: (until) => connection.sources(until),
    clients: connection.clients,
    nodes: simulator?.nodes,
    async close() {
      connection.close();
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
