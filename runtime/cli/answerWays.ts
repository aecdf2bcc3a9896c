import { DATASET_NAMES } from "../datasets/dataset.ts";
import { type Counts, type Tally, countsOf } from "../collect/tally.ts";
import { grouped } from "./numbers.ts";

/** How answers with rows became lines: by the kernel, or by the decoder alone where the kernel left them to it. */
export type AnswerWays = Readonly<Counts["ways"]>;

/** From this share of its answers on a relay is named: it speaks in a form that the kernel doesn't know. */
const NAMED_SHARE = 0.01;

/** By relay; without those of which no answer was given to the kernel. */
export function answerWays(tallies: readonly Tally[]): Readonly<Record<string, AnswerWays>> {
  const ways: Record<string, Counts["ways"]> = {};
  for (const tally of tallies) {
    for (const name of DATASET_NAMES) {
      const { kernel, fallback } = countsOf(tally, name).ways;
      if (kernel + fallback === 0) continue;
      const sum = (ways[tally.relay] ??= { kernel: 0, fallback: 0 });
      sum.kernel += kernel;
      sum.fallback += fallback;
    }
  }
  return ways;
}

/** What a run's summary says of them; nothing where the kernel is off or nothing was asked. */
export function answerWaysLines(ways: Readonly<Record<string, AnswerWays>>): string[] {
  const all = Object.entries(ways);
  if (all.length === 0) return [];
  const sum = (way: keyof AnswerWays) => all.reduce((total, [, own]) => total + own[way], 0);
  const named = all.filter(([, { kernel, fallback }]) => fallback > NAMED_SHARE * (kernel + fallback));
  return [
    `${grouped(sum("kernel"))} answers by the kernel, ${grouped(sum("fallback"))} by the fallback`,
    ...named.map(
      ([relay, { kernel, fallback }]) =>
        `${relay}: ${grouped(fallback)} of ${grouped(kernel + fallback)} answers were of a form that the kernel doesn't know: read as well, but several times slower`,
    ),
  ];
}
