import { dueAtTick } from "./plan.ts";
import { type CollectOptions, collect } from "./run.ts";
import type { Tally } from "./tally.ts";

/** One of many passes, each within its time. */
export interface TickOptions extends Omit<CollectOptions, "wanted"> {
  /** When the tick before began, Unix ms; undefined for the first, which asks for all that is missing. */
  readonly previousTickMs: number | undefined;
  /** Time after which nothing more is asked, ms. What was read by then is written. */
  readonly deadlineMs: number;
}

/**
 * One tick: collects what is missing and due, until done, stopped, or out of time. Ticks need no state: a slot that fails
 * is asked again at every doubling of its age, whoever asks.
 */
export async function tick(options: TickOptions): Promise<Tally[]> {
  const { network, clock, stop, previousTickMs, deadlineMs } = options;
  const due = dueAtTick(network, clock.now(), previousTickMs);
  const timeIsUp = new AbortController();
  const done = new AbortController();
  const alarm = clock.sleep(deadlineMs, done.signal).then(
    () => timeIsUp.abort(new Error("the tick's time is up")),
    () => undefined,
  );
  try {
    return await collect({ ...options, stop: AbortSignal.any([stop, timeIsUp.signal]), wanted: () => due });
  } finally {
    done.abort(new Error("the tick is done"));
    await alarm;
  }
}
