import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../runtime/chain/clock.ts";
import { NOW } from "./line.ts";

/** How much faster than the machine's it runs: 13 s pass in 22 ms, an hour in 6 s. */
const SPEED = 600;

/** A clock that runs fast, and shows the same time in all processes that are given the same `origin` (Unix ms, real). */
export function fastClock(origin: number): Clock {
  const elapsed = () => (performance.timeOrigin + performance.now() - origin) * SPEED;
  return {
    now: () => Math.round(NOW + elapsed()),
    monotonic: elapsed,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      const real = ms / SPEED;
      try {
        // Timers are no finer than a millisecond; who waits for less goes on by itself.
        if (real < 0.5) await nextTurn();
        else await delay(Math.ceil(real), undefined, signal ? { signal } : {});
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    },
  };
}
