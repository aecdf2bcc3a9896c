import type { Flaw } from "./profile.ts";
import { Random } from "./random.ts";
import type { SimulatedRow } from "./rows.ts";
import type { Block } from "./world.ts";

/** Salts that keep what is drawn for flaws apart; above those of relays' rows. */
const salt = { empty: 64, unpublished: 65, crowd: 66, repeats: 67, unreadable: 68 } as const;

/** The newest or the oldest so many of rows in the order in which they were stored. */
export function cutOff<T>(
  stored: readonly T[],
  { rows, keeps }: { readonly rows: number; readonly keeps: "newest" | "oldest" },
): readonly T[] {
  return keeps === "oldest" ? stored.slice(0, rows) : stored.slice(-rows);
}

/** A flaw at work in one slot of a relay. */
export class FlawInSlot {
  readonly #flaw: Flaw | undefined;
  readonly #slot: number;
  readonly #seed: readonly number[];

  constructor(flaw: Flaw | undefined, seed: number, slot: number, relay: number) {
    this.#flaw = flaw;
    this.#slot = slot;
    this.#seed = [seed, slot, relay];
  }

  get hidesBids(): boolean {
    const flaw = this.#flaw;
    if (flaw?.kind === "stuck-empty") return this.#random(salt.empty).chance(0.5);
    return flaw?.kind === "no-bids" || this.#isQuiet();
  }

  get hidesPayloads(): boolean {
    return this.#isQuiet();
  }

  /** The blocks that it says it delivered, which are among its bids too. */
  delivered(blocks: readonly Block[]): readonly Block[] {
    const flaw = this.#flaw;
    const [winner] = blocks;
    if (!winner) return blocks;
    if (flaw?.kind === "unpublished") {
      const random = this.#random(salt.unpublished);
      return random.chance(0.7) ? [{ ...winner, hash: random.hex(64) }] : blocks;
    }
    if (flaw?.kind === "crowded") {
      const random = this.#random(salt.crowd);
      const more = Array.from({ length: flaw.payloads - 1 }, () => ({ ...winner, hash: random.hex(64) }));
      return [...more, winner];
    }
    return blocks;
  }

  payload(row: SimulatedRow): SimulatedRow {
    return this.#flaw?.kind === "overclaims" && row.quirk === undefined
      ? row.with({ block: { ...row.block, value: `${row.block.value}0` } })
      : this.#drifted(row);
  }

  /** Bids that came to this relay alone. */
  ownBids(rows: readonly SimulatedRow[]): readonly SimulatedRow[] {
    if (this.#flaw?.kind !== "unreadable") return rows;
    const random = this.#random(salt.unreadable);
    const value = `"${"9".repeat(40)}"`;
    return rows.map((row) =>
      random.chance(0.3) ? row.with({ quirk: { sent: { value }, kept: undefined } }) : row,
    );
  }

  /** All bids of the slot, in the order in which they were stored. */
  bids(rows: readonly SimulatedRow[]): readonly SimulatedRow[] {
    const flaw = this.#flaw;
    if (flaw?.kind === "cut") return cutOff(rows, flaw);
    if (flaw?.kind === "clock")
      return rows.map((row) =>
        row.with({ received: row.received && { ...row.received, ms: row.received.ms + flaw.ms } }),
      );
    if (flaw?.kind === "repeats") {
      const random = this.#random(salt.repeats);
      return rows.flatMap((row) => (random.chance(0.8) ? [row, row] : [row]));
    }
    return rows.map((row) => this.#drifted(row));
  }

  #drifted(row: SimulatedRow): SimulatedRow {
    const flaw = this.#flaw;
    if (flaw?.kind !== "drifts" || this.#slot < flaw.from || row.quirk !== undefined) return row;
    const sent = { num_tx: "null", region: '"eu"' };
    return row.with({ quirk: { sent, kept: { num_tx: null }, unknown: { region: '"eu"' } } });
  }

  #isQuiet(): boolean {
    return this.#flaw?.kind === "quiet" && this.#slot >= this.#flaw.from;
  }

  #random(what: number): Random {
    return new Random(what, ...this.#seed);
  }
}
