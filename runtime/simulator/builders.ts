import { Random, unit } from "./random.ts";

/** Keeps what is drawn for builders apart from the rest of the world (see `salt` there). */
const SALT = 5;

/** Names of the simulated builders, the largest first. */
const NAMES = [
  "alder",
  "beech",
  "cedar",
  "damson",
  "elder",
  "fir",
  "gean",
  "hazel",
  "ivy",
  "juniper",
  "kapok",
  "larch",
  "maple",
  "nutmeg",
  "oak",
  "pine",
  "quince",
  "rowan",
] as const;

/** A builder of the simulated network. Its size and the swing of its share are of no unit: only their ratios count. */
export interface Builder {
  readonly name: string;
  readonly keys: readonly [string, ...string[]];
  readonly size: number;
  /** Slots in which its share swings once up and down. */
  readonly period: number;
  readonly phase: number;
}

/** The builders of a seed. */
export function buildersOf(seed: number): readonly Builder[] {
  return NAMES.map((name, rank) => {
    const random = new Random(seed, SALT, rank);
    const more = Array.from({ length: random.below(3) }, () => random.hex(96));
    return {
      name,
      keys: [random.hex(96), ...more],
      size: 1 / (1 + rank),
      period: 2_000 + random.below(60_000),
      phase: random.unit() * 2 * Math.PI,
    };
  });
}

/** So many of the largest builders send to every relay; of the others each to some of them. */
const EVERYWHERE = 4;
const REACHED = 0.7;
const REACH_SALT = 8;

/** Whether a builder, by its rank, sends to a relay, by its index. */
export function reaches(seed: number, builder: number, relay: number): boolean {
  return builder < EVERYWHERE || unit(seed, REACH_SALT, relay, builder) < REACHED;
}

/** Who makes the blocks of a slot, by what each builder's share of it is. */
export class Makers {
  readonly #seed: number;
  readonly #shares: readonly number[];
  readonly #weights = new Map<string, readonly number[]>();

  constructor(seed: number, shares: readonly number[]) {
    this.#seed = seed;
    this.#shares = shares;
  }

  /** The rank of the builder at a place from 0 to below 1, among those that send to all of some relays. */
  at(place: number, relays: readonly number[]): number {
    const key = relays.join();
    let weights = this.#weights.get(key);
    if (!weights) {
      const sends = (rank: number) => relays.every((relay) => reaches(this.#seed, rank, relay));
      let sum = 0;
      weights = this.#shares.map((share, rank) => (sum += sends(rank) ? share : 0));
      this.#weights.set(key, weights);
    }
    const wanted = place * (weights.at(-1) ?? 0);
    return Math.max(
      0,
      weights.findIndex((sum) => sum > wanted),
    );
  }
}

/** The names of a seed's builders by public key. */
export function builderNames(seed: number): ReadonlyMap<string, string> {
  return new Map(buildersOf(seed).flatMap(({ name, keys }) => keys.map((key) => [key, name] as const)));
}
