import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "./clock.ts";

/** Turns of the event loop without anything new after which the program is taken to be waiting. */
const IDLE_TURNS = 4;

/** Node's names for work that it has handed to a thread or to the system, and that ends by itself. */
const UNDER_WAY = /^(FSReq|GetAddrInfoReq|ConnectWrap|SimpleWriteWrap)/;

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock for tests, on which waiting takes no time: when nothing else goes on, time jumps to the earliest sleeper.
 * Files, names and connections that are asked for are waited for, however long a busy machine takes; work that doesn't show
 * (an answer on its way over loopback, a thread that inflates) is given `idleMs` real milliseconds to do so; tests without
 * any I/O set that to 0.
 */
export class VirtualClock implements Clock {
  readonly #start: number;
  readonly #idleMs: number;
  #elapsed = 0;
  #sleepers: Sleeper[] = [];
  /** Grows with each new sleeper: how the jumper sees that something is still going on. */
  #stirrings = 0;
  #jumping = false;
  /** Work that was announced and hasn't ended; who waits for its end. */
  #held = 0;
  #onRelease: (() => void) | undefined;

  constructor(startUnixMs = 1_750_000_000_000, options: { idleMs?: number } = {}) {
    this.#start = startUnixMs;
    this.#idleMs = options.idleMs ?? 3;
  }

  now(): number {
    return this.#start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** Lets time stand still, however long a busy machine takes, until what is returned is called. */
  hold(): () => void {
    this.#held++;
    return () => {
      this.#held--;
      if (this.#held === 0) this.#onRelease?.();
    };
  }

  /** Moves time by hand; sleepers whose time has come are woken. */
  advance(ms: number): void {
    this.#moveTo(this.#elapsed + ms);
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal?.reason as Error);
      };
      const sleeper: Sleeper = {
        at: this.#elapsed + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.push(sleeper);
      this.#stirrings++;
      if (!this.#jumping) void this.#jump();
    });
  }

  /** Jumps from sleeper to sleeper until none is left. */
  async #jump(): Promise<void> {
    this.#jumping = true;
    while (this.#sleepers.length > 0) {
      await this.#idle();
      const earliest = this.#sleepers.reduce((at, sleeper) => Math.min(at, sleeper.at), Infinity);
      if (earliest === Infinity) break;
      this.#moveTo(Math.max(this.#elapsed, earliest));
    }
    this.#jumping = false;
  }

  async #idle(): Promise<void> {
    let seen = -1;
    let turns = 0;
    let since = 0;
    do {
      if (this.#held > 0) await new Promise<void>((resolve) => (this.#onRelease = resolve));
      if (seen !== this.#stirrings) {
        seen = this.#stirrings;
        turns = 0;
        since = performance.now();
      }
      await nextTurn();
      turns++;
    } while (
      seen !== this.#stirrings ||
      turns < IDLE_TURNS ||
      this.#held > 0 ||
      performance.now() - since < this.#idleMs ||
      process.getActiveResourcesInfo().some((name) => UNDER_WAY.test(name))
    );
  }

  #moveTo(elapsed: number): void {
    this.#elapsed = elapsed;
    const due = this.#sleepers.filter(({ at }) => at <= elapsed).toSorted((a, b) => a.at - b.at);
    this.#sleepers = this.#sleepers.filter(({ at }) => at > elapsed);
    for (const sleeper of due) sleeper.wake();
  }
}
