import { once } from "node:events";
import { type ServerResponse, createServer } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { messageOf } from "../errors.ts";
import { listening } from "../services/server.ts";
import type { FollowMetrics } from "./followMetrics.ts";
import type { ListenAddress } from "./listen.ts";

/** How the ticks stand, for who asks whether the program is well. */
export interface FollowState {
  /** When the last tick ended, ms on a clock that only grows; undefined before the first has. */
  endedMs: number | undefined;
  /** Whether that tick did its work. */
  endedWell: boolean;
  stopping: boolean;
}

/** What is listened on and served. */
export interface FollowServing {
  readonly address: ListenAddress;
  readonly metrics: FollowMetrics;
  readonly state: Readonly<FollowState>;
  /** Time that only grows, ms. */
  readonly monotonic: () => number;
  /** No tick has ended for so long, ms: the program hangs. */
  readonly hungAfterMs: number;
}

const TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16 << 10;

/**
 * Serves `GET /metrics`, `/health` (503 when ticks have stopped ending) and `/ready` (503 until a tick has done its work, after one
 * that failed, and while it stops). Throws UserError when the address can't be had.
 */
export async function serveFollow(serving: FollowServing): Promise<{ url: string; close(): Promise<void> }> {
  const { host, port } = serving.address;
  const since = serving.monotonic();
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS },
    (request, response) => {
      request.resume();
      const [path = "/"] = (request.url ?? "/").split("?");
      const isRead = request.method === "GET" || request.method === "HEAD";
      if (!isRead) {
        send(response, 405, { error: `${path} takes GET` });
        return;
      }
      answer(path, response, serving, since).catch((error: unknown) => {
        send(response, 500, { error: messageOf(error) });
      });
    },
  );
  await listening(server, { port, host }, `${host}:${port}`, "give --listen another address");
  const bound = server.address() as AddressInfo;
  const shown = isIPv6(bound.address) ? `[${bound.address}]` : bound.address;
  return {
    url: `http://${shown}:${bound.port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  path: string,
  response: ServerResponse,
  { metrics, state, monotonic, hungAfterMs }: FollowServing,
  since: number,
): Promise<void> {
  if (path === "/metrics") {
    const { type, body } = await metrics.text();
    response.writeHead(200, { "content-type": type, "cache-control": "no-store" });
    response.end(body);
  } else if (path === "/health") {
    const silentMs = monotonic() - (state.endedMs ?? since);
    const healthy = silentMs <= hungAfterMs;
    send(response, healthy ? 200 : 503, { healthy, seconds_since_tick: Math.round(silentMs / 1000) });
  } else if (path === "/ready") {
    const ready = state.endedWell && !state.stopping;
    send(response, ready ? 200 : 503, { ready });
  } else send(response, 404, { error: "there are /metrics, /health, /ready" });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(body)}\n`);
}
