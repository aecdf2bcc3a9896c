import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { DatasetName } from "../datasets/dataset.ts";
import { UserError, codeOf } from "../errors.ts";
import type { Relay } from "../relay/relay.ts";
import { type Body, BodyCache, bodyOf } from "./bodies.ts";
import { type Refused, ask, refusalBody } from "./dialects.ts";
import { withBase } from "./directory.ts";
import { FAULT_PLANS, type FaultKind, type FaultPlan, Faults, type Verdict } from "./faults.ts";
import { HelixCache, type Variation, varied } from "./helixCache.ts";
import { failed, spoiled } from "./misbehave.ts";
import { Reply } from "./reply.ts";
import { SimulatedData, type Truth, type TruthOptions } from "./truth.ts";

export interface SimulatorOptions extends TruthOptions {
  readonly faults: "none" | "mild" | "harsh" | FaultPlan;
  /** A free one is taken where none is given. */
  readonly port?: number;
  /** Most bytes of answers kept ready (64 MiB). */
  readonly cacheBytes?: number;
  /** Told of every request once it is answered or dropped. */
  readonly onRequest?: (request: RequestRecord) => void;
  /** False: `requests` stays empty, for long runs. */
  readonly record?: boolean;
}

/** One request as the simulator saw it. */
export interface RequestRecord {
  /** Name in the path, whether there is such a relay or not; empty outside of any. */
  readonly relay: string;
  /** Undefined for other paths. */
  readonly dataset: DatasetName | undefined;
  readonly slot: number | undefined;
  readonly cursor: number | undefined;
  /** Path and query. */
  readonly url: string;
  /** 0 where no answer was begun. */
  readonly status: number;
  readonly fault: FaultKind | undefined;
  /** The clock's `monotonic()` when the request came, ms. */
  readonly at: number;
}

export interface Simulator {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The directory, with addresses at this simulator. */
  readonly relays: readonly Relay[];
  readonly truth: Truth;
  /** All requests, in the order in which they came. */
  readonly requests: readonly RequestRecord[];
  /** Stops at once, open connections included. */
  close(): Promise<void>;
}

const PATH = /^\/([^/]+)\/relay\/v1\/data\/bidtraces\/(builder_blocks_received|proposer_payload_delivered)$/;
const DATASETS: Readonly<Record<string, DatasetName>> = {
  builder_blocks_received: "bids",
  proposer_payload_delivered: "payloads",
};
const TEXT = { "content-type": "text/plain; charset=utf-8" };
const JSON_TYPE = { "content-type": "application/json" };
/** The reference relay closes idle connections after 3 s, without having said so (facts: relay-data-api §7). */
const IDLE_SOCKET_MS = 3000;
/** Its gzip layer leaves smaller bodies alone; its server states the length of bodies up to this one. */
const SMALL_BODY = 1400;
const DEFAULT_CACHE_BYTES = 64 << 20;

/** Serves the simulated relays on loopback. Throws UserError when the port can't be had. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const service = new Service(options);
  const server = createServer((request, response) => {
    service.answer(request, response);
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
  return {
    url,
    relays: withBase(
      service.data.profiles.map(({ relay }) => relay),
      url,
    ),
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

class Service {
  readonly data: SimulatedData;
  readonly requests: RequestRecord[] = [];
  readonly #options: SimulatorOptions;
  readonly #faults: Faults;
  readonly #cache: HelixCache;
  readonly #bodies: BodyCache;
  /** Connections on which the next request isn't answered. */
  readonly #doomed = new WeakSet<Socket>();

  constructor(options: SimulatorOptions) {
    const { seed, clock, faults, cacheBytes = DEFAULT_CACHE_BYTES } = options;
    this.#options = options;
    this.data = new SimulatedData(options);
    const active = this.data.profiles.flatMap(({ relay }) => (relay.state === "active" ? [relay.name] : []));
    this.#faults = new Faults(seed, typeof faults === "string" ? FAULT_PLANS[faults] : faults, clock, active);
    this.#cache = new HelixCache(clock);
    this.#bodies = new BodyCache(cacheBytes);
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const at = this.#options.clock.monotonic();
    const url = request.url ?? "/";
    const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
    const [, relay = pathname.split("/")[1] ?? "", endpoint] = PATH.exec(pathname) ?? [];
    const dataset = endpoint === undefined ? undefined : DATASETS[endpoint];
    const reply = new Reply(response);
    const asked = (name: string) =>
      /^\d+$/.test(searchParams.get(name) ?? "") ? Number(searchParams.get(name)) : undefined;
    const record = { relay, dataset, slot: asked("slot"), cursor: asked("cursor"), url, at, status: 0 };
    // Recorded when it comes; status and fault follow.
    const place = this.requests.length;
    if (this.#options.record !== false) this.requests.push({ ...record, fault: undefined });
    const fault = this.#serve(request, reply, relay, dataset, searchParams);
    const done: RequestRecord = { ...record, status: reply.status, fault };
    if (this.#options.record !== false) this.requests[place] = done;
    this.#options.onRequest?.(done);
  }

  /** Answers one request; returns the fault that was put into it. */
  #serve(
    request: IncomingMessage,
    reply: Reply,
    relay: string,
    dataset: DatasetName | undefined,
    params: URLSearchParams,
  ): FaultKind | undefined {
    const profile = this.data.profile(relay);
    if (!profile || dataset === undefined) {
      reply.send(404, TEXT, "404 page not found\n");
      return undefined;
    }
    if (request.method !== "GET") {
      reply.send(405, TEXT);
      return undefined;
    }
    if (this.#doomed.has(request.socket)) {
      request.socket.resetAndDestroy();
      return "reset";
    }
    const { dialect } = profile.relay;
    const query = `${dataset}?${params.toString()}`;
    const verdict = this.#faults.judge({ relay, dialect, url: query });
    const { fault } = verdict;
    if (fault === "reset") this.#doomed.add(request.socket);

    const zips = dialect === "flashbots" && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    const redirect = () => this.#elsewhere(relay, request.url ?? "", verdict.luck);
    const details = { luck: verdict.luck, clock: this.#options.clock, zips, redirect };
    if (fault !== undefined && failed(reply, fault, details)) return fault;

    const key = dialect === "helix" || isVaried(verdict) ? undefined : this.#key(relay, params, query);
    const kept = key === undefined ? undefined : this.#bodies.get(key);
    const body = kept ?? this.#body(relay, dataset, params, query, verdict);
    if ("status" in body) {
      const { type, text } = refusalBody(dialect, body.status, body.message);
      reply.send(body.status, { "content-type": type }, text);
      return undefined;
    }
    if (fault !== undefined && spoiled(reply, fault, body, details)) return fault;
    sendBody(reply, body, zips, dialect !== "helix");
    if (key !== undefined) this.#bodies.set(key, body);
    return fault;
  }

  /** The same path at another relay. */
  #elsewhere(relay: string, url: string, luck: number): string {
    const others = this.data.profiles.filter(({ relay: other }) => other.name !== relay);
    return `/${others[luck % others.length]?.relay.name ?? ""}${url.slice(relay.length + 1)}`;
  }

  /** What an answer is kept under: a slot's stays as it is while the slot is in reach; others change with the head. */
  #key(relay: string, params: URLSearchParams, query: string): string {
    const { first, last } = this.data.span(relay);
    const slot = Number(params.get("slot") ?? 0);
    return `${relay}/${query}/${slot >= first && slot <= last && slot > 0 ? "" : `${first}-${last}`}`;
  }

  #body(
    relay: string,
    dataset: DatasetName,
    params: URLSearchParams,
    query: string,
    verdict: Verdict,
  ): Body | Refused {
    const dialect = this.data.profile(relay)?.relay.dialect;
    const answer = ask(this.data, relay, dataset, params, verdict.turn);
    if ("status" in answer) return answer;
    const rows = () => answer.rows;
    const variation = { kind: isVaried(verdict) ? verdict.fault : undefined, luck: verdict.luck };
    const sent =
      dialect === "helix" ? this.#cache.rows(`${relay}/${query}`, variation, rows) : varied(rows, variation);
    return bodyOf(sent, dialect !== "helix");
  }
}

/** Whether the fault is in the rows of the answer. */
function isVaried(verdict: Verdict): verdict is Verdict & { readonly fault: NonNullable<Variation["kind"]> } {
  const { fault } = verdict;
  return fault === "short" || fault === "late" || fault === "stale-empty";
}

/** An honest answer, framed as the dialect's server frames it. */
function sendBody(reply: Reply, body: Body, zips: boolean, chunks: boolean): void {
  if (!chunks || body.length < SMALL_BODY) reply.send(200, JSON_TYPE, body.plain);
  else if (!zips) reply.sendChunked(JSON_TYPE, body.plain);
  else reply.sendChunked({ ...JSON_TYPE, "content-encoding": "gzip", vary: "Accept-Encoding" }, body.zipped);
}
