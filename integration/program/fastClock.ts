import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../runtime/chain/clock.ts";
import { NOW } from "./line.ts";

/** How much faster than the machine's it runs: 13 s pass in 0.2 s, an hour in a minute. */
const SPEED = 60;

/**
 * A clock on which waiting passes fast while the date goes on as ever, the same in all processes that are given the same
 * `origin` (Unix ms, real): the head of a simulated network stays where it is, and answers can still be told by their order.
 */
export function fastClock(origin: number): Clock {
  const elapsed = () => performance.timeOrigin + performance.now() - origin;
  return {
    now: () => Math.round(NOW + elapsed()),
    monotonic: () => elapsed() * SPEED,
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
