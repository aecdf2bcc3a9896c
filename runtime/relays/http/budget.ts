/** A part of a byte budget, held until it is released. */
export interface Reservation {
  /** Notes that at least so many bytes are held; more than was reserved counts at once, and never waits. */
  atLeast(bytes: number): void;
  /** Notes the bytes that are held now, whatever was reserved. */
  settle(bytes: number): void;
  /** Gives the bytes back; calling it again does nothing. */
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

/** 8 MiB: bodies in flight of all relays together. Decoding one costs about three times its bytes. */
const DEFAULT_BUDGET_BYTES = 8 << 20;

/**
 * Bounds the bytes of all answers that are being read or decoded at the same time, over all relays. First come, first
 * served; a reservation is granted when it fits, or when nothing else is held, so that an answer larger than the whole budget
 * still gets through alone. Whoever holds a reservation must not wait for another before releasing it.
 */
export class ByteBudget {
  readonly #limit: number;
  #held = 0;
  #holders = 0;
  readonly #waiting: Waiter[] = [];

  constructor(limitBytes = DEFAULT_BUDGET_BYTES) {
    this.#limit = limitBytes;
  }

  /** Bytes held now. */
  get held(): number {
    return this.#held;
  }

  /** Waits until that many bytes are free. Rejects with the signal's reason when it is aborted first. */
  async reserve(bytes: number, signal?: AbortSignal): Promise<Reservation> {
    signal?.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#fits(bytes)) await this.#wait(bytes, signal);
    else this.#take(bytes);
    return this.#reservation(bytes);
  }

  #fits(bytes: number): boolean {
    return this.#holders === 0 || this.#held + bytes <= this.#limit;
  }

  #take(bytes: number): void {
    this.#held += bytes;
    this.#holders++;
  }

  async #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason as Error);
        // The one behind may fit where this one didn't.
        this.#grant();
      };
      const waiter: Waiter = {
        bytes,
        grant: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #grant(): void {
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.bytes);
      next.grant();
    }
  }

  #reservation(reserved: number): Reservation {
    let bytes = reserved;
    let open = true;
    const settle = (now: number) => {
      if (!open) return;
      this.#held += now - bytes;
      bytes = now;
      this.#grant();
    };
    return {
      atLeast: (now) => {
        if (now > bytes) settle(now);
      },
      settle,
      release: () => {
        if (!open) return;
        open = false;
        this.#held -= bytes;
        this.#holders--;
        this.#grant();
      },
    };
  }
}
