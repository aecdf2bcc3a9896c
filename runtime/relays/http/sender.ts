import type { Clock } from "../../chain/clock.ts";
import { type DatasetName, forEachDataset } from "../../datasets/dataset.ts";
import type { ByteBudget, Reservation } from "./budget.ts";
import { RelayAgents } from "./connection.ts";
import { RelayError } from "./errors.ts";
import { openingOf } from "./request.ts";
import type { RelayHeaders } from "../headers.ts";
import { HeldTooLongError, Pace, type Turn } from "./pace.ts";
import type { Relay } from "../relay.ts";
import {
  IdleSocketClosed,
  type Timer,
  type TransferLimits,
  type Transferred,
  realTimer,
  transfer,
} from "./transfer.ts";

/** A relay's answer as it was sent, inflated. */
export interface Answer extends Transferred {
  /** From the request's start to the body's end, by the clock. */
  readonly ms: number;
}

/** An answer whose bytes count as held until they are released. */
export interface HeldAnswer extends Answer {
  release(): void;
}

/** What a client has done so far; read by progress and summaries. */
export type RelayCounters = ReturnType<typeof noCounters>;

function noCounters() {
  return {
    /** Requests sent, retries among them. */
    requests: 0,
    retries: 0,
    /** By what was asked for. */
    retriesOf: { ...forEachDataset(() => 0) } as Record<DatasetName, number>,
    /** Bytes of bodies on the wire. */
    bytes: 0,
    /** Requests that the relay refused (see RelayFault). */
    refusals: 0,
    /** Requests for which no connection was to be had, or whose connection broke. */
    breaks: 0,
  };
}

export interface SenderOptions {
  readonly clock: Clock;
  /** Shared by all clients of the process. */
  readonly budget: ByteBudget;
  /** Requests a second, at most; the directory's figure without it. */
  readonly rate?: number;
  /** Requests a second to begin with where nobody knows what the relay bears; `rate` without it (see Pace). */
  readonly startRate?: number;
  /** True for a URL that the user gave, and for the simulated network: http and private addresses are right there. */
  readonly allowPrivate?: boolean;
  /** Sent with each request, and shown nowhere. */
  readonly headers?: RelayHeaders;
  /** Ends requests that take too long; the machine's without it, whatever the clock: it bounds what a server can do here. */
  readonly timer?: Timer;
}

const SMALLEST_EXPECTATION = 1 << 20;
/** How much of the largest body is still expected one body later: recent ones count. */
const FADING = 0.95;

/** Sends single requests to one relay: at its pace, within limits of bytes and time. */
export class Sender {
  readonly counters = noCounters();
  readonly pace: Pace;
  readonly #relay: Relay;
  readonly #options: SenderOptions;
  readonly #limits: TransferLimits;
  readonly #agents: RelayAgents;
  #expectedBytes = SMALLEST_EXPECTATION;
  #longHold: RelayError | undefined;

  constructor(relay: Relay, limits: TransferLimits, options: SenderOptions) {
    const rate = options.rate ?? relay.requestsPerSecond;
    this.pace = new Pace(rate, options.clock, { startRate: options.startRate ?? rate });
    this.#relay = relay;
    this.#options = options;
    this.#limits = limits;
    this.#agents = new RelayAgents(options.allowPrivate ?? false);
  }

  /** The refusal by which the relay wants more time without requests than anybody waits; undefined without or after it. */
  get longHold(): RelayError | undefined {
    return this.pace.heldMs > this.pace.longestHoldMs ? this.#longHold : undefined;
  }

  /** Closes the connections. */
  close(): void {
    this.#agents.close();
  }

  /** What the clock, the pace and the budget throw (on abort: the signal's reason), as the relay's error. */
  named(error: unknown, url: string, signal: AbortSignal | undefined): unknown {
    if (error instanceof HeldTooLongError) {
      const what = `asked not to be asked for another ${Math.ceil(error.heldMs / 1000)} s`;
      const details = { retryAfterMs: error.heldMs, retryable: false };
      return new RelayError(this.#relay.name, url, "refused", what, details);
    }
    if (!signal?.aborted || error !== signal.reason) return error;
    return new RelayError(this.#relay.name, url, "aborted", "stopped before it was asked", { cause: error });
  }

  /**
   * One request, or two when the first met a connection that the relay had just closed. `check` is called when its turn has
   * come, and throws when the request isn't wanted any more. Throws RelayError.
   */
  async send(url: string, signal: AbortSignal | undefined, check: () => void): Promise<HeldAnswer> {
    try {
      return await this.#sendOnce(url, signal, check);
    } catch (error) {
      if (!(error instanceof IdleSocketClosed)) throw this.named(error, url, signal);
    }
    this.counters.retries++;
    try {
      return await this.#sendOnce(url, signal, check);
    } catch (error) {
      throw error instanceof IdleSocketClosed ? error.fault : this.named(error, url, signal);
    }
  }

  async #sendOnce(url: string, signal: AbortSignal | undefined, check: () => void): Promise<HeldAnswer> {
    let held: Reservation | undefined;
    try {
      const turn = await this.pace.turn(signal, async () => {
        held = await this.#options.budget.reserve(this.#expectedBytes, signal);
        check();
      });
      if (!held) throw new Error("a turn began without its reservation");
      const reservation: Reservation = held;
      this.counters.requests++;
      const answer = await this.#transfer(url, reservation, turn, signal);
      reservation.settle(answer.body.length);
      const ms = this.#options.clock.monotonic() - turn.startedAt;
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
      relay: this.#relay.name,
      url,
      opening: openingOf(this.#relay, url),
      agents: this.#agents,
      allowPrivate: this.#options.allowPrivate ?? false,
      headers: this.#options.headers ?? {},
      limits: this.#limits,
      clock: this.#options.clock,
      timer: this.#options.timer ?? realTimer,
      reservation,
    };
    try {
      const answer = await transfer(context, signal);
      this.pace.succeeded(turn);
      this.counters.bytes += answer.transferredBytes;
      this.#expectedBytes = Math.max(SMALLEST_EXPECTATION, answer.body.length, this.#expectedBytes * FADING);
      return answer;
    } catch (error) {
      if (error instanceof RelayError && (error.kind === "unreachable" || error.kind === "reset"))
        this.counters.breaks++;
      if (error instanceof RelayError && error.kind === "refused") {
        this.counters.refusals++;
        this.pace.refused(turn, error.retryAfterMs);
        if (this.pace.heldMs > this.pace.longestHoldMs) this.#longHold = error;
      }
      throw error;
    }
  }
}
