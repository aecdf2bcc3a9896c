/** The calls that are under way on something that can be closed. */
export class Calls {
  readonly #url: string;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  /** `url` names it in errors. */
  constructor(url: string) {
    this.#url = url;
  }

  /** Throws Error when it has been closed. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error(`the warehouse ${this.#url} has been closed`);
    const call = work();
    this.#running.add(call);
    try {
      return await call;
    } finally {
      this.#running.delete(call);
    }
  }

  /** Waits for what is under way; nothing can be called afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }
}
