import type { Clock } from "../chain/clock.ts";

/** A relay that is down is tried again after so long, ms, while others give something to do. */
const REST_MS = 5 * 60_000;

/** Which relays are at work: those that are down wait for better times only as long as another one works. */
export class Shift {
  readonly #clock: Clock;
  readonly #stop: AbortSignal;
  readonly #over = new AbortController();
  #working: number;

  constructor(clock: Clock, relays: number, stop: AbortSignal) {
    this.#clock = clock;
    this.#working = relays;
    this.#stop = stop;
  }

  /** A relay has nothing more to do. */
  leave(): void {
    if (--this.#working <= 0) this.#over.abort(new Error("nobody is at work any more"));
  }

  /** Waits a while; false when waiting on is no use. */
  async rest(): Promise<boolean> {
    this.leave();
    const ended = AbortSignal.any([this.#stop, this.#over.signal]);
    try {
      await this.#clock.sleep(REST_MS, ended);
    } catch (error) {
      if (!ended.aborted) throw error;
    }
    // Leaving for good is counted once more by who called.
    this.#working++;
    return !ended.aborted;
  }
}
