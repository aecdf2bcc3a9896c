import { setTimeout as delay } from "node:timers/promises";

/** The one source of time: everything that waits, dates or paces takes one of these. */
export interface Clock {
  /** Unix time, ms. */
  now(): number;
  /** Time that only grows, ms, from an arbitrary origin. */
  monotonic(): number;
  /** Waits that many ms; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** True where the date stands still, by `--now`: then it is no sign of a wrong clock that others have another. */
  readonly isFixed?: boolean;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};

/** A clock whose date stands still (`--now`); waiting and pacing go on by the machine's clock. */
export function fixedDateClock(unixMs: number): Clock {
  return { ...systemClock, now: () => unixMs, isFixed: true };
}
