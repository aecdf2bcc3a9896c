import { AsyncLocalStorage } from "node:async_hooks";
import { lookup } from "node:dns";
import http from "node:http";
import https from "node:https";
import { type LookupFunction, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";
import { proxyName, proxyOf } from "../../proxy.ts";
import { isPrivateAddress } from "../addresses.ts";

/** The `code` of the error that a host of this machine or of a private network is refused with. */
export const FORBIDDEN_ADDRESS = "ERR_FORBIDDEN_ADDRESS";

/** The `code` of the error where a proxy refuses to connect to a relay. */
export const PROXY_REFUSES = "ERR_PROXY_REFUSES";

/** Relays close idle connections after as little as 3 s and don't say so (facts: relay-data-api §7): ours are gone before. */
export const IDLE_SOCKET_MS = 1500;

/** Which socket a request went out on, if that socket had served another request and then idled. */
export interface SocketTrace {
  reused: Socket | undefined;
  /** What the socket had received before. */
  bytesBefore: number;
}

const tracing = new AsyncLocalStorage<SocketTrace>();

/** Runs a request so that its use of an idle socket is noted in the trace. */
export function traced<T>(trace: SocketTrace, send: () => T): T {
  return tracing.run(trace, send);
}

/**
 * Agents of one relay: they keep sockets for its next requests, and let it lead nowhere it shouldn't. Where the environment names
 * a proxy (see proxyOf) they ask it, and the relay's name is looked up there.
 */
export class RelayAgents {
  readonly #direct: { readonly http: http.Agent; readonly https: http.Agent };
  readonly #proxied = new Map<string, http.Agent>();

  /** `allowPrivate`: the relay may be on this machine or in a private network. */
  constructor(allowPrivate: boolean) {
    const options = { ...KEPT, ...(allowPrivate ? {} : { lookup: publicLookup }) };
    this.#direct = { http: new TracingHttpAgent(options), https: new TracingHttpsAgent(options) };
  }

  for(url: URL): http.Agent {
    const proxy = proxyOf(url);
    const secure = url.protocol === "https:";
    if (!proxy) return secure ? this.#direct.https : this.#direct.http;
    const key = `${url.protocol} ${proxy.href}`;
    const agent =
      this.#proxied.get(key) ?? (secure ? new TunnelAgent(proxy) : new TracingProxyAgent(proxy, KEPT));
    this.#proxied.set(key, agent);
    return agent;
  }

  /** Closes all connections. */
  close(): void {
    for (const agent of [this.#direct.http, this.#direct.https, ...this.#proxied.values()]) agent.destroy();
  }
}

const KEPT = { keepAlive: true, timeout: IDLE_SOCKET_MS } as const;

/** HTTPS through a proxy, by CONNECT. */
class TunnelAgent extends HttpsProxyAgent<string> {
  constructor(proxy: URL) {
    super(proxy.href, KEPT);
    // It forgets what Node ends idle sockets by.
    this.options.timeout = KEPT.timeout;
  }

  override async connect(...[request, options]: Parameters<HttpsProxyAgent<string>["connect"]>) {
    request.once("proxyConnect", ({ statusCode }: { statusCode: number }) => {
      if (statusCode === 200) return;
      const what = `the proxy ${proxyName(this.proxy)} answers ${statusCode} to CONNECT`;
      request.destroy(Object.assign(new Error(what), { code: PROXY_REFUSES }));
    });
    return super.connect(request, options);
  }

  override reuseSocket(socket: Duplex, request: http.ClientRequest): void {
    noteReuse(socket);
    super.reuseSocket(socket, request);
  }
}

/** Plain HTTP through a proxy, in absolute form (RFC 9112 §3.2.2). */
class TracingProxyAgent extends HttpProxyAgent<string> {
  override reuseSocket(socket: Duplex, request: http.ClientRequest): void {
    noteReuse(socket);
    super.reuseSocket(socket, request);
  }
}

class TracingHttpAgent extends http.Agent {
  override reuseSocket(socket: Duplex, request: http.ClientRequest): void {
    noteReuse(socket);
    super.reuseSocket(socket, request);
  }
}

class TracingHttpsAgent extends https.Agent {
  override reuseSocket(socket: Duplex, request: http.ClientRequest): void {
    noteReuse(socket);
    super.reuseSocket(socket, request);
  }
}

/** Called while the request is being made, so the trace at hand is that request's. */
function noteReuse(socket: Duplex): void {
  const trace = tracing.getStore();
  if (!trace || !(socket instanceof Socket)) return;
  trace.reused = socket;
  trace.bytesBefore = socket.bytesRead;
}

/** dns.lookup that fails when any of the host's addresses is private: a relay's name must not lead into the own network. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) {
      callback(error, "", 0);
      return;
    }
    const forbidden = addresses.find(({ address }) => isPrivateAddress(address));
    const first = addresses[0];
    if (forbidden || !first) {
      const what = forbidden ? `the private address ${forbidden.address}` : "no address";
      callback(Object.assign(new Error(`${hostname} leads to ${what}`), { code: FORBIDDEN_ADDRESS }), "", 0);
    } else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
