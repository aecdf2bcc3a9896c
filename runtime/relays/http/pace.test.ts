import test from "ava";
import fc from "fast-check";
import { VirtualClock } from "../../chain/virtualClock.ts";
import { HeldTooLongError, Pace } from "./pace.ts";

/** A relay's rate limit as most servers have it; what it refuses costs nothing. */
class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at = 0;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  admits(nowMs: number): boolean {
    const gained = ((nowMs - this.#at) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#at = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

interface Outcome {
  readonly startedAt: number;
  readonly admitted: boolean;
}

/** A rate that is probed upward from another one, and what is told of it in the end. */
interface Probing {
  readonly startRate: number;
  readonly told?: (pace: Pace) => void;
}

/** Asks as fast as the pace allows until a time (s), with answers that take `latencyMs`; returns all requests. */
async function drive(
  setRate: number,
  seconds: number,
  latencyMs: number,
  admits: (nowMs: number) => boolean,
  { startRate, told = () => {} }: Probing = { startRate: setRate },
): Promise<Outcome[]> {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const pace = new Pace(setRate, clock, { startRate });
  const outcomes: Outcome[] = [];
  const worker = async () => {
    for (;;) {
      const turn = await pace.turn();
      if (turn.startedAt >= seconds * 1000) return;
      await clock.sleep(latencyMs / 2);
      const admitted = admits(clock.monotonic());
      await clock.sleep(latencyMs / 2);
      outcomes.push({ startedAt: turn.startedAt, admitted });
      if (admitted) pace.succeeded(turn);
      else pace.refused(turn);
    }
  };
  // Enough of them to keep the rate up while answers are awaited.
  await Promise.all(Array.from({ length: Math.ceil((setRate * latencyMs) / 1000) + 2 }, worker));
  told(pace);
  return outcomes.toSorted((a, b) => a.startedAt - b.startedAt);
}

function figures(outcomes: readonly Outcome[], fromS: number, toS: number) {
  const within = outcomes.filter(({ startedAt }) => startedAt >= fromS * 1000 && startedAt < toS * 1000);
  const admitted = within.filter((outcome) => outcome.admitted).length;
  return { perSecond: admitted / (toS - fromS), refused: 1 - admitted / within.length };
}

const relayRate = fc.constantFrom(0.5, 0.8, 1, 2, 5, 10, 30, 100);
/** The limit's burst as a share of what it lets through in a second. */
const burstShare = fc.constantFrom(0, 0.5, 1);
const latency = fc.constantFrom(5, 50, 200);
/** Long enough that one refusal is well under a percent. */
const secondsFor = (rate: number) => Math.max(60, Math.ceil(200 / rate));

test("at the relay's own rate at least 95 % of it is used and under 2 % refused", async (t) => {
  await fc.assert(
    fc.asyncProperty(relayRate, burstShare, latency, async (rate, share, latencyMs) => {
      const bucket = new TokenBucket(rate, Math.max(1, rate * share));
      const seconds = secondsFor(rate);
      const outcomes = await drive(rate, seconds, latencyMs, (now) => bucket.admits(now));
      const { perSecond, refused } = figures(outcomes, 0, seconds);
      t.true(perSecond >= 0.95 * rate, `${perSecond} of ${rate} a second`);
      t.true(refused < 0.02, `${refused} refused`);
    }),
    { numRuns: 12 },
  );
});

test("set to four times the relay's rate it finds 85 % of it within 10 s, with under 3 % refused", async (t) => {
  await fc.assert(
    fc.asyncProperty(relayRate, burstShare, latency, async (rate, share, latencyMs) => {
      const bucket = new TokenBucket(rate, Math.max(1, rate * share));
      const seconds = 10 + secondsFor(rate);
      const outcomes = await drive(4 * rate, seconds, latencyMs, (now) => bucket.admits(now));
      const { perSecond, refused } = figures(outcomes, 10, seconds);
      t.true(perSecond >= 0.85 * rate, `${perSecond} of ${rate} a second`);
      t.true(refused < 0.03, `${refused} refused`);
    }),
    { numRuns: 12 },
  );
});

test("in any span of w seconds at most rate·w + 1 requests start, whatever is answered", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0.2, max: 50, noNaN: true }),
      latency,
      fc.func(fc.boolean()),
      async (rate, latencyMs, admits) => {
        const outcomes = await drive(rate, 100 / rate, latencyMs, (now) => admits(Math.round(now)));
        const starts = outcomes.map(({ startedAt }) => startedAt);
        for (let i = 1; i < starts.length; i++) {
          const gap = (starts[i] ?? 0) - (starts[i - 1] ?? 0);
          t.true(gap * rate >= 1000 - 1e-6, `${gap} ms between two at ${rate} a second`);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test("no request starts inside a Retry-After, and none is due in a bunch after it", async (t) => {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const pace = new Pace(10, clock);
  const first = await pace.turn();
  const waiting = [pace.turn(), pace.turn(), pace.turn()];
  pace.refused(first, 30_000);
  t.is(pace.heldMs, 30_000);
  const starts = (await Promise.all(waiting)).map(({ startedAt }) => startedAt);
  t.true(starts[0] !== undefined && starts[0] >= 30_000, `started at ${starts[0]}`);
  t.true(starts.every((at, i) => i === 0 || at - (starts[i - 1] ?? 0) >= 100));
  // An earlier, shorter wish doesn't end a longer one.
  const turn = await pace.turn();
  pace.refused(turn, 50_000);
  pace.refused(turn, 1000);
  t.is(pace.heldMs, 50_000);
});

test("a wait longer than anybody waits is told at once, also to those already waiting", async (t) => {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const pace = new Pace(1, clock, { longestHoldMs: 60_000 });
  const first = await pace.turn();
  const waiting = Promise.allSettled([pace.turn(), pace.turn()]);
  pace.refused(first, 3_600_000);
  for (const { status } of await waiting) t.is(status, "rejected");
  const error = await t.throwsAsync(pace.turn(), { instanceOf: HeldTooLongError });
  t.true(error.heldMs > 3_500_000);
});

test("requests that were under way at a cut don't cut again", async (t) => {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const pace = new Pace(100, clock);
  const turns = await Promise.all(Array.from({ length: 10 }, () => pace.turn()));
  for (const turn of turns) pace.refused(turn);
  t.true(pace.rate > 90 && pace.rate < 100, `${pace.rate}`);
});

test("refusals that don't depend on the rate don't bring it down to nothing", async (t) => {
  let asked = 0;
  const outcomes = await drive(50, 300, 20, () => ++asked % 10 !== 0);
  const { perSecond } = figures(outcomes, 200, 300);
  t.true(perSecond > 1.5, `${perSecond}`);
});

test("a rate that was cut long ago is found again", async (t) => {
  const outcomes = await drive(20, 900, 20, (now) => now > 30_000 || now < 5000);
  const { perSecond } = figures(outcomes, 800, 900);
  t.true(perSecond > 18, `${perSecond}`);
});

test("who gives up waiting leaves its place to the next, and the spacing as it was", async (t) => {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const pace = new Pace(1, clock);
  await pace.turn();
  const stop = new AbortController();
  const second = pace.turn(stop.signal);
  const third = pace.turn();
  const gone = new Error("gone");
  stop.abort(gone);
  t.is(await t.throwsAsync(second), gone);
  const { startedAt } = await third;
  t.true(startedAt >= 1000 && startedAt < 1100, `${startedAt}`);
  await t.throwsAsync(pace.turn(AbortSignal.abort(gone)));
  await t.throwsAsync(
    pace.turn(undefined, () => Promise.reject(gone)),
    { is: gone },
  );
  await t.notThrowsAsync(pace.turn());
});

/** Highest rate over windows of 20 requests that began by a time. */
function fastest(outcomes: readonly Outcome[], fromS: number, toS: number): number {
  const starts = outcomes.map(({ startedAt }) => startedAt / 1000).filter((at) => at >= fromS && at <= toS);
  return Math.max(...starts.slice(20).map((at, i) => 20 / (at - (starts[i] ?? 0))));
}

test("with a limit of 20 and a directory figure of 1 it asks once a second, and 20 times after ten minutes", async (t) => {
  const outcomes = await drive(20, 620, 100, () => true, { startRate: 1 });
  t.true(fastest(outcomes, 0, 60) <= 1);
  const { perSecond } = figures(outcomes, 600, 620);
  t.true(perSecond > 19.5 && perSecond <= 20, `${perSecond}`);
});

test("a refusal by chance on the way up costs minutes, not hours", async (t) => {
  const outcomes = await drive(8, 2400, 100, (now) => now < 30_000 || now > 31_500, {
    startRate: 1,
  });
  t.true(outcomes.some(({ admitted }) => !admitted));
  const { perSecond } = figures(outcomes, 2300, 2400);
  t.true(perSecond > 7, `${perSecond}`);
});

test("a relay of unknown limit grows by half in a minute at most, and never past the ceiling", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0.5, 1, 2),
      fc.double({ min: 1.05, max: 4, noNaN: true }),
      async (start, factor) => {
        const ceiling = start * factor;
        let borne: number | undefined;
        const hours = 1;
        const told = (pace: Pace) => {
          borne = pace.borne;
        };
        const outcomes = await drive(ceiling, hours * 3600, 100, () => true, { startRate: start, told });
        for (const minutes of [1, 2, 3, 30]) {
          const most = Math.min(ceiling, start * 1.5 ** minutes) * 1.001;
          const reached = fastest(outcomes, 0, minutes * 60);
          t.true(reached <= most, `${reached} requests a second within ${minutes} minutes from ${start}`);
        }
        t.true(fastest(outcomes, 0, hours * 3600) <= ceiling * 1.001);
        const { perSecond } = figures(outcomes, (hours - 0.3) * 3600, hours * 3600);
        t.true(perSecond >= 0.9 * ceiling, `${perSecond} of ${ceiling} in the end`);
        t.true((borne ?? 0) >= 0.9 * ceiling && (borne ?? 0) <= ceiling, `borne ${borne} of ${ceiling}`);
      },
    ),
    { numRuns: 6 },
  );
});

test("probed upward it settles just under what the relay bears, with under 3 % refused, and says so", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(0.7, 1.5, 3), burstShare, async (rate, share) => {
      const bucket = new TokenBucket(rate, Math.max(1, rate * share));
      let borne: number | undefined;
      const told = (pace: Pace) => {
        borne = pace.borne;
      };
      const outcomes = await drive(20, 3 * 3600, 100, (now) => bucket.admits(now), { startRate: 1, told });
      const { perSecond, refused } = figures(outcomes, 2 * 3600, 3 * 3600);
      t.true(perSecond >= 0.85 * rate, `${perSecond} of ${rate}`);
      t.true(refused < 0.03, `${refused} refused`);
      t.true((borne ?? 0) > 0.8 * rate && (borne ?? 0) <= 1.02 * rate, `borne ${borne} of ${rate}`);
    }),
    { numRuns: 6 },
  );
});

test("a rate that isn't used isn't taken for borne", async (t) => {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const pace = new Pace(50, clock, { startRate: 5 });
  // One at a time with answers that take a second: a request a second, whatever the pace would allow.
  for (let i = 0; i < 3600; i++) {
    const turn = await pace.turn();
    await clock.sleep(1000);
    pace.succeeded(turn);
  }
  t.true(pace.rate <= 5, `${pace.rate}`);
  t.true((pace.borne ?? 0) > 0.9 && (pace.borne ?? 0) <= 1.1, `${pace.borne}`);
});

test("a rate of nothing is refused", (t) => {
  const clock = new VirtualClock();
  for (const rate of [0, -1, Number.NaN]) t.throws(() => new Pace(rate, clock), { instanceOf: RangeError });
});
