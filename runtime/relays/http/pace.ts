import type { Clock } from "../../chain/clock.ts";

/** Requests are spaced a little wider than the rate says, so that two clocks' differences don't make a relay count one too many. */
const SPACING = 1.005;
/** A single refusal takes this off the rate; refusals that follow each other closely take more. */
const CUT = 0.92;
const CLUSTER_CUT = 0.7;
/** So few successes since the last cut make the next refusal part of the same trouble. */
const CLUSTER = 6;
/** The ceiling that is remembered lies this far under the rate that was refused. */
const CEILING = 0.94;
/** Growing back to the ceiling takes this many successes, or this long when they are quick. */
const REGROW_SUCCESSES = 60;
const REGROW_SECONDS = 10;
/** Beyond the ceiling the rate grows by this share in each such period … */
const PROBE = 0.02;
/** … and ever faster after this many of them without a refusal. */
const QUIET_PERIODS = 6;
const FAST_PROBE = 0.05;
/**
 * Below this share of the set rate the rate falls only while most requests are refused: a relay that refuses a few at any
 * rate has other reasons, and going slower wouldn't change them.
 */
const SOFT_FLOOR = 1 / 20;
const SOFT_REGROW = 1.05;
/** Requests a second below which no rate falls; longer waits are a relay's to ask for, by Retry-After. */
const FLOOR = 0.05;
/** A relay that wants longer without requests isn't waited for. */
const LONGEST_HOLD_MS = 120_000;
/**
 * Where a higher rate is allowed than the one it began at, the rate that a relay is known to bear grows when it has borne it
 * for so long and so many answers: by half while nothing was refused (doubling takes under two minutes), by this share after
 * a refusal, and by twice as much each further time that goes well.
 */
const EXPLORE = 0.02;
const MOST_EXPLORE = 0.5;
const EXPLORE_SECONDS = 60;
const EXPLORE_SUCCESSES = 60;
/** A rate counts as borne only where at least this share of it was really used. */
const USED_SHARE = 0.8;
/** Weight of the newest outcome in the share of requests that are refused. */
const SHARE_WEIGHT = 0.1;

export interface PaceOptions {
  /**
   * Requests a second to begin with, where nobody knows how many the relay bears: from there it is probed upward, and
   * never past the set rate. The set rate itself without it.
   */
  readonly startRate?: number;
  /** No turn waits for a Retry-After longer than this, ms. */
  readonly longestHoldMs?: number;
}

/** A request's permission to start; its outcome is reported with it. */
export interface Turn {
  /** By the clock's `monotonic()`, ms. */
  readonly startedAt: number;
  /** Cuts made before it started. */
  readonly cuts: number;
}

/** The relay asked for a longer wait than anybody waits. */
export class HeldTooLongError extends Error {
  override readonly name = "HeldTooLongError";
  readonly heldMs: number;
  constructor(heldMs: number) {
    super(`held for another ${Math.ceil(heldMs / 1000)} s`);
    this.heldMs = heldMs;
  }
}

/**
 * How fast one relay is asked. Requests are spaced evenly, never faster than the set rate: in any span of w seconds at most
 * rate·w + 1 start. Refusals (429, 408, 503) cut the rate; successes let it grow back to just under where it was refused, and
 * slowly beyond; with a start rate, above that only as it is borne (see EXPLORE). Nothing starts before a Retry-After has passed. All times are those of the injected clock.
 */
export class Pace {
  /** No turn waits for a Retry-After longer than this, ms. */
  readonly longestHoldMs: number;
  readonly #clock: Clock;
  #setRate: number;
  #start: number;
  /** What the relay is known to bear, and its rate may grow to at any time: from the start rate up to the set one. */
  #known: number;
  /** Since when, and with how many answers, the relay has borne what it is asked. */
  #calm: { since: number; answers: number };
  /** The share by which what is known to be borne grows next. */
  #explore = MOST_EXPLORE;
  #borne: number | undefined;
  #rate: number;
  #ceiling: number;
  /** The rate that the last cut left, from which it grows. */
  #base: number;
  /** Regrowth periods that have passed since the last cut, in successes. */
  #periods = 0;
  #successes = 0;
  #cuts = 0;
  #refusedShare = 0;
  #lastStart = -Infinity;
  #heldUntil = -Infinity;
  #queue: Promise<unknown> = Promise.resolve();

  /** `setRate`: requests a second that are never exceeded. Throws RangeError unless it is above 0. */
  constructor(setRate: number, clock: Clock, options: PaceOptions = {}) {
    const start = Math.min(setRate, options.startRate ?? setRate);
    if (!(start > 0)) throw new RangeError(`a rate of ${start} requests a second lets nothing through`);
    this.#clock = clock;
    this.#setRate = setRate;
    this.longestHoldMs = options.longestHoldMs ?? LONGEST_HOLD_MS;
    this.#start = start;
    this.#known = start;
    this.#calm = { since: clock.monotonic(), answers: 0 };
    this.#rate = start;
    this.#ceiling = start;
    this.#base = start;
  }

  /** Requests a second now. */
  get rate(): number {
    return this.#rate;
  }

  /** The highest rate, requests a second, that the relay answered for a minute and 60 answers without refusing; none yet: undefined. */
  get borne(): number | undefined {
    return this.#borne;
  }

  /** Milliseconds until the relay may be asked again; 0 unless it asked for a wait. */
  get heldMs(): number {
    return Math.max(0, this.#heldUntil - this.#clock.monotonic());
  }

  /** Multiplies all rates: for a share of what a relay is asked by several processes, when the share changes. */
  rescale(factor: number): void {
    if (!(factor > 0 && factor < Infinity)) throw new RangeError(`rates can't be multiplied by ${factor}`);
    this.#setRate *= factor;
    this.#start *= factor;
    this.#known *= factor;
    this.#rate *= factor;
    this.#ceiling *= factor;
    this.#base *= factor;
    if (this.#borne !== undefined) this.#borne *= factor;
    this.#calm = { since: this.#clock.monotonic(), answers: 0 };
  }

  /**
   * Waits for this request's turn, first come, first served. `ready` is awaited when the turn is near, and the request
   * starts no earlier than it is done. Rejects with the signal's reason when it is aborted first, as `ready` does, and with
   * HeldTooLongError while the relay has asked for a longer wait than `longestHoldMs`.
   */
  async turn(signal?: AbortSignal, ready?: () => Promise<void>): Promise<Turn> {
    const before = this.#queue;
    const turn = this.#take(before, signal, ready);
    // Who gives up leaves the others to wait for whom it waited for.
    this.#queue = turn.catch(() => before);
    return turn;
  }

  async #take(before: Promise<unknown>, signal?: AbortSignal, ready?: () => Promise<void>): Promise<Turn> {
    signal?.throwIfAborted();
    await unlessAborted(before, signal);
    await this.#untilDue(signal);
    if (ready) {
      await ready();
      await this.#untilDue(signal);
    }
    this.#lastStart = this.#clock.monotonic();
    return { startedAt: this.#lastStart, cuts: this.#cuts };
  }

  async #untilDue(signal?: AbortSignal): Promise<void> {
    for (;;) {
      if (this.heldMs > this.longestHoldMs) throw new HeldTooLongError(this.heldMs);
      const due = Math.max(this.#lastStart + (1000 * SPACING) / this.#rate, this.#heldUntil);
      const left = due - this.#clock.monotonic();
      if (left <= 0) return;
      // Looked at again when it is over: the rate may have been cut, or a hold begun, in the meantime.
      await this.#clock.sleep(left, signal);
    }
  }

  /** Reports that the request of a turn was answered. */
  succeeded(turn: Turn): void {
    this.#refusedShare *= 1 - SHARE_WEIGHT;
    if (turn.cuts !== this.#cuts) return;
    this.#successes++;
    this.#periods += 1 / Math.max(REGROW_SUCCESSES, REGROW_SECONDS * this.#rate);
    this.#noteCalm();
    this.#rate = Math.min(this.#known, this.#grown());
  }

  /** Counts what was borne without a refusal; a rate that was borne, and really used, may be exceeded a little. */
  #noteCalm(): void {
    this.#calm.answers++;
    const now = this.#clock.monotonic();
    const seconds = (now - this.#calm.since) / 1000;
    if (seconds < EXPLORE_SECONDS || this.#calm.answers < EXPLORE_SUCCESSES) return;
    const used = Math.min(this.#rate, this.#calm.answers / seconds);
    this.#borne = Math.max(this.#borne ?? 0, used);
    if (used >= USED_SHARE * this.#known) {
      this.#known = Math.min(this.#setRate, this.#known * (1 + this.#explore));
      this.#explore = Math.min(MOST_EXPLORE, 2 * this.#explore);
      // After a refusal the rate finds its own way up to what is known.
      if (this.#cuts === 0) this.#ceiling = this.#base = this.#known;
    }
    this.#calm = { since: now, answers: 0 };
  }

  #grown(): number {
    if (this.#rate < this.#start * SOFT_FLOOR) {
      this.#base = this.#rate * SOFT_REGROW;
      this.#ceiling = Math.max(this.#ceiling, this.#base);
      this.#periods = 0;
      return this.#base;
    }
    if (this.#periods < 1) {
      // Most of the way at once, the last of it slowly: the ceiling is where it was refused before.
      return this.#ceiling - (this.#ceiling - this.#base) * (1 - this.#periods) ** 3;
    }
    const probed = PROBE * (this.#periods - 1);
    const quiet = Math.max(0, this.#periods - 1 - QUIET_PERIODS);
    return this.#ceiling * (1 + probed + FAST_PROBE * quiet ** 3);
  }

  /** Reports that the relay refused the request of a turn, and for how long it asked to be left alone. */
  refused(turn: Turn, retryAfterMs?: number): void {
    this.#refusedShare += (1 - this.#refusedShare) * SHARE_WEIGHT;
    if (retryAfterMs !== undefined) {
      this.#heldUntil = Math.max(this.#heldUntil, this.#clock.monotonic() + retryAfterMs);
    }
    // Requests that were under way at the last cut tell of the same event.
    if (turn.cuts !== this.#cuts) return;
    const floor = this.#refusedShare > 0.5 ? FLOOR : Math.max(FLOOR, this.#start * SOFT_FLOOR);
    const clustered = this.#cuts > 0 && this.#successes < CLUSTER;
    this.#ceiling = this.#rate * CEILING;
    this.#known = Math.max(this.#start, Math.min(this.#known, this.#ceiling));
    this.#explore = EXPLORE;
    this.#calm = { since: this.#clock.monotonic(), answers: 0 };
    const lower = Math.max(floor, this.#rate * (clustered ? CLUSTER_CUT : CUT));
    this.#rate = Math.min(this.#rate, lower);
    this.#base = this.#rate;
    this.#cuts++;
    this.#successes = 0;
    this.#periods = 0;
  }
}

async function unlessAborted(awaited: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) {
    await awaited;
    return;
  }
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    await Promise.race([awaited, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}
