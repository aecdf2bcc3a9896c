import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { ExecutionContext } from "ava";

/** One call of JSON-RPC, as it came. */
export interface NodeCall {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}
export type NodeReply =
  { readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string } };

export type SpoilReply = (calls: readonly NodeCall[], response: ServerResponse) => void;

/** Serves a node; `answer` may spoil what it would say. */
export async function serveNode(
  t: ExecutionContext,
  reply: (call: NodeCall) => NodeReply,
  answer?: SpoilReply,
): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const answered = (body: unknown) => {
      const calls = (Array.isArray(body) ? body : [body]) as NodeCall[];
      answer?.(calls, response);
      if (response.headersSent || response.destroyed) return;
      const replies = calls.map((call) => ({ jsonrpc: "2.0", id: call.id, ...reply(call) }));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(Array.isArray(body) ? replies : replies[0]));
    };
    // A question whose answer was broken off may end before it was read.
    json(request).then(answered, () => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}/key`;
}
