import type { RelayError } from "./errors.ts";

/** So many questions in a row without a use make it doubtful that the relay is of any. */
const DOUBTFUL = 8;
/** Before the relay has been of use, a time-out counts as much as so many quick failures: each takes half a minute. */
const TIMEOUT_WEIGHT = 4;

/**
 * Whether a relay is of use. Eight questions in a row without a sound answer, and one for its newest payload that gets none
 * either, make it down; so one bad slot among good ones never does. A relay that hasn't been of use yet isn't given the
 * benefit of retries: there each request counts as a question.
 */
export class Liveness {
  readonly #newest: (signal?: AbortSignal) => Promise<RelayError | undefined>;
  #proven = false;
  #useless = 0;
  #down: RelayError | undefined;
  #knocking: Promise<boolean> | undefined;

  /** `newest` asks for the relay's newest payload; what it resolves to is why there was no sound answer. */
  constructor(newest: (signal?: AbortSignal) => Promise<RelayError | undefined>) {
    this.#newest = newest;
  }

  /** True once the relay has given a sound answer, until it is down. */
  get proven(): boolean {
    return this.#proven;
  }

  /** Why the relay counts as down; undefined when it doesn't. */
  get down(): RelayError | undefined {
    return this.#down;
  }

  /** A sound answer came. */
  sound(): void {
    this.#proven = true;
    this.revive();
  }

  /** Takes the relay for worth asking again, until it shows otherwise. */
  revive(): void {
    this.#useless = 0;
    this.#down = undefined;
  }

  /** A question was of no use, by what fault. Resolves when it is clear whether the relay is down. */
  async useless(fault: RelayError | undefined, signal?: AbortSignal): Promise<void> {
    if (this.#down) return;
    this.#useless += !this.#proven && fault?.kind === "timeout" ? TIMEOUT_WEIGHT : 1;
    if (this.#useless >= DOUBTFUL) await this.knock(signal);
  }

  /** Asks for the newest payload, also of a relay that is down: true when the answer is sound, and it is of use again. */
  async knock(signal?: AbortSignal): Promise<boolean> {
    this.#knocking ??= this.#knock(signal).finally(() => {
      this.#knocking = undefined;
    });
    return this.#knocking;
  }

  async #knock(signal?: AbortSignal): Promise<boolean> {
    const why = await this.#newest(signal);
    // Another answer may have come meanwhile.
    if (why && why.kind !== "aborted" && (this.#useless >= DOUBTFUL || this.#down)) {
      this.#down = why;
      this.#proven = false;
    }
    return why === undefined;
  }
}
