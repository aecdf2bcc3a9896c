import { gunzipSync } from "node:zlib";
import { codeOf } from "../../errors.ts";
import type { RelayError, RelayFault, RelayFaultDetails } from "./errors.ts";

/** Makes the error of one request. */
export type FaultMaker = (kind: RelayFault, what: string, details?: RelayFaultDetails) => RelayError;

const EMPTY_LIST = Buffer.from("[]");
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The JSON list, or the object around it (`opening`), in a body with status 200. What its bytes are decides, not what headers call them: proxies name encodings
 * and types that nobody used. `null` is a list without elements (a nil slice of Go), and a byte order mark is skipped
 * (RFC 8259 §8.1). Throws where the body doesn't begin like a list; whether it ends like one is the decoder's to say.
 */
export function listOf(
  raw: Buffer,
  encoding: string | null,
  { inflatedBytes, opening }: { readonly inflatedBytes: number; readonly opening: "[" | "{" },
  fault: FaultMaker,
): { body: Buffer; gzip: boolean } {
  const gzip = isGzip(raw);
  const body = withoutMark(gzip ? inflated(raw, inflatedBytes, fault) : raw);
  const first = firstOf(body);
  if (first === opening) return { body, gzip };
  if (first === "n" && /^\s*null\s*$/.test(beginningOf(body))) return { body: EMPTY_LIST, gzip };
  const details = { status: 200, body };
  if (first === "") throw fault("malformed", "an empty body with status 200", details);
  if (first === "<") throw fault("malformed", "a page of HTML instead of data", details);
  if (encoding && !gzip && encoding.toLowerCase() !== "identity")
    throw fault("malformed", `an answer in content-encoding ${encoding}, where gzip was asked for`);
  throw fault(
    "malformed",
    opening === "[" ? "an answer that is no JSON array" : "an answer that is no JSON object",
    details,
  );
}

/** The text of an error's body, inflated where it needs to be; none where it can't be read. */
export function errorText(raw: Buffer, limit: number): Buffer {
  if (!isGzip(raw)) return withoutMark(raw);
  try {
    return gunzipSync(raw, { maxOutputLength: limit });
  } catch {
    // The status tells enough.
    return Buffer.alloc(0);
  }
}

/**
 * True for the body of a 404 that a relay's software sent: there is nothing for what was asked. A page of HTML comes from
 * somebody else, and so does what Go's router says where it knows no such path.
 */
export function saysNothingHere(body: Buffer): boolean {
  const isPathUnknown = /^\s*404 page not found\s*$/.test(beginningOf(body));
  return firstOf(body) !== "<" && !isPathUnknown && !isTurnedAway(body);
}

/** True for the pages by which Cloudflare turns a client away (1006, 1015, 1020 …). */
export function isTurnedAway(body: Buffer): boolean {
  return /\berror(?: code)?:? 10\d\d\b/i.test(body.toString("latin1"));
}

function isGzip(raw: Buffer): boolean {
  return raw[0] === 0x1f && raw[1] === 0x8b;
}

/** Inflates a body on this thread: it takes milliseconds, and a machine's other cores are for other workers. */
function inflated(raw: Buffer, limit: number, fault: FaultMaker): Buffer {
  try {
    return gunzipSync(raw, { maxOutputLength: limit, chunkSize: 1 << 18 });
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE")
      throw fault("too-large", `an answer that inflates to over ${limit} bytes`);
    throw fault("malformed", "an answer whose gzip data is damaged or cut short", { cause: error });
  }
}

function withoutMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}

/** The first character that isn't blank; empty where there is none. */
function firstOf(body: Buffer): string {
  const at = body.findIndex((byte) => !BLANKS.has(byte));
  return at === -1 ? "" : String.fromCharCode(body[at] ?? 0);
}

/** All of a short body, as much as tells it apart of a long one. */
function beginningOf(body: Buffer): string {
  return body.toString("latin1", 0, 1000);
}
