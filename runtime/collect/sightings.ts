/** How long a URL that was asked is left alone, ms: Helix answers from a cache that lives 12 s. */
export const REST_MS = 13_000;
/** Slots that are remembered: witnesses are looked for near what was asked lately. */
const KEPT = 2048;

interface Sighting {
  /** True once the slot has shown rows, or is known to have been delivered. */
  readonly full: boolean;
  /** By the clock's `monotonic()`, ms. */
  readonly askedAt: number;
}

/** What a relay has shown of a dataset's slots in one pass, and when each of them was last asked for. */
export class Sightings {
  readonly #slots = new Map<number, Sighting>();
  /** A slot was asked for, and answered with rows or without. */
  note(slot: number, full: boolean, askedAt: number): void {
    const known = this.#slots.get(slot);
    this.#slots.delete(slot);
    this.#slots.set(slot, { full: full || (known?.full ?? false), askedAt });
    const oldest = this.#slots.size > KEPT ? this.#slots.keys().next() : undefined;
    if (oldest && !oldest.done) this.#slots.delete(oldest.value);
  }

  /** A slot has rows, though nobody asked for it yet. */
  expect(slot: number): void {
    if (!this.#slots.get(slot)?.full)
      this.#slots.set(slot, { full: true, askedAt: this.#slots.get(slot)?.askedAt ?? -Infinity });
  }

  /** Share of the slots asked for, from a slot on upwards, that have rows; 0 where none was asked. */
  shareFrom(slot: number): number {
    let asked = 0;
    let full = 0;
    for (const [each, sighting] of this.#slots) {
      if (each < slot || sighting.askedAt === -Infinity) continue;
      asked++;
      if (sighting.full) full++;
    }
    return asked === 0 ? 0 : full / asked;
  }

  isFull(slot: number): boolean {
    return this.#slots.get(slot)?.full ?? false;
  }

  /** When a slot may be asked for (again), by `monotonic()`. */
  restsUntil(slot: number): number {
    return (this.#slots.get(slot)?.askedAt ?? -Infinity) + REST_MS;
  }

  /**
   * The slots above (or below) a slot that are known to have rows: those that may be asked for at `now` first, each part the
   * nearest first.
   */
  witnesses(side: "above" | "below", slot: number, now: number): number[] {
    const found: number[] = [];
    for (const [each, { full }] of this.#slots)
      if (full && (side === "above" ? each > slot : each < slot)) found.push(each);
    const wait = (each: number) => Math.max(0, this.restsUntil(each) - now);
    return found.toSorted((a, b) => wait(a) - wait(b) || Math.abs(a - slot) - Math.abs(b - slot));
  }

  /** The oldest and the newest slot that are known to have rows and may be asked for at `now`, or at all; undefined without any. */
  ends(now = Infinity): { oldest: number; newest: number } | undefined {
    let found: { oldest: number; newest: number } | undefined;
    for (const [slot, { full, askedAt }] of this.#slots) {
      if (!full || askedAt + REST_MS > now) continue;
      if (!found) found = { oldest: slot, newest: slot };
      else found = { oldest: Math.min(found.oldest, slot), newest: Math.max(found.newest, slot) };
    }
    return found;
  }
}
