import test from "ava";
import fc from "fast-check";
import { isBeyondChance } from "./chance.ts";

/** The binomial's upper tail by multiplying ratios of neighbouring terms, without any logarithm. */
function tail(hits: number, among: number, usual: number): number {
  let term = (1 - usual) ** among;
  let sum = 0;
  for (let k = 0; k <= among; k++) {
    if (k >= hits) sum += term;
    term *= ((among - k) / (k + 1)) * (usual / (1 - usual));
  }
  return sum;
}

test("what is beyond chance is what the binomial distribution brings less than once in a million times", (t) => {
  const share = fc.integer({ min: 1, max: 30 }).map((percent) => percent / 100);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }),
      share,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (among, usual, part) => {
        const hits = Math.round(part * among);
        const chance = tail(hits, among, usual);
        // At the very border the two ways of adding up may differ.
        if (Math.abs(chance - 1e-6) < 1e-9) return;
        t.is(
          isBeyondChance(hits, among, usual),
          hits > among * usual && chance < 1e-6,
          `${hits} of ${among} at ${usual}`,
        );
      },
    ),
  );
});

test("few among few are never beyond chance, many among many may be", (t) => {
  t.false(isBeyondChance(0, 0, 0.1));
  t.false(isBeyondChance(3, 3, 0.1));
  t.true(isBeyondChance(7, 7, 0.1));
  t.false(isBeyondChance(1_000_000, 10_000_000, 0.1));
  t.true(isBeyondChance(1_010_000, 10_000_000, 0.1));
});
