import { gunzipSync, gzipSync } from "node:zlib";
import type { RawRow } from "./rows.ts";
import { Random } from "./random.ts";

/** `[]` and the end of the line. */
const EMPTY_BYTES = 3;

/** An answer's body, held plain until it is asked for compressed, and compressed from then on. */
export class Body {
  /** Whether it is a list without rows. */
  readonly isEmpty: boolean;
  /** Bytes of the plain form. */
  readonly length: number;
  #plain: Buffer | undefined;
  #zipped: Buffer | undefined;

  constructor(plain: Buffer, isEmpty = plain.length <= EMPTY_BYTES) {
    this.isEmpty = isEmpty;
    this.length = plain.length;
    this.#plain = plain;
  }

  get plain(): Buffer {
    return this.#plain ?? gunzipSync(this.#zipped ?? "");
  }

  /** Made at once rather than on other threads: that would cost a third more processor time. */
  get zipped(): Buffer {
    if (!this.#zipped) {
      this.#zipped = gzipSync(this.plain, { level: 1 });
      this.#plain = undefined;
    }
    return this.#zipped;
  }

  /** Bytes that are held. */
  get held(): number {
    return (this.#zipped ?? this.#plain)?.length ?? 0;
  }
}

/** Where bodies are put together; grows to the largest. */
let scratch = Buffer.alloc(1 << 20);
const COMMA = 0x2c;

/** Rows as a relay writes them, in an envelope where it does that. The reference (Go) ends JSON with a newline, Helix (Rust) doesn't. */
export function bodyOf(rows: readonly RawRow[], newline: boolean, envelope?: string): Body {
  const [before, after] = envelope === undefined ? ["", ""] : [`{"${envelope}":`, "}"];
  let end = scratch.write(`${before}[`);
  for (const { json, quirk } of rows) {
    // Three bytes a character at most; the brackets and the comma besides.
    const needed = end + 3 * json.length + 8;
    if (needed > scratch.length) scratch = Buffer.concat([scratch.subarray(0, end)], 2 * needed);
    // Only what is odd goes beyond ASCII, and Latin-1 is written much faster.
    end += scratch.write(json, end, quirk ? "utf8" : "latin1");
    scratch[end++] = COMMA;
  }
  if (rows.length > 0) end--;
  end += scratch.write(`]${after}${newline ? "\n" : ""}`, end);
  return new Body(Buffer.from(scratch.subarray(0, end)), rows.length === 0);
}

/** The bodies that were sent last, up to a number of bytes. */
export class BodyCache {
  readonly #limit: number;
  readonly #bodies = new Map<string, { readonly body: Body; readonly bytes: number }>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): Body | undefined {
    return this.#bodies.get(key)?.body;
  }

  /** Keeps a body that has just been sent, and counts what it holds in that form. */
  set(key: string, body: Body): void {
    this.#bytes += body.held - (this.#bodies.get(key)?.bytes ?? 0);
    this.#bodies.delete(key);
    this.#bodies.set(key, { body, bytes: body.held });
    for (const [oldest, { bytes }] of this.#bodies) {
      if (this.#bytes <= this.#limit) break;
      this.#bodies.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

/** A short answer: the first rows only, or only some. Never none, so that it doesn't pass for an empty one. */
export function shortened(rows: readonly RawRow[], luck: number): readonly RawRow[] {
  if (rows.length < 2) return rows;
  const random = new Random(luck, 1);
  const keep = 1 + random.below(rows.length - 1);
  // A page of payloads that only ends early loses nothing to who pages by its lowest slot: rows go missing inside.
  const payloads = rows[0]?.received === undefined;
  if (!payloads && random.chance(0.5)) return rows.slice(0, keep);
  const gone = new Set(random.shuffled(rows.map((_, index) => index)).slice(keep));
  return rows.filter((_, index) => !gone.has(index));
}

/** An answer given before the last rows were stored: up to half of them, the newest, are missing. */
export function withoutLate(rows: readonly RawRow[], luck: number): readonly RawRow[] {
  if (rows.length < 2) return rows;
  const random = new Random(luck, 2);
  const count = 1 + random.below(Math.ceil(rows.length / 2));
  const newest = rows.toSorted((a, b) => (b.received?.ms ?? b.slot) - (a.received?.ms ?? a.slot));
  const gone = new Set(newest.slice(0, Math.min(count, rows.length - 1)));
  return rows.filter((row) => !gone.has(row));
}
