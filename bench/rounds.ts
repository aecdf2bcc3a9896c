/** One way of doing the work, run once a round. */
export type Variant = () => unknown;

/** Milliseconds of every round, by variant. */
export type Times<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/** Fewer rounds than this say little on a machine that does other things too. */
export const ROUNDS = 11;

/**
 * Times variants side by side in one process: each round runs every variant once, in turn from another one, so that
 * whatever slows the machine down meets all of them. A first round, to warm up, isn't counted.
 */
export async function interleaved<Name extends string>(
  variants: Readonly<Record<Name, Variant>>,
  rounds = ROUNDS,
): Promise<Times<Name>> {
  const names = Object.keys(variants) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round + 1) % names.length];
      if (name === undefined) continue;
      // Each starts from a heap that is clean and then grown by its own kind of work: a collection shrinks V8's young heap.
      globalThis.gc?.();
      await variants[name]();
      const start = performance.now();
      await variants[name]();
      const ms = performance.now() - start;
      if (round >= 0) times[name].push(ms);
    }
  }
  return times;
}

/** The middle value; of an even number, the higher of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** How often `slow` takes the time of `fast`: the median over rounds, each compared with itself. */
export function ratio(slow: readonly number[], fast: readonly number[]): number {
  return median(slow.map((ms, round) => ms / (fast[round] ?? Number.NaN)));
}
