import test from "ava";
import fc from "fast-check";
import { timeTicks } from "./timeTicks.ts";

const YEAR = 365 * 86_400_000;

test("marks of a time axis lie in it, aren't too many nor too few, and no two are written alike", (t) => {
  const lengths = fc.oneof(
    fc.integer({ min: 12_000, max: 3_600_000 }),
    fc.integer({ min: 3_600_000, max: YEAR / 10 }),
    fc.integer({ min: YEAR / 10, max: 8 * YEAR }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 50 * YEAR, max: 60 * YEAR }),
      lengths,
      fc.constantFrom(4, 9),
      (from, length, most) => {
        const { times, format } = timeTicks(from, from + length, most);
        t.true(times.length <= most + 1, `${times.length} marks`);
        t.true(times.length >= 1);
        t.true(times.every((time) => time.getTime() >= from && time.getTime() <= from + length));
        const texts = times.map(format);
        t.is(new Set(texts).size, texts.length, texts.join(" "));
      },
    ),
    { numRuns: 2000 },
  );
});

test("marks say what their distance asks for: the second, the minute, the day and the minute, the day, the month", (t) => {
  const from = Date.UTC(2026, 10, 28, 23, 40);
  const written = (length: number) => {
    const { times, format } = timeTicks(from, from + length, 9);
    return times.map(format).slice(0, 2);
  };
  t.deepEqual(written(60_000), ["23:40:00", "23:40:10"]);
  t.deepEqual(written(12 * 60_000), ["23:40", "23:42"]);
  t.deepEqual(written(30 * 3_600_000), ["29. 00:00", "29. 06:00"]);
  t.deepEqual(written(8 * 86_400_000), ["11-29", "11-30"]);
  t.deepEqual(written(YEAR), ["2027-01", "2027-03"]);
});
