import { once } from "node:events";
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request as send,
  type ServerResponse,
} from "node:http";
import type { Server } from "./servers.ts";

/** A request as it passes. */
export interface Passing {
  /** Counts from 0. */
  readonly number: number;
  readonly method: string;
  /** Decoded path. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The request's body where it is JSON of up to 4 MB, else "". */
  readonly json: string;
  /** The status that the client was given; undefined while there is none, or where the connection was cut. */
  readonly status: number | undefined;
}

/** What befalls a request. */
export type ProxyFault =
  /** Answered with this status without passing it on, or after it took effect. */
  | { readonly kind: "status"; readonly status: number; readonly when: "before" | "after" }
  /** The server gets this many bytes of the body, then the connection is cut on both sides. */
  | { readonly kind: "cutUpload"; readonly bytes: number }
  /** The server gets this many bytes of the body and is cut off; the client is answered with the status in mid-upload. */
  | { readonly kind: "refuseUpload"; readonly status: number; readonly bytes: number }
  /** Takes effect, but its answer never comes: the connection is cut. */
  | { readonly kind: "loseAnswer" }
  /** The client gets this many bytes of the answer, then the connection is cut. */
  | { readonly kind: "cutDownload"; readonly bytes: number }
  /** The client gets this many bytes of the answer, then nothing more. */
  | { readonly kind: "stallDownload"; readonly bytes: number }
  /** One bit of what the client sends, or of what it gets, is turned over on the way. */
  | { readonly kind: "flipUpload" | "flipDownload"; readonly byte: number }
  /** Answered with this, without passing it on. */
  | { readonly kind: "answer"; readonly status: number; readonly json: object }
  /** Once the server has answered, this is done before the client hears of it. */
  | { readonly kind: "meanwhile"; readonly work: (answer: string) => Promise<void> };

/** Whether a request sends an object's bytes to Cloud Storage, or opens the session for it. */
export const isUpload = ({ method, path }: Passing): boolean =>
  path.startsWith("/upload/") || path.startsWith("/resumable/") || method === "PUT";
/** Whether a request asks Cloud Storage for an object's bytes. */
export const isDownload = ({ query }: Passing): boolean => query.get("alt") === "media";

/** Decides what befalls each request; undefined lets it pass. A promise holds the request up. */
export type FaultRule = (request: Passing) => ProxyFault | undefined | Promise<ProxyFault | undefined>;

export interface Proxy extends Server {
  /** Every request so far, oldest first. */
  readonly requests: readonly Passing[];
  /** How often each kind of fault befell a request. */
  readonly faults: ReadonlyMap<string, number>;
  rule: FaultRule;
}

const JSON_LIMIT = 4 * 2 ** 20;

export interface ProxyOptions {
  /** Requests of one name are passed on one after another; undefined lets a request pass at any time. */
  readonly inTurn?: (request: Passing) => string | undefined;
  /** Whether requests are kept for looking at (true). */
  readonly record?: boolean;
}

/** Stands between clients and a server on a free loopback port, and lets everything pass until a rule is set. */
export async function startProxy(target: string, options: ProxyOptions = {}): Promise<Proxy> {
  const { inTurn = () => undefined, record = true } = options;
  const turns = new Map<string, Promise<unknown>>();
  // Idle connections end before the server, or this one, ends them: a request sent just then would be a fault that no test asked for.
  const agent = new Agent({ keepAlive: true, timeout: 2000 });
  const requests: Passing[] = [];
  const faults = new Map<string, number>();
  const proxy = { rule: (() => undefined) as FaultRule };
  const server = createServer((request, response) => {
    const { socket } = request;
    pass(request, response).catch(() => socket.destroy());
  });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url, body, ...seen } = await received(request, target);
    const passing = { number: requests.length, ...seen, status: undefined as number | undefined };
    if (record) requests.push(passing);
    const fault = await proxy.rule(passing);
    if (fault) {
      const name = fault.kind === "status" ? `${fault.status} ${fault.when}` : fault.kind;
      faults.set(name, (faults.get(name) ?? 0) + 1);
    }
    if (fault?.kind === "answer" || (fault?.kind === "status" && fault.when === "before")) {
      request.resume();
      passing.status = fault.status;
      answerJson(response, fault.status, fault.kind === "answer" ? fault.json : refusal(fault.status));
      return;
    }
    const onward = await begunInTurn(turns, inTurn(passing), () =>
      send(url, { method: passing.method, headers: request.headers, agent }),
    );
    request.on("error", () => onward.destroy());
    if (fault?.kind === "refuseUpload") {
      await sendPart(onward, body ?? request, fault.bytes);
      onward.destroy();
      request.resume();
      passing.status = fault.status;
      answerJson(response, fault.status, refusal(fault.status));
      return;
    }
    const answer = await passOn(onward, body ?? request, fault);
    if (answer) await passBack(answer, response, fault, passing);
    else request.socket.destroy();
  }

  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  return Object.assign(proxy, {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    faults,
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  });
}

/** A request as far as it is read before it is passed on: JSON whole, all else by its head. */
async function received(request: IncomingMessage, target: string) {
  const url = new URL(request.url ?? "/", target);
  const isJson = request.headers["content-type"]?.startsWith("application/json");
  const body = isJson ? await collected(request) : undefined;
  return {
    url,
    body,
    method: request.method ?? "GET",
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    json: body && body.length <= JSON_LIMIT ? body.toString("utf8") : "",
  };
}

/** A request to the server, begun once those of the same turn are over. */
async function begunInTurn(
  turns: Map<string, Promise<unknown>>,
  turn: string | undefined,
  begin: () => ClientRequest,
): Promise<ClientRequest> {
  while (turn !== undefined && turns.has(turn)) await turns.get(turn);
  const onward = begin();
  if (turn !== undefined) {
    const over = new Promise((resolve) => onward.once("close", resolve));
    turns.set(
      turn,
      over.then(() => turns.delete(turn)),
    );
  }
  return onward;
}

/** Sends the server a request's body, or what a fault makes of it. The server's answer; undefined where the body was cut. */
async function passOn(
  onward: ClientRequest,
  body: Buffer | IncomingMessage,
  fault: ProxyFault | undefined,
): Promise<IncomingMessage | undefined> {
  if (fault?.kind === "cutUpload") {
    await sendPart(onward, body, fault.bytes);
    onward.destroy();
    return undefined;
  }
  if (fault?.kind === "flipUpload")
    onward.end(flipped(Buffer.isBuffer(body) ? body : await collected(body), fault.byte));
  else if (Buffer.isBuffer(body)) onward.end(body);
  else body.pipe(onward);
  const [answer] = (await once(onward, "response")) as [IncomingMessage];
  return answer;
}

/** Gives the client the server's answer, or what a fault makes of it. */
async function passBack(
  answer: IncomingMessage,
  response: ServerResponse,
  fault: ProxyFault | undefined,
  passing: { status: number | undefined },
): Promise<void> {
  const { socket } = response.req;
  if (fault?.kind === "loseAnswer") {
    await collected(answer);
    socket.destroy();
    return;
  }
  if (fault?.kind === "status") {
    await collected(answer);
    passing.status = fault.status;
    answerJson(response, fault.status, refusal(fault.status));
    return;
  }
  passing.status = answer.statusCode;
  const head = [answer.statusCode ?? 502, { ...answer.headers }] as const;
  if (fault?.kind === "meanwhile") {
    const whole = await collected(answer);
    await fault.work(whole.toString("utf8"));
    response.writeHead(...head).end(whole);
    return;
  }
  if (fault?.kind === "flipDownload") {
    response.writeHead(...head).end(flipped(await collected(answer), fault.byte));
    return;
  }
  response.writeHead(...head);
  response.flushHeaders();
  if (fault?.kind === "cutDownload" || fault?.kind === "stallDownload") {
    const whole = await collected(answer);
    // At least a byte is always kept back.
    response.write(whole.subarray(0, Math.max(0, Math.min(fault.bytes, whole.length - 1))));
    if (fault.kind === "cutDownload") setImmediate(() => socket.destroy());
    return;
  }
  answer.on("error", () => socket.destroy());
  answer.pipe(response);
}

function refusal(status: number): object {
  return {
    error: { code: status, message: `fault ${status}`, errors: [{ reason: "backendError", message: "" }] },
  };
}

function answerJson(response: ServerResponse, status: number, json: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
}

async function collected(from: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of from as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A copy with one bit turned over; `byte` counts from the end when negative. */
function flipped(bytes: Buffer, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = byte < 0 ? copy.length + byte : byte;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** Sends the first bytes of a body. Resolves once they are on their way. */
async function sendPart(onward: ClientRequest, body: Buffer | IncomingMessage, bytes: number): Promise<void> {
  onward.on("error", () => {
    // It is cut, so that it fails is what is wanted.
  });
  let left = bytes;
  for await (const piece of body instanceof Buffer ? [body] : (body as AsyncIterable<Buffer>)) {
    const part = piece.subarray(0, left);
    left -= part.length;
    await new Promise((resolve) => onward.write(part, resolve));
    if (left === 0) return;
  }
}
