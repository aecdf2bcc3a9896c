import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import { VirtualClock } from "../../chain/virtualClock.ts";
import { ByteBudget } from "./budget.ts";
import { RelayClient, type RelayClientOptions } from "./client.ts";
import { relayOf } from "../described.ts";
import { RelayError, type RelayFault } from "./errors.ts";
import type { Relay } from "../relay.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

interface Served {
  readonly url: string;
  /** Paths with queries, in order. */
  readonly asked: string[];
  readonly sockets: Set<Socket>;
}

/** A relay of the test's own on loopback. It never closes a connection that idles. */
export async function serveAnswers(t: ExecutionContext, handler: Handler): Promise<Served> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    handler(request, response, asked.length);
  });
  server.keepAliveTimeout = 0;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  return { url: await listen(t, server), asked, sockets };
}

export async function listen(t: ExecutionContext, server: TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/r`;
}

/** A client of `testrelay`, on a virtual clock unless another is given. */
export function clientOf(
  t: ExecutionContext,
  url: string,
  options: Partial<RelayClientOptions> = {},
  described: Partial<Relay> = {},
): RelayClient {
  const common = { name: "testrelay", url, pubkey: null, filtering: null, requestsPerSecond: 50 };
  const relay = { ...relayOf(common), ...described };
  const client = new RelayClient(relay, {
    clock: options.clock ?? new VirtualClock(),
    budget: new ByteBudget(),
    allowPrivate: true,
    ...options,
  });
  t.teardown(() => client.close());
  return client;
}

export const servedJson = { "content-type": "application/json" };

/** Answers with 200. */
export const ok =
  (body: string | Buffer = "[]", headers: Record<string, string> = servedJson): Handler =>
  (_, response) =>
    void response.writeHead(200, headers).end(body);

/** Answers with a status. */
export const status =
  (code: number, body = ""): Handler =>
  (_, response) =>
    void response.writeHead(code).end(body);

export const servedText = ({ body }: { body: Buffer }): string => body.toString();

/** Asks for the bids of a slot; the answer as text. */
export async function servedBids(client: RelayClient, slot: number, signal?: AbortSignal): Promise<string> {
  return client.ask({ kind: "bids", slot }, servedText, signal);
}

export async function relayFaultOf(
  t: ExecutionContext,
  asking: Promise<unknown>,
  kind: RelayFault,
): Promise<RelayError> {
  const error = await t.throwsAsync(asking, { instanceOf: RelayError });
  t.is(error.kind, kind, error.message);
  t.is(error.relay, "testrelay");
  t.regex(error.message, /^testrelay: [^\n]+\(http.*\)$/);
  return error;
}

/** Answers the first requests in a way of their own, and the others well. */
export const firstly =
  (times: number, handler: Handler, then: Handler = ok('[{"slot":"7"}]')): Handler =>
  (request, response, nth) =>
    (nth <= times ? handler : then)(request, response, nth);
