import pLimit from "p-limit";
import type { Clock } from "../chain/clock.ts";
import { MalformedAnswerError } from "../datasets/answer.ts";
import { codeOf } from "../errors.ts";
import type { ByteBudget, Reservation } from "./budget.ts";
import { RelayAgents } from "./connection.ts";
import { RelayError } from "./errors.ts";
import { HeldTooLongError, Pace, type Turn } from "./pace.ts";
import type { Relay } from "./relay.ts";
import { IdleSocketClosed, type TransferLimits, type Transferred, transfer } from "./transfer.ts";

/** What can be asked of the Data API (facts: relay-data-api §0): never `limit` or `cursor` together with `slot`. */
export type RelayRequest =
  | { readonly kind: "bids"; readonly slot: number }
  | { readonly kind: "payload-page"; readonly cursor: number; readonly limit?: number }
  | { readonly kind: "payload-slot"; readonly slot: number };

/** A relay's answer as it was sent, inflated. Its bytes count as held until it is released. */
export interface Answer extends Transferred {
  /** From the request's start to the body's end, by the clock. */
  readonly ms: number;
  release(): void;
}

/** What a client has done so far; read by progress and summaries. */
export interface RelayCounters {
  /** Requests sent, retries among them. */
  requests: number;
  retries: number;
  bidsRetries: number;
  payloadsRetries: number;
  /** Bytes of bodies on the wire. */
  bytes: number;
  /** Requests that the relay refused (408, 425, 429, 503). */
  refusals: number;
}

export interface RelayClientLimits extends TransferLimits {
  /** Times that one question is asked before it is given up. */
  readonly attempts: number;
  /** The wait before the n-th retry is random below this · 2^(n−1), ms … */
  readonly backOffMs: number;
  /** … and below this. */
  readonly longestBackOffMs: number;
}

const DEFAULT_LIMITS: RelayClientLimits = {
  timeoutMs: 30_000,
  transferredBytes: 32 << 20,
  inflatedBytes: 128 << 20,
  attempts: 5,
  backOffMs: 500,
  longestBackOffMs: 30_000,
};

export interface RelayClientOptions {
  readonly clock: Clock;
  /** Shared by all clients of the process. */
  readonly budget: ByteBudget;
  /** Requests a second, at most; the directory's figure without it. */
  readonly rate?: number;
  /** Requests a second to begin with where nobody knows what the relay bears; `rate` without it (see Pace). */
  readonly startRate?: number;
  /** True for a URL that the user gave, and for the simulated network: http and private addresses are right there. */
  readonly allowPrivate?: boolean;
  /** Requests under way at once, at most. */
  readonly concurrency?: number;
  /** From 0 up to 1, for the waits between retries. */
  readonly random?: () => number;
  readonly limits?: Partial<RelayClientLimits>;
}

/** A name that doesn't resolve rarely does a minute later: such a request is sent this often only. */
const DNS_ATTEMPTS = 3;
/** So often a relay is waited for that has never answered. */
const SILENT_ATTEMPTS = 2;
/** So many questions' worth of requests in a row without any sign of life show that the relay is down. */
const SILENT_QUESTIONS = 2;
const SMALLEST_EXPECTATION = 1 << 20;
/** How much of the largest body is still expected one body later: recent ones count. */
const FADING = 0.95;

/** Asks one relay's Data API: at its pace, within limits, again where that may help. */
export class RelayClient {
  readonly relay: Relay;
  /** Requests that may be under way at once. */
  readonly concurrency: number;
  readonly counters: RelayCounters = {
    requests: 0,
    retries: 0,
    bidsRetries: 0,
    payloadsRetries: 0,
    bytes: 0,
    refusals: 0,
  };
  readonly #clock: Clock;
  readonly #budget: ByteBudget;
  readonly #pace: Pace;
  readonly #agents: RelayAgents;
  readonly #allowPrivate: boolean;
  readonly #random: () => number;
  readonly #limits: RelayClientLimits;
  /** One at a time until the relay has answered: a host that swallows requests is found out before many hang in it. */
  readonly #atOnce = pLimit(1);
  #expectedBytes = SMALLEST_EXPECTATION;
  #hasAnswered = false;
  #silentInARow = 0;
  #down: RelayError | undefined;

  constructor(relay: Relay, options: RelayClientOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.relay = relay;
    this.#clock = options.clock;
    this.#budget = options.budget;
    const rate = options.rate ?? relay.requestsPerSecond;
    this.#pace = new Pace(rate, options.clock, { startRate: options.startRate ?? rate });
    this.concurrency = options.concurrency ?? Math.min(16, Math.max(4, Math.ceil(rate / 2)));
    this.#allowPrivate = options.allowPrivate ?? false;
    this.#agents = new RelayAgents(this.#allowPrivate);
    this.#random = options.random ?? Math.random;
  }

  /** Requests a second that the relay is asked now, at most. */
  get rate(): number {
    return this.#pace.rate;
  }

  /** Requests a second that the relay has borne (see Pace); undefined while that isn't known. */
  get borneRate(): number | undefined {
    return this.#pace.borne;
  }

  /** Multiplies the rate at which the relay is asked, and its limit. */
  rescale(factor: number): void {
    this.#pace.rescale(factor);
  }

  /** True when asking on is useless in this run: the relay can't be reached, or wants a long time without requests. */
  get down(): boolean {
    return this.#down !== undefined || this.#pace.heldMs > this.#pace.longestHoldMs;
  }

  /** Forgets that the relay was down, so that the next run or tick tries it again. */
  revive(): void {
    this.#down = undefined;
    this.#silentInARow = 0;
  }

  /** Closes the connections. */
  close(): void {
    this.#agents.close();
  }

  /** All bids of a slot: `slot` and nothing else, since Helix cuts answers by `limit`. The caller releases the answer. */
  async bids(slot: number, signal?: AbortSignal): Promise<Answer> {
    return this.#persist({ kind: "bids", slot }, (answer) => answer, signal);
  }

  /** A page of payloads from the cursor (inclusive) down. The caller releases the answer. */
  async payloadPage(cursor: number, signal?: AbortSignal, limit?: number): Promise<Answer> {
    const request = { kind: "payload-page", cursor, ...(limit === undefined ? {} : { limit }) } as const;
    return this.#persist(request, (answer) => answer, signal);
  }

  /** All payloads of a slot. The caller releases the answer. */
  async payloadSlot(slot: number, signal?: AbortSignal): Promise<Answer> {
    return this.#persist({ kind: "payload-slot", slot }, (answer) => answer, signal);
  }

  /**
   * Asks, and decodes the answer; an answer for which `decode` throws MalformedAnswerError is asked for again like any
   * other fault. The body must not be kept: its bytes are given back when `decode` is done. Throws RelayError.
   */
  async ask<T>(
    request: RelayRequest,
    decode: (answer: Answer) => T | Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const decodeAndRelease = async (answer: Answer) => {
      try {
        return await decode(answer);
      } finally {
        answer.release();
      }
    };
    return this.#persist(request, decodeAndRelease, signal);
  }

  async #persist<T>(
    request: RelayRequest,
    use: (answer: Answer) => T | Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const url = this.#urlOf(request);
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#atOnce(() => this.#send(url, signal));
        try {
          return await use(answer);
        } catch (error) {
          if (!(error instanceof MalformedAnswerError)) throw error;
          const details = { status: answer.status, body: answer.body, cause: error };
          throw new RelayError(this.relay.name, url, "malformed", error.message, details);
        }
      } catch (error) {
        await this.#waitToRetry(this.#named(error, url, signal), attempt, signal);
        this.counters.retries++;
        this.counters[request.kind === "bids" ? "bidsRetries" : "payloadsRetries"]++;
      }
    }
  }

  /** Waits until the question may be asked again; throws the fault when it has been asked often enough. */
  async #waitToRetry(error: unknown, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    if (!(error instanceof RelayError)) throw error;
    this.#noteSilence(error);
    const hopeless = !error.retryable || (error.retryAfterMs ?? 0) > this.#pace.longestHoldMs;
    if (hopeless || this.#down || attempt >= this.#attemptsFor(error)) throw error;
    // Waits that the relay asked for are kept by the pace, for all requests; this one only spreads the retries.
    const { backOffMs, longestBackOffMs } = this.#limits;
    const ceiling = isDnsFault(error)
      ? backOffMs
      : Math.min(longestBackOffMs, backOffMs * 2 ** (attempt - 1));
    try {
      await this.#clock.sleep(this.#random() * ceiling, signal);
    } catch (interrupted) {
      throw this.#named(interrupted, error.url, signal);
    }
  }

  #attemptsFor(error: RelayError): number {
    const { attempts } = this.#limits;
    if (isDnsFault(error)) return Math.min(attempts, DNS_ATTEMPTS);
    return error.kind === "timeout" && !this.#hasAnswered ? Math.min(attempts, SILENT_ATTEMPTS) : attempts;
  }

  /** Counts requests without any sign of life. A relay that has answered before is given more of them. */
  #noteSilence(error: RelayError): void {
    const silent =
      error.kind === "unreachable" ||
      (!this.#hasAnswered && (error.kind === "timeout" || error.kind === "reset"));
    if (!silent || error === this.#down) return;
    this.#silentInARow++;
    const questions = this.#hasAnswered ? SILENT_QUESTIONS * this.concurrency : SILENT_QUESTIONS;
    if (this.#silentInARow >= questions * this.#attemptsFor(error)) this.#down ??= error;
  }

  /** Gives what the clock, the pace and the budget throw (on abort: the signal's reason) the relay's name. */
  #named(error: unknown, url: string, signal: AbortSignal | undefined): unknown {
    if (error instanceof HeldTooLongError) {
      const what = `asked not to be asked for another ${Math.ceil(error.heldMs / 1000)} s`;
      const details = { retryAfterMs: error.heldMs, retryable: false };
      return new RelayError(this.relay.name, url, "refused", what, details);
    }
    if (!signal?.aborted || error !== signal.reason) return error;
    return new RelayError(this.relay.name, url, "aborted", "stopped before it was asked", { cause: error });
  }

  /** One request, or two when the first met a connection that the relay had just closed. */
  async #send(url: string, signal: AbortSignal | undefined): Promise<Answer> {
    try {
      return await this.#sendOnce(url, signal);
    } catch (error) {
      if (!(error instanceof IdleSocketClosed)) throw error;
    }
    this.counters.retries++;
    try {
      return await this.#sendOnce(url, signal);
    } catch (error) {
      throw error instanceof IdleSocketClosed ? error.fault : error;
    }
  }

  async #sendOnce(url: string, signal: AbortSignal | undefined): Promise<Answer> {
    if (this.#down) throw this.#down;
    let held: Reservation | undefined;
    try {
      const turn = await this.#pace.turn(signal, async () => {
        held = await this.#budget.reserve(this.#expectedBytes, signal);
        if (this.#down) throw this.#down;
      });
      if (!held) throw new Error("a turn began without its reservation");
      const reservation: Reservation = held;
      this.counters.requests++;
      const answer = await this.#transfer(url, reservation, turn, signal);
      reservation.settle(answer.body.length);
      const ms = this.#clock.monotonic() - turn.startedAt;
      return { ...answer, ms, release: () => reservation.release() };
    } catch (error) {
      held?.release();
      throw error;
    }
  }

  async #transfer(
    url: string,
    reservation: Reservation,
    turn: Turn,
    signal: AbortSignal | undefined,
  ): Promise<Transferred> {
    const context = {
      relay: this.relay.name,
      url,
      agents: this.#agents,
      allowPrivate: this.#allowPrivate,
      limits: this.#limits,
      clock: this.#clock,
      reservation,
    };
    try {
      const answer = await transfer(context, signal);
      this.#noteLife();
      this.#pace.succeeded(turn);
      this.counters.bytes += answer.transferredBytes;
      this.#expectedBytes = Math.max(SMALLEST_EXPECTATION, answer.body.length, this.#expectedBytes * FADING);
      return answer;
    } catch (error) {
      if (error instanceof RelayError && error.status !== undefined) {
        this.#noteLife();
        if (error.kind === "refused") {
          this.counters.refusals++;
          this.#pace.refused(turn, error.retryAfterMs);
        }
      }
      throw error;
    }
  }

  #noteLife(): void {
    this.#hasAnswered = true;
    this.#silentInARow = 0;
    if (this.#atOnce.concurrency !== this.concurrency) this.#atOnce.concurrency = this.concurrency;
  }

  #urlOf(request: RelayRequest): string {
    const base = `${this.relay.url}/relay/v1/data/bidtraces`;
    switch (request.kind) {
      case "bids":
        return `${base}/builder_blocks_received?slot=${request.slot}`;
      case "payload-page": {
        const limit = request.limit ?? this.relay.payloadLimit;
        return `${base}/proposer_payload_delivered?limit=${limit}&cursor=${request.cursor}`;
      }
      case "payload-slot":
        return `${base}/proposer_payload_delivered?slot=${request.slot}`;
    }
  }
}

function isDnsFault(error: RelayError): boolean {
  const code = codeOf(error.cause);
  return code === "ENOTFOUND" || code === "EAI_AGAIN";
}
