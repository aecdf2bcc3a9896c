import test from "ava";
import { newTally } from "../collect/tally.ts";
import { answerWays, answerWaysLines } from "./answerWays.ts";

function tallied(relay: string, kernel: number, fallback: number) {
  const tally = newTally(relay);
  Object.assign(tally.bids.ways, { kernel, fallback });
  return tally;
}

test("a run says how answers were read, and names each relay of which over one in a hundred fell back", (t) => {
  const ways = answerWays([tallied("one", 1000, 10), tallied("two", 99, 2), tallied("silent", 0, 0)]);
  t.deepEqual(ways, { one: { kernel: 1000, fallback: 10 }, two: { kernel: 99, fallback: 2 } });
  t.deepEqual(answerWaysLines(ways), [
    "1,099 answers by the kernel, 12 by the fallback",
    "two: 2 of 101 answers were of a form that the kernel doesn't know: read as well, but several times slower",
  ]);
});

test("with the kernel off, or nothing asked, a run says nothing of it", (t) => {
  t.deepEqual(answerWaysLines(answerWays([tallied("one", 0, 0)])), []);
});
