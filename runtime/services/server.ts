import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { UserError, codeOf, messageOf } from "../errors.ts";
import type { ServiceLog } from "../log.ts";
import type { TickReply, TickService } from "./tickService.ts";
import type { WayOut } from "./wayOut.ts";

/** A body is read to its end and not looked at; the scheduler sends none. */
const MAX_BODY_BYTES = 16 << 10;
/** Google's front end adds a token of a few kilobytes. */
const MAX_HEADER_BYTES = 16 << 10;
const REQUEST_TIMEOUT_MS = 10_000;
/** The front end keeps connections for ten minutes, and must not be the last to know that one is closed. */
const KEEP_ALIVE_MS = 620_000;

/** The routes, and the method that each takes. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ["/tick", "POST"],
  ["/health", "GET"],
  ["/ready", "GET"],
  ["/started", "GET"],
]);

export interface ServerOptions {
  readonly port: number;
  /** Address that is listened on. */
  readonly host: string;
  readonly service: Pick<TickService, "tick" | "stopping">;
  /** What `/started` asks; without it a service has started when it listens. */
  readonly wayOut?: Pick<WayOut, "unreached">;
  /** Google Cloud project that traces belong to; undefined outside of any. */
  readonly project: string | undefined;
  readonly log: ServiceLog;
}

export interface TickServer {
  /** The port that is listened on. */
  readonly port: number;
  /** Takes no more requests; those under way are answered. */
  close(): Promise<void>;
}

/** Serves `POST /tick`, `GET /health`, `GET /ready` and `GET /started`, and nothing else. Throws UserError when the port can't be had. */
export async function startServer(options: ServerOptions): Promise<TickServer> {
  const { port, host, log } = options;
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        log.error({ fault: messageOf(error) }, "a request failed");
        if (!response.headersSent)
          send(response, options.service, { status: 500, body: { error: "unexpected; see the log" } });
        else response.destroy();
      });
    },
  );
  await listening(server, { port, host }, `port ${port}`, "set PORT to another");
  return { port: (server.address() as AddressInfo).port, close: async () => closed(server) };
}

/** Has a server listen. Throws UserError where the address can't be had: `named` as it is called, `remedy` what to do. */
export async function listening(
  server: Server,
  address: { readonly port: number; readonly host: string },
  named: string,
  remedy: string,
): Promise<void> {
  server.listen(address);
  try {
    await once(server, "listening");
  } catch (error) {
    const why = codeOf(error) === "EADDRINUSE" ? "it is in use" : messageOf(error);
    throw new UserError(`can't listen on ${named}: ${why}; ${remedy}`, { cause: error });
  }
}

async function closed(server: Server): Promise<void> {
  const done = once(server, "close");
  server.close();
  server.closeIdleConnections();
  await done;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { service, wayOut, project }: ServerOptions,
): Promise<void> {
  const [path = "/"] = (request.url ?? "/").split("?");
  const allowed = METHODS.get(path);
  const refuse = (status: number, error: string): void => {
    // Answered without having read the body: the connection can't be used again.
    if (!request.complete) response.setHeader("connection", "close");
    send(response, service, { status, body: { error } });
  };
  if (allowed === undefined) return refuse(404, `there are ${[...METHODS.keys()].join(", ")}`);
  if (request.method !== allowed) {
    response.setHeader("allow", allowed);
    return refuse(405, `${path} takes ${allowed}`);
  }
  if (!(await isSmall(request))) {
    return refuse(413, `a body of over ${MAX_BODY_BYTES} bytes; none is needed`);
  }
  if (path === "/health") return send(response, service, { status: 200, body: { healthy: true } });
  if (path === "/started") {
    const unreached = (await wayOut?.unreached()) ?? [];
    const started = unreached.length === 0;
    return send(response, service, { status: started ? 200 : 503, body: { started, unreached } });
  }
  if (path === "/ready") {
    const ready = !service.stopping;
    return send(response, service, { status: ready ? 200 : 503, body: { ready } });
  }
  return send(response, service, await service.tick(traceOf(request, project)));
}

/** Reads a body to its end; false as soon as it is too long. */
async function isSmall(request: IncomingMessage): Promise<boolean> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return false;
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) return false;
  }
  return true;
}

function send(
  response: ServerResponse,
  service: Pick<TickService, "stopping">,
  { status, body }: TickReply,
): void {
  // An answer that is sent while the server closes would leave a connection behind, which it then waits for.
  if (service.stopping) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(body)}\n`);
}

/** The trace that a request belongs to, as Cloud Logging names it; undefined when the header says none. */
function traceOf(request: IncomingMessage, project: string | undefined): string | undefined {
  const header = request.headers["x-cloud-trace-context"];
  const [, trace] = /^([0-9a-f]{32})(?:\/|;|$)/i.exec(String(header ?? "")) ?? [];
  if (trace === undefined) return undefined;
  return project === undefined ? trace : `projects/${project}/traces/${trace}`;
}
