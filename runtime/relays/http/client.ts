import pLimit from "p-limit";
import { MalformedAnswerError } from "../../datasets/answer.ts";
import { RelayError } from "./errors.ts";
import { Liveness } from "./liveness.ts";
import { PageLimit } from "./pageLimit.ts";
import type { Relay } from "../relay.ts";
import { type RelayRequest, datasetAsked, urlOf } from "./request.ts";
import { DEFAULT_RETRIES, type RetryLimits, attemptsFor, backOffCeiling } from "./retries.ts";
import { type Answer, type RelayCounters, Sender, type SenderOptions } from "./sender.ts";
import type { TransferLimits } from "./transfer.ts";

export type RelayClientLimits = TransferLimits & RetryLimits;

const DEFAULT_LIMITS: RelayClientLimits = {
  timeoutMs: 30_000,
  transferredBytes: 32 << 20,
  inflatedBytes: 128 << 20,
  ...DEFAULT_RETRIES,
};

export interface RelayClientOptions extends SenderOptions {
  /** Requests under way at once, at most. */
  readonly concurrency?: number;
  /** From 0 up to 1, for the waits between retries. */
  readonly random?: () => number;
  readonly limits?: Partial<RelayClientLimits>;
  /** Told, in a line each, of what is to be known about the relay: that it takes smaller pages than the directory says. */
  readonly onNotice?: (line: string) => void;
}

/** So often a relay that hasn't been of use yet is asked for its newest payload, after all else failed. */
const LAST_ATTEMPTS = 2;

/** Asks one relay's Data API: at its pace, within limits, again where that may help. */
export class RelayClient {
  readonly relay: Relay;
  /** Requests that may be under way at once. */
  readonly concurrency: number;
  readonly counters: RelayCounters;
  readonly #options: RelayClientOptions;
  readonly #limits: RelayClientLimits;
  readonly #sender: Sender;
  readonly #liveness: Liveness;
  readonly #pageLimit: PageLimit;
  /** One at a time until the relay is of use: a host that swallows requests is found out before many hang in it. */
  readonly #atOnce = pLimit(1);
  #errorForm: "json" | "text" | undefined;

  constructor(relay: Relay, options: RelayClientOptions) {
    this.relay = relay;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#sender = new Sender(relay, this.#limits, options);
    this.counters = this.#sender.counters;
    const rate = options.rate ?? relay.requestsPerSecond;
    this.concurrency = options.concurrency ?? Math.min(16, Math.max(4, Math.ceil(rate / 2)));
    this.#liveness = new Liveness((signal) => this.#askNewest(signal));
    this.#pageLimit = new PageLimit(relay, options.onNotice ?? (() => {}));
  }

  /** Requests a second that the relay is asked now, at most. */
  get rate(): number {
    return this.#sender.pace.rate;
  }

  /** Requests a second that the relay has borne (see Pace); undefined while that isn't known. */
  get borneRate(): number | undefined {
    return this.#sender.pace.borne;
  }

  /** Multiplies the rate at which the relay is asked, and its limit. */
  rescale(factor: number): void {
    this.#sender.pace.rescale(factor);
  }

  /** Rows of a page of payloads: the directory's figure, or what the relay itself said where that is lower. */
  get payloadLimit(): number {
    return this.#pageLimit.rows;
  }

  /** The page limit that the relay said when it refused a higher one; undefined while it hasn't. */
  get toldLimit(): number | undefined {
    return this.#pageLimit.told;
  }

  /** How the relay writes the bodies of its refusals: Helix as text, others as JSON. Undefined while none has come. */
  get errorForm(): "json" | "text" | undefined {
    return this.#errorForm;
  }

  /** True when asking on is useless: the relay is of no use (see Liveness), or wants a long time without requests. */
  get down(): boolean {
    return this.downWhy !== undefined;
  }

  /** Why it is down; undefined while it isn't. */
  get downWhy(): RelayError | undefined {
    return this.#liveness.down ?? this.#sender.longHold;
  }

  /** Forgets that the relay was down, so that the next run or tick tries it again. */
  revive(): void {
    this.#liveness.revive();
  }

  /** Asks for the newest payload, also while the relay is down: true when that is answered, and asking on is of use again. */
  async knock(signal?: AbortSignal): Promise<boolean> {
    return !this.#sender.longHold && this.#liveness.knock(signal);
  }

  /** Closes the connections. */
  close(): void {
    this.#sender.close();
  }

  /**
   * Asks, and decodes the answer; an answer for which `decode` throws MalformedAnswerError is asked for again like any
   * other fault. The body must not be kept: its bytes are given back when `decode` is done; and `decode` must not ask this
   * client. Throws RelayError, and RangeError for slot or cursor 0.
   */
  async ask<T>(
    request: RelayRequest,
    decode: (answer: Answer) => T | Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let url = "";
      try {
        return await this.#atOnce(() => {
          url = this.#urlOf(request);
          return this.#attempt(request, url, attempt, decode, signal);
        });
      } catch (error) {
        if (!(error instanceof RelayError)) throw error;
        // A relay that has just told its page limit is asked with that, at once.
        if (this.#urlOf(request) === url) {
          if (this.#isLast(error, attempt)) throw error;
          await this.#backOff(error, attempt, signal);
        }
        this.counters.retries++;
        this.counters.retriesOf[datasetAsked(request)]++;
      }
    }
  }

  /** Asks once, and learns from what comes whether the relay is of use. */
  async #attempt<T>(
    request: RelayRequest,
    url: string,
    attempt: number,
    decode: (answer: Answer) => T | Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    try {
      const { result, status } = await this.#take(url, decode, signal, () => this.#refuseIfDown(url));
      if (status === 404) await this.#liveness.useless(undefined, signal);
      else this.#liveness.sound();
      return result;
    } catch (error) {
      if (error instanceof RelayError && !this.#learnedLimit(request, error)) {
        // Retries of a relay that is known to be of use belong to one question.
        const isQuestion = !this.#liveness.proven || this.#isLast(error, attempt);
        const wasAsked = error.kind !== "aborted" && !this.#sender.longHold;
        if (isQuestion && wasAsked) await this.#liveness.useless(error, signal);
      }
      throw error;
    } finally {
      const width = this.#liveness.proven ? this.concurrency : 1;
      if (this.#atOnce.concurrency !== width) this.#atOnce.concurrency = width;
    }
  }

  /** One request and its decoding. Throws RelayError, and what `decode` throws but for MalformedAnswerError. */
  async #take<T>(
    url: string,
    decode: (answer: Answer) => T | Promise<T>,
    signal: AbortSignal | undefined,
    check: () => void,
  ): Promise<{ result: T; status: Answer["status"] }> {
    const answer = await this.#sender.send(url, signal, check);
    const { status, body } = answer;
    try {
      return { result: await decode(answer), status };
    } catch (error) {
      if (!(error instanceof MalformedAnswerError)) throw error;
      const secrets = Object.values(this.#options.headers ?? {});
      const details = { status, body, cause: error, secrets };
      throw new RelayError(this.relay.name, url, "malformed", error.message, details);
    } finally {
      answer.release();
    }
  }

  /** The question that decides whether the relay is down; resolves to why it got no sound answer. */
  async #askNewest(signal: AbortSignal | undefined): Promise<RelayError | undefined> {
    const url = this.#urlOf({ kind: "payload-newest" });
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#take(url, refuseUnsound, signal, () => {});
        this.#liveness.sound();
        return undefined;
      } catch (error) {
        if (!(error instanceof RelayError)) throw error;
        const unproven = error.kind === "timeout" ? 1 : LAST_ATTEMPTS;
        const most = this.#liveness.proven ? Infinity : unproven;
        if (attempt >= most || this.#isLast(error, attempt)) return error;
        await this.#backOff(error, attempt, signal);
      }
    }
  }

  #refuseIfDown(url: string): void {
    const why = this.#liveness.down;
    if (!why) return;
    const details = { retryable: false, cause: why };
    throw new RelayError(this.relay.name, url, why.kind, `not asked, it is down: ${why.what}`, details);
  }

  /** Notes what a refusal tells beside itself: its form, and a page limit that is lower. True for such a limit. */
  #learnedLimit(request: RelayRequest, error: RelayError): boolean {
    if (error.kind !== "bad-request" || !/^[^<]/.test(error.excerpt)) return false;
    this.#errorForm = error.excerpt.startsWith("{") ? "json" : "text";
    return request.kind === "payload-page" && this.#pageLimit.learn(error);
  }

  /** True when a question that failed so isn't asked again. */
  #isLast(error: RelayError, attempt: number): boolean {
    const { proven } = this.#liveness;
    return !error.retryable || this.down || attempt >= attemptsFor(error, this.#limits, proven);
  }

  /** Spreads the retries. Waits that the relay asked for are kept by the pace, for all requests. */
  async #backOff(error: RelayError, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const random = this.#options.random ?? Math.random;
    try {
      await this.#options.clock.sleep(random() * backOffCeiling(error, attempt, this.#limits), signal);
    } catch (interrupted) {
      throw this.#sender.named(interrupted, error.url, signal);
    }
  }

  #urlOf(request: RelayRequest): string {
    return urlOf(this.relay, request, this.toldLimit ?? Infinity);
  }
}

/** Throws MalformedAnswerError for what isn't a whole list. */
function refuseUnsound({ status, body }: Answer): void {
  if (status === 204) return;
  try {
    if (status === 200 && Array.isArray(JSON.parse(body.toString()))) return;
  } catch {
    // Said below.
  }
  throw new MalformedAnswerError(status === 404 ? "nothing at all (404)" : "not whole JSON");
}
