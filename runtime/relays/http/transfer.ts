import fetch, { type Response } from "node-fetch";
import { isPrivateHost } from "../addresses.ts";
import type { Clock } from "../../chain/clock.ts";
import { proxyName, proxyOf } from "../../proxy.ts";
import { type FaultMaker, errorText, isTurnedAway, listOf, saysNothingHere } from "./body.ts";
import type { Reservation } from "./budget.ts";
import { type RelayAgents, type SocketTrace, traced } from "./connection.ts";
import { RelayError, type RelayFault, type RelayFaultDetails } from "./errors.ts";
import type { RelayHeaders } from "../headers.ts";
import { networkFault } from "./networkFault.ts";
import { dateOf, retryAfterMs } from "./retryAfter.ts";

/** What one request may cost at most. */
export interface TransferLimits {
  /** For the whole request, by the context's timer, ms. */
  readonly timeoutMs: number;
  /** Bytes of a body as it is sent, compressed or not. */
  readonly transferredBytes: number;
  /** Bytes of a body once inflated. */
  readonly inflatedBytes: number;
}

/** Calls back once after that many ms, unless it is cancelled by what it returns. */
export type Timer = (onTime: () => void, ms: number) => () => void;

/** The machine's timer. */
export const realTimer: Timer = (onTime, ms) => {
  const timer = setTimeout(onTime, ms);
  return () => clearTimeout(timer);
};

/** What a relay's software answered. */
export interface Transferred {
  /** 404: nothing here, by a relay that doesn't send an empty list. It proves even less than one. */
  readonly status: 200 | 204 | 404;
  /** Inflated, begins like a JSON list; empty for 204 and 404. */
  readonly body: Buffer;
  /** Bytes of the body on the wire. */
  readonly transferredBytes: number;
  readonly gzip: boolean;
  /** The `Date` header, Unix ms; undefined without one that can be read. */
  readonly dateMs: number | undefined;
  /** The `Age` header: seconds that the answer had lain in a cache; 0 without it. */
  readonly ageS: number;
}

/** What a transfer needs of its relay and its surroundings. */
export interface TransferContext {
  readonly relay: string;
  readonly url: string;
  /** What an answer has to begin with. */
  readonly opening: "[" | "{";
  readonly agents: RelayAgents;
  readonly allowPrivate: boolean;
  /** Beside the usual ones. */
  readonly headers: RelayHeaders;
  readonly limits: TransferLimits;
  readonly clock: Clock;
  readonly timer: Timer;
  /** Told of the bytes that are held while the body arrives. */
  readonly reservation: Reservation;
}

/**
 * The server closed a connection that had idled, just as it was used again: nothing was received and nothing is wrong
 * with the relay, so the request is sent once more. `fault` is what it is when that doesn't help.
 */
export class IdleSocketClosed extends Error {
  override readonly name = "IdleSocketClosed";
  readonly fault: RelayError;
  constructor(fault: RelayError) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Of the body of an error as much is read as helps to understand it. */
const ERROR_BODY_BYTES = 64 << 10;

const USUAL_HEADERS = {
  accept: "application/json",
  "accept-encoding": "gzip",
  "user-agent": "mev-boost-etl",
} as const;

/**
 * GETs a URL once. Throws RelayError for everything but a 200 whose body begins like a JSON list, a 204, and a 404 of the
 * relay's own.
 */
export async function transfer(context: TransferContext, signal?: AbortSignal): Promise<Transferred> {
  const { limits } = context;
  checkTarget(context);
  const stopper = new AbortController();
  const stop = () => stopper.abort();
  const cancel = context.timer(stop, limits.timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  const trace: SocketTrace = { reused: undefined, bytesBefore: 0 };
  let answered = false;
  try {
    signal?.throwIfAborted();
    const response = await traced(trace, () =>
      fetch(context.url, {
        redirect: "manual",
        // The body is inflated here, so that its size can be limited on both sides.
        compress: false,
        headers: { ...USUAL_HEADERS, ...context.headers },
        agent: (url) => context.agents.for(url),
        signal: stopper.signal,
      }),
    );
    answered = true;
    return await take(context, response);
  } catch (error) {
    if (error instanceof RelayError) throw error;
    if (signal?.aborted) throw fault(context, "aborted", "stopped while it was asked", { cause: error });
    if (stopper.signal.aborted) {
      const what = answered ? "its answer was not complete" : "no answer";
      throw fault(context, "timeout", `${what} after ${limits.timeoutMs / 1000} s`, { cause: error });
    }
    const named = networkFault(context.url, error, (...what) => fault(context, ...what));
    const untouched = trace.reused !== undefined && trace.reused.bytesRead === trace.bytesBefore;
    throw !answered && named.kind === "reset" && untouched ? new IdleSocketClosed(named) : named;
  } finally {
    cancel();
    signal?.removeEventListener("abort", stop);
  }
}

function checkTarget(context: TransferContext): void {
  const url = new URL(context.url);
  const proxy = proxyOf(url);
  if (proxy && isPrivateHost(url)) {
    const what = `${url.hostname} is not a public address, and isn't asked through the proxy ${proxyName(proxy)}`;
    throw fault(context, "forbidden-address", `${what}: name it in NO_PROXY where that is meant`);
  }
  if (context.allowPrivate) return;
  if (url.protocol !== "https:") throw fault(context, "forbidden-address", "only asked over https");
  if (isPrivateHost(url)) {
    throw fault(context, "forbidden-address", `${url.hostname} is not a public address`);
  }
}

async function take(context: TransferContext, response: Response): Promise<Transferred> {
  // An error after the last byte was read concerns nobody, and would end the process.
  response.body?.on("error", ignore);
  const { status, headers } = response;
  const age = headers.get("age") ?? "";
  const date = dateOf(headers.get("date") ?? "");
  const dated = {
    dateMs: Number.isNaN(date) ? undefined : date,
    ageS: /^\d{1,9}$/.test(age) ? Number(age) : 0,
  };
  if (status === 200) {
    const { transferredBytes, inflatedBytes } = context.limits;
    const raw = await read(context, response, transferredBytes, "fail");
    const fail: FaultMaker = (...what) => fault(context, ...what);
    const limits = { inflatedBytes, opening: context.opening };
    const list = listOf(raw, headers.get("content-encoding"), limits, fail);
    context.reservation.atLeast(list.body.length);
    return { status, ...list, transferredBytes: raw.length, ...dated };
  }
  const raw = await read(context, response, ERROR_BODY_BYTES, "cut").catch((error: unknown) => {
    if (status === 204 || status === 404) throw error;
    // The status tells enough.
    return Buffer.alloc(0);
  });
  const text = errorText(raw, ERROR_BODY_BYTES);
  if (status === 204 || (status === 404 && saysNothingHere(text)))
    return { status, body: Buffer.alloc(0), transferredBytes: raw.length, gzip: false, ...dated };
  throw statusFault(context, response, text);
}

function ignore(): void {
  // See where it is used.
}

/** Reads a body up to a limit; what is longer is cut off or fails the answer, and ends the connection either way. */
async function read(
  context: TransferContext,
  response: Response,
  limit: number,
  beyond: "cut" | "fail",
): Promise<Buffer> {
  if (!response.body) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      if (beyond === "fail") throw fault(context, "too-large", `an answer of over ${limit} bytes`);
      break;
    }
    chunks.push(chunk);
    context.reservation.atLeast(size);
  }
  return Buffer.concat(chunks);
}

const REFUSALS: ReadonlySet<number> = new Set([408, 425, 429, 503]);

function statusFault(context: TransferContext, { status, headers }: Response, body: Buffer): RelayError {
  const details = { status, body, retryAfterMs: retryAfterMs(headers, context.clock.now()) };
  if (REFUSALS.has(status) || (status === 403 && isTurnedAway(body))) {
    const wait = details.retryAfterMs;
    const asks = wait === undefined ? "" : `, asks for ${Math.ceil(wait / 1000)} s without requests`;
    return fault(context, "refused", `refuses (${status})${asks}`, details);
  }
  if (status >= 500) return fault(context, "server", `server error ${status}`, details);
  if (status >= 400) return fault(context, "bad-request", `doesn't take the request (${status})`, details);
  if (status >= 300) {
    const to = headers.get("location") ?? "nowhere";
    return fault(context, "redirect", `redirects (${status}) to ${to}, which is not followed`, details);
  }
  return fault(context, "malformed", `an answer with status ${status}`, details);
}

function fault(
  context: TransferContext,
  kind: RelayFault,
  what: string,
  details: RelayFaultDetails = {},
): RelayError {
  const secrets = Object.values(context.headers);
  return new RelayError(context.relay, context.url, kind, what, { ...details, secrets });
}
