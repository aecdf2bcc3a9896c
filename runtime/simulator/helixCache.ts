import type { Clock } from "../chain/clock.ts";
import type { RawRow } from "./rows.ts";
import { shortened, withoutLate } from "./bodies.ts";

/** How the rows of one answer differ from what the relay has. */
export interface Variation {
  readonly kind: "stale-empty" | "short" | "late" | undefined;
  readonly luck: number;
}

/** Helix keeps an answer, an empty one too, until it hasn't been asked for so long (moka time_to_idle). */
const IDLE_MS = 12_000;
const MAX_ENTRIES = 10_000;

/**
 * The cache in front of a Helix relay's database. It keeps how an answer differed rather than its rows, which can be made
 * again.
 */
export class HelixCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { touched: number; variation: Variation }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The rows that the relay answers with: as before while the cache holds the answer, else varied anew. */
  rows(url: string, variation: Variation, make: () => readonly RawRow[]): readonly RawRow[] {
    const now = this.#clock.monotonic();
    const known = this.#entries.get(url);
    this.#entries.delete(url);
    const valid = known && now - known.touched < IDLE_MS ? known.variation : variation;
    const rows = varied(make, valid);
    const kept: Variation = rows.length === 0 ? { kind: "stale-empty", luck: 0 } : valid;
    this.#entries.set(url, { touched: now, variation: kept });
    const oldest = this.#entries.size > MAX_ENTRIES ? this.#entries.keys().next() : undefined;
    if (oldest && !oldest.done) this.#entries.delete(oldest.value);
    return rows;
  }
}

/** Rows as a variation leaves them. */
export function varied(make: () => readonly RawRow[], { kind, luck }: Variation): readonly RawRow[] {
  if (kind === "stale-empty") return [];
  if (kind === "short") return shortened(make(), luck);
  return kind === "late" ? withoutLate(make(), luck) : make();
}
