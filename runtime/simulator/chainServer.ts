import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { SimulatedBeaconNode } from "./beaconNode.ts";
import { type RpcCall, SimulatedExecutionNode } from "./executionNode.ts";
import type { SimulatedData } from "./truth.ts";

/** Paths below the simulator's origin at which its nodes answer. */
export const NODE_PATHS = { beacon: "/beacon", execution: "/execution" } as const;

/** The two nodes of the simulated chain behind the simulator's server. */
export class ChainServer {
  readonly #beacon: SimulatedBeaconNode;
  readonly #execution: SimulatedExecutionNode;

  constructor(seed: number, data: SimulatedData) {
    const head = () => data.head;
    const of = { seed, chain: data.chain, head, final: () => finalSlot(data.head) };
    this.#beacon = new SimulatedBeaconNode(of);
    this.#execution = new SimulatedExecutionNode(of);
  }

  /** Answers a question to a node; false where the path is none's. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    if (pathname === NODE_PATHS.execution || pathname === `${NODE_PATHS.execution}/`) {
      if (request.method !== "POST") send(response, 405, {});
      else
        json(request).then(
          (body) => send(response, 200, this.#calls(body)),
          () => response.destroy(),
        );
      return true;
    }
    if (!pathname.startsWith(`${NODE_PATHS.beacon}/`)) return false;
    const answer = this.#beacon.answer(pathname.slice(NODE_PATHS.beacon.length), searchParams);
    send(response, answer.status, "json" in answer ? answer.json : { code: 404, message: "NOT_FOUND" });
    return true;
  }

  #calls(body: unknown): object {
    return Array.isArray(body)
      ? (body as readonly RpcCall[]).map((call) => this.#execution.answer(call))
      : this.#execution.answer(body as RpcCall);
  }
}

/** The newest slot that is final: two epochs before the one that the head is in. */
function finalSlot(head: number): number {
  return (Math.floor(head / SLOTS_PER_EPOCH) - 2) * SLOTS_PER_EPOCH;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
