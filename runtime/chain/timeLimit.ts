import type { Clock } from "./clock.ts";

/** A signal that is aborted with another, or when a time is up. */
export interface Limited {
  readonly stop: AbortSignal;
  /** Gives the clock's alarm back. */
  end(): Promise<void>;
}

/** Limits a work to so many seconds; without a limit to the other signal alone. */
export function withTimeLimit(stop: AbortSignal, clock: Clock, seconds: number | undefined): Limited {
  if (seconds === undefined) return { stop, end: async () => {} };
  const timeIsUp = new AbortController();
  const done = new AbortController();
  const alarm = clock.sleep(seconds * 1000, done.signal).then(
    () => timeIsUp.abort(new Error(`the time limit of ${seconds} s was reached`)),
    () => undefined,
  );
  return {
    stop: AbortSignal.any([stop, timeIsUp.signal]),
    async end() {
      done.abort(new Error("the work is done"));
      await alarm;
    },
  };
}
