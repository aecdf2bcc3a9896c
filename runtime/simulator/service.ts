import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type DatasetName, datasets, endpointOf } from "../datasets/dataset.ts";
import type { Dialect } from "../datasets/definition.ts";
import { type Body, BodyCache, bodyOf } from "./bodies.ts";
import { Cdn } from "./cdn.ts";
import { type RefusedQuestion, type RowsQuestion, ask, refusalBody } from "./dialects.ts";
import type { FaultKind } from "./faultKinds.ts";
import { FAULT_PLANS, type FaultPlan, Faults, type FaultVerdict } from "./faults.ts";
import { HelixCache, type Variation, varied } from "./helixCache.ts";
import { failed, spoiled, strikes } from "./misbehave.ts";
import { Reply } from "./reply.ts";
import { spellsOf } from "./spellDraw.ts";
import { type Condition, Spells, type SpellView } from "./spells.ts";
import { SimulatedData, type TruthOptions } from "./truth.ts";

export interface SimulatorOptions extends TruthOptions {
  readonly faults: keyof typeof FAULT_PLANS | FaultPlan;
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

/** The datasets by the paths at which relays serve them. */
const DATASETS: ReadonlyMap<string, DatasetName> = new Map(
  Object.values(datasets).flatMap(({ name, endpoints }) =>
    Object.values(endpoints).map(({ path }) => [path, name] as const),
  ),
);
const TEXT = { "content-type": "text/plain; charset=utf-8" };
const JSON_TYPE = { "content-type": "application/json" };
/** Its gzip layer leaves smaller bodies alone; its server states the length of bodies up to this one. */
const SMALL_BODY = 1400;
const DEFAULT_CACHE_BYTES = 64 << 20;
const HOUR_MS = 3_600_000;

/** A question that a relay's software answers. */
interface Question extends RowsQuestion {
  readonly dialect: Dialect;
  /** Dataset and parameters as they came. */
  readonly query: string;
  /** Whether relay and client speak gzip. */
  readonly zips: boolean;
}

const NO_QUESTION: FaultVerdict = { fault: undefined, luck: 0, turn: 0 };

/** Answers requests as the simulated relays do. */
export class Service {
  readonly data: SimulatedData;
  readonly requests: RequestRecord[] = [];
  readonly #options: SimulatorOptions;
  readonly #faults: Faults;
  readonly #spells: Spells;
  readonly #cache: HelixCache;
  readonly #cdn = new Cdn();
  readonly #bodies: BodyCache;
  /** Connections on which the next request isn't answered. */
  readonly #doomed = new WeakSet<Socket>();

  constructor(options: SimulatorOptions) {
    const { seed, clock, faults, cacheBytes = DEFAULT_CACHE_BYTES } = options;
    this.#options = options;
    this.data = new SimulatedData(options);
    const { data } = this;
    const active = data.profiles.flatMap(({ relay }) => (relay.state === "active" ? [relay.name] : []));
    const plan = typeof faults === "string" ? FAULT_PLANS[faults] : faults;
    this.#faults = new Faults(seed, plan, clock, active);
    const names = [...data.profiles, ...data.others].map(({ relay }) => relay.name);
    const spells = spellsOf(plan, names, data.head, [seed, Math.floor(clock.now() / HOUR_MS)]);
    this.#spells = new Spells({ seed, clock, spells, headAt: (unixMs) => data.headAt(unixMs) });
    this.#cache = new HelixCache(clock);
    this.#bodies = new BodyCache(cacheBytes);
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const at = this.#options.clock.monotonic();
    const url = request.url ?? "/";
    const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
    const relay = pathname.split("/")[1] ?? "";
    const path = pathname.slice(relay.length + 1);
    const { dialect } = this.data.profile(relay)?.relay ?? {};
    const named = DATASETS.get(path);
    const isServed = named && (!dialect || endpointOf(named, dialect)?.path === path);
    const dataset = isServed && !this.data.profile(relay)?.without.includes(named) ? named : undefined;
    const reply = new Reply(response, this.#options.clock.now());
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
    const dialect = this.data.profile(relay)?.relay.dialect;
    if (dialect === undefined) {
      reply.send(404, TEXT, "404 page not found\n");
      return undefined;
    }
    if (this.#doomed.has(request.socket)) {
      request.socket.resetAndDestroy();
      return "reset";
    }
    const query = `${dataset ?? ""}?${params.toString()}`;
    const isQuestion = dataset !== undefined && request.method === "GET";
    const judged = isQuestion ? this.#faults.judge({ relay, dialect, url: query }) : NO_QUESTION;
    const condition = this.#spells.condition(relay, dataset ?? "bids", judged.luck);
    reply.dateMs += condition.skewMs;
    if (isQuestion && this.#isCached(reply, `${relay}/${query}`, condition.cachesMs)) return undefined;

    const verdict = { ...judged, fault: condition.fault ?? judged.fault };
    const { fault, luck } = verdict;
    if (fault === "reset") this.#doomed.add(request.socket);
    const redirect = () => this.#elsewhere(relay, request.url ?? "", luck);
    if (fault !== undefined && failed(reply, fault, luck, redirect)) return fault;
    if (!isQuestion) {
      if (dataset === undefined) reply.send(404, TEXT, "404 page not found\n");
      else reply.send(405, TEXT);
      return undefined;
    }
    const zips =
      (dialect === "flashbots" || dialect === "ultrasound") &&
      /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    const question = { relay, dialect, dataset, params, query, zips };
    return this.#answerRows(reply, question, verdict, condition);
  }

  /** Answers with what the relay's software makes of the question. */
  #answerRows(
    reply: Reply,
    question: Question,
    verdict: FaultVerdict,
    { view, cachesMs }: Condition,
  ): FaultKind | undefined {
    const { relay, dialect, dataset, params, query, zips } = question;
    // Only what the relay answers at any time while its head is the same is kept.
    const isKept = dialect !== "helix" && view === undefined && !isVaried(verdict);
    const key = isKept ? this.#key(relay, dataset, params, query) : undefined;
    const kept = key === undefined ? undefined : this.#bodies.get(key);
    const body = kept ?? this.#body(question, verdict, view);
    if ("status" in body) {
      const { type, text } = refusalBody(dialect, body.status, body.message);
      reply.send(body.status, { "content-type": type }, text);
      return undefined;
    }
    const fault = verdict.fault !== undefined && strikes(verdict.fault, body) ? verdict.fault : undefined;
    if (fault !== undefined && spoiled(reply, fault, body, { luck: verdict.luck, zips })) return fault;
    sendBody(reply, body, zips, dialect !== "helix");
    if (key !== undefined) this.#bodies.set(key, body);
    if (cachesMs !== undefined && fault === undefined)
      this.#cdn.set(`${relay}/${query}`, {
        body,
        dateMs: reply.dateMs,
        at: this.#options.clock.monotonic(),
      });
    return fault;
  }

  /** Answers from the cache of a CDN; false where there is none or it has nothing. */
  #isCached(reply: Reply, url: string, keepsMs: number | undefined): boolean {
    const kept =
      keepsMs === undefined ? undefined : this.#cdn.get(url, keepsMs, this.#options.clock.monotonic());
    if (!kept) return false;
    reply.dateMs = kept.dateMs;
    reply.ageS = Math.floor(kept.ageMs / 1000);
    sendBody(reply, kept.body, false, true);
    return true;
  }

  /** The same path at another relay. */
  #elsewhere(relay: string, url: string, luck: number): string {
    const others = this.data.profiles.filter(({ relay: other }) => other.name !== relay);
    return `/${others[luck % others.length]?.relay.name ?? ""}${url.slice(relay.length + 1)}`;
  }

  /** What an answer is kept under: a slot's stays as it is while the slot is in reach; others change with the head. */
  #key(relay: string, dataset: DatasetName, params: URLSearchParams, query: string): string {
    const { first, last } = this.data.span(relay, dataset);
    const slot = Number(params.get("slot") ?? 0);
    return `${relay}/${query}/${slot >= first && slot <= last && slot > 0 ? "" : `${first}-${last}`}`;
  }

  #body(question: Question, verdict: FaultVerdict, view: SpellView | undefined): Body | RefusedQuestion {
    const { relay, dialect, query } = question;
    const answer = ask(this.data, question, verdict.turn, view);
    if ("status" in answer) return answer;
    const rows = () => answer.rows;
    const variation = { kind: isVaried(verdict) ? verdict.fault : undefined, luck: verdict.luck };
    // A spell may change what is shown at any moment: that isn't what Helix's cache is there to show.
    const sent =
      dialect === "helix" && view === undefined
        ? this.#cache.rows(`${relay}/${query}`, variation, rows)
        : varied(rows, variation);
    return bodyOf(sent, dialect !== "helix", endpointOf(question.dataset, dialect)?.envelope);
  }
}

/** Whether the fault is in the rows of the answer. */
function isVaried(
  verdict: FaultVerdict,
): verdict is FaultVerdict & { readonly fault: NonNullable<Variation["kind"]> } {
  const { fault } = verdict;
  return fault === "short" || fault === "late" || fault === "stale-empty";
}

/** An honest answer, framed as the dialect's server frames it. */
function sendBody(reply: Reply, body: Body, zips: boolean, chunks: boolean): void {
  if (!chunks || body.length < SMALL_BODY) reply.send(200, JSON_TYPE, body.plain);
  else if (!zips) reply.sendChunked(JSON_TYPE, body.plain);
  else reply.sendChunked({ ...JSON_TYPE, "content-encoding": "gzip", vary: "Accept-Encoding" }, body.zipped);
}
