import type { Body } from "./bodies.ts";

/** An answer as a CDN keeps it. */
interface Kept {
  readonly body: Body;
  /** Unix ms that the relay dated it with. */
  readonly dateMs: number;
  /** When it came, ms of a clock that only grows. */
  readonly at: number;
}

const MAX_ENTRIES = 500;

/** The cache of a CDN in front of a relay: it serves an answer with rows again, whatever the relay would answer by then. */
export class Cdn {
  readonly #kept = new Map<string, Kept>();

  /** What is kept of a URL and isn't older than `keepsMs`, with its age in ms. */
  get(url: string, keepsMs: number, now: number): (Kept & { readonly ageMs: number }) | undefined {
    const kept = this.#kept.get(url);
    return kept && now - kept.at < keepsMs ? { ...kept, ageMs: now - kept.at } : undefined;
  }

  set(url: string, kept: Kept): void {
    if (kept.body.isEmpty) return;
    this.#kept.delete(url);
    this.#kept.set(url, kept);
    const oldest = this.#kept.size > MAX_ENTRIES ? this.#kept.keys().next() : undefined;
    if (oldest && !oldest.done) this.#kept.delete(oldest.value);
  }
}
