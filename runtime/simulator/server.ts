import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Profile } from "./profile.ts";
import { UserError, codeOf } from "../errors.ts";
import type { Relay } from "../relays/relay.ts";
import { ChainServer, NODE_PATHS } from "./chainServer.ts";
import { withBase } from "./directory.ts";
import { type RequestRecord, Service, type SimulatorOptions } from "./service.ts";
import type { Truth } from "./truth.ts";

export type { RequestRecord, SimulatorOptions } from "./service.ts";

export interface Simulator {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The directory, with addresses at this simulator. */
  readonly relays: readonly Relay[];
  /** Relays that it serves beside the directory: `sparse`, `quiet`, `never`. */
  readonly others: readonly Relay[];
  /** Where the beacon node and the execution node of its chain answer. */
  readonly nodes: Readonly<Record<keyof typeof NODE_PATHS, string>>;
  readonly truth: Truth;
  /** All requests, in the order in which they came. */
  readonly requests: readonly RequestRecord[];
  /** Stops at once, open connections included. */
  close(): Promise<void>;
}

/** The reference relay closes idle connections after 3 s, without having said so (facts: relay-data-api §7). */
const IDLE_SOCKET_MS = 3000;

/** Serves the simulated relays on loopback. Throws UserError when the port can't be had. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const service = new Service(options);
  const chain = new ChainServer(options.seed, service.data);
  const server = createServer((request, response) => {
    if (!chain.answer(request, response)) service.answer(request, response);
  });
  server.keepAliveTimeout = IDLE_SOCKET_MS;
  server.requestTimeout = 0;
  server.listen(options.port ?? 0, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    const port = options.port ?? 0;
    const why = codeOf(error) === "EADDRINUSE" ? "it is in use: choose another with --port" : String(error);
    throw new UserError(`The simulator can't listen on port ${port}: ${why}.`, { cause: error });
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const based = (profiles: readonly Profile[]) =>
    withBase(
      profiles.map(({ relay }) => relay),
      url,
    );
  return {
    url,
    relays: based(service.data.profiles),
    others: based(service.data.others),
    nodes: { beacon: url + NODE_PATHS.beacon, execution: url + NODE_PATHS.execution },
    truth: service.data,
    requests: service.requests,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
