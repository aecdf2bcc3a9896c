import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { RawRow } from "./rows.ts";
import { Random } from "./random.ts";

const gzipAsync = promisify(gzip);

/** An answer's body, plain and, once it was asked for that way, compressed. */
export interface Body {
  readonly plain: Buffer;
  zipped: Buffer | undefined;
}

/** Rows as a relay writes them. The reference (Go) ends JSON with a newline, Helix (Rust) doesn't. */
export function bodyOf(rows: readonly RawRow[], newline: boolean): Body {
  const text = `[${rows.map(({ json }) => json).join(",")}]${newline ? "\n" : ""}`;
  return { plain: Buffer.from(text), zipped: undefined };
}

/** The compressed form, made once. */
export async function zippedOf(body: Body): Promise<Buffer> {
  return (body.zipped ??= await gzipAsync(body.plain, { level: 1 }));
}

/** The bodies that were asked for last, up to a number of bytes. */
export class BodyCache {
  readonly #limit: number;
  readonly #bodies = new Map<string, Body>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): Body | undefined {
    const known = this.#bodies.get(key);
    if (known) {
      this.#bodies.delete(key);
      this.#bodies.set(key, known);
    }
    return known;
  }

  set(key: string, body: Body): void {
    this.#bodies.set(key, body);
    this.#bytes += cost(body);
    for (const [oldest, old] of this.#bodies) {
      if (this.#bytes <= this.#limit) break;
      this.#bodies.delete(oldest);
      this.#bytes -= cost(old);
    }
  }
}

/** Bytes that a body may come to hold: compressed rows take less than a quarter. */
function cost({ plain }: Body): number {
  return Math.ceil(plain.length * 1.25);
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
