import { Random } from "./random.ts";

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

/** The names of a seed's builders by public key. */
export function builderNames(seed: number): ReadonlyMap<string, string> {
  return new Map(buildersOf(seed).flatMap(({ name, keys }) => keys.map((key) => [key, name] as const)));
}
