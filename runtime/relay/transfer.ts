import { gunzipSync } from "node:zlib";
import fetch, { type Response } from "node-fetch";
import type { Clock } from "../chain/clock.ts";
import { codeOf, messageOf } from "../errors.ts";
import type { Reservation } from "./budget.ts";
import {
  FORBIDDEN_ADDRESS,
  type RelayAgents,
  type SocketTrace,
  isPrivateHost,
  traced,
} from "./connection.ts";
import { RelayError, type RelayFault, type RelayFaultDetails } from "./errors.ts";
import { retryAfterMs } from "./retryAfter.ts";

/** What one request may cost at most. */
export interface TransferLimits {
  /** Real time for the whole request, ms. */
  readonly timeoutMs: number;
  /** Bytes of a body as it is sent, compressed or not. */
  readonly transferredBytes: number;
  /** Bytes of a body once inflated. */
  readonly inflatedBytes: number;
}

/** The body of an answer that begins like a list. */
export interface Transferred {
  readonly status: 200 | 204;
  /** Inflated; empty for 204. */
  readonly body: Buffer;
  /** Bytes of the body on the wire. */
  readonly transferredBytes: number;
  readonly gzip: boolean;
}

/** What a transfer needs of its relay and its surroundings. */
export interface TransferContext {
  readonly relay: string;
  readonly url: string;
  readonly agents: RelayAgents;
  readonly allowPrivate: boolean;
  readonly limits: TransferLimits;
  readonly clock: Clock;
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

/** GETs a URL once. Throws RelayError for everything but a 204 and a 200 whose body begins like a JSON array. */
export async function transfer(context: TransferContext, signal?: AbortSignal): Promise<Transferred> {
  const { limits } = context;
  checkTarget(context);
  const stopper = new AbortController();
  const stop = () => stopper.abort();
  // Real time, whatever the clock: it bounds what a server can do to this process.
  const timer = setTimeout(stop, limits.timeoutMs);
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
        headers: { accept: "application/json", "accept-encoding": "gzip", "user-agent": "mev-boost-etl" },
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
    const named = faultOf(context, error);
    const untouched = trace.reused !== undefined && trace.reused.bytesRead === trace.bytesBefore;
    throw !answered && named.kind === "reset" && untouched ? new IdleSocketClosed(named) : named;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function checkTarget(context: TransferContext): void {
  if (context.allowPrivate) return;
  const url = new URL(context.url);
  if (url.protocol !== "https:") throw fault(context, "forbidden-address", "only asked over https");
  if (isPrivateHost(url)) {
    throw fault(context, "forbidden-address", `${url.hostname} is not a public address`);
  }
}

async function take(context: TransferContext, response: Response): Promise<Transferred> {
  // An error after the last byte was read concerns nobody, and would end the process.
  response.body?.on("error", ignore);
  const { status } = response;
  if (status === 204) {
    await read(context, response, ERROR_BODY_BYTES, "cut");
    return { status, body: Buffer.alloc(0), transferredBytes: 0, gzip: false };
  }
  if (status !== 200) throw await statusFault(context, response);

  const encoding = response.headers.get("content-encoding")?.toLowerCase() ?? "identity";
  const raw = await read(context, response, context.limits.transferredBytes, "fail");
  const gzip = encoding === "gzip" || encoding === "x-gzip";
  if (!gzip && encoding !== "identity") {
    throw fault(context, "malformed", `an answer in content-encoding ${encoding}, where gzip was asked for`);
  }
  const body = gzip ? inflated(context, raw) : raw;
  checkBeginning(context, response, body);
  return { status, body, transferredBytes: raw.length, gzip };
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

/** Inflates a body on this thread: it takes milliseconds, and a machine's other cores are for other workers. */
function inflated(context: TransferContext, raw: Buffer): Buffer {
  const { inflatedBytes } = context.limits;
  try {
    const body = gunzipSync(raw, { maxOutputLength: inflatedBytes, chunkSize: 1 << 18 });
    context.reservation.atLeast(body.length);
    return body;
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") {
      throw fault(context, "too-large", `an answer that inflates to over ${inflatedBytes} bytes`);
    }
    throw fault(context, "malformed", "an answer whose gzip data is damaged or cut short", { cause: error });
  }
}

const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** A list begins with `[`; a page of HTML with status 200 is what proxies and parked domains send. */
function checkBeginning(context: TransferContext, response: Response, body: Buffer): void {
  const type = response.headers.get("content-type") ?? "";
  const first = body.findIndex((byte) => !BLANKS.has(byte));
  const details = { status: 200, body };
  if (first === -1) throw fault(context, "malformed", "an empty body with status 200", details);
  if (/^\s*text\/html/i.test(type) || body[first] === 0x3c) {
    throw fault(context, "malformed", "a page of HTML instead of data", details);
  }
  if (body[first] !== 0x5b) throw fault(context, "malformed", "an answer that is no JSON array", details);
}

const REFUSALS: ReadonlySet<number> = new Set([408, 425, 429, 503]);

async function statusFault(context: TransferContext, response: Response): Promise<RelayError> {
  const { status, headers } = response;
  const details = {
    status,
    body: await errorBody(context, response),
    retryAfterMs: retryAfterMs(headers, context.clock.now()),
  };
  if (REFUSALS.has(status)) {
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

/** The first bytes of an error's body. The status tells enough: when the body fails too, there is none. */
async function errorBody(context: TransferContext, response: Response): Promise<Buffer | undefined> {
  try {
    const raw = await read(context, response, ERROR_BODY_BYTES, "cut");
    const gzip = response.headers.get("content-encoding") === "gzip";
    return gzip ? gunzipSync(raw, { maxOutputLength: ERROR_BODY_BYTES }) : raw;
  } catch {
    return undefined;
  }
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ETIMEDOUT",
  "EPROTO",
]);
const RESETS: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/** Names what the network did. Anything it can't be is an error of this program, and thrown as it is. */
function faultOf(context: TransferContext, error: unknown): RelayError {
  const code = codeOf(error) ?? "";
  const details = { cause: error };
  if (code === FORBIDDEN_ADDRESS) {
    const { hostname } = new URL(context.url);
    return fault(context, "forbidden-address", `${hostname} leads to an address that is not public`, details);
  }
  if (UNREACHABLE.has(code)) return fault(context, "unreachable", `can't be reached (${code})`, details);
  if (RESETS.has(code)) return fault(context, "reset", `the connection broke (${code})`, details);
  if (code.startsWith("HPE_")) return fault(context, "malformed", `not HTTP (${code})`, details);
  // What TLS refuses has many codes: CERT_HAS_EXPIRED, ERR_TLS_…, UNABLE_TO_VERIFY_LEAF_SIGNATURE, ERR_SSL_…
  if (/CERT|TLS|SSL|UNABLE_TO/.test(code)) {
    return fault(context, "unreachable", `no trusted connection (${code})`, details);
  }
  if (error instanceof Error && error.name === "FetchError") {
    return fault(context, "reset", `the connection failed (${code || messageOf(error)})`, details);
  }
  throw error;
}

function fault(
  context: TransferContext,
  kind: RelayFault,
  what: string,
  details: RelayFaultDetails = {},
): RelayError {
  return new RelayError(context.relay, context.url, kind, what, details);
}
