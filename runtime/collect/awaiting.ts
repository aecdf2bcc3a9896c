import { type Lake, type StoredChunk, trusted } from "../lake/lake.ts";

/**
 * The covered payload slots that lie above the relay's newest stored payload: they wait for its next one to show that they
 * are empty. Chunks are to be added newest first; at most one has to be read.
 */
export class Awaiting {
  readonly #lake: Lake;
  readonly #slots = new Set<number>();
  #newestFound = false;

  constructor(lake: Lake) {
    this.#lake = lake;
  }

  /** Takes a chunk's doubtful slots into account. One whose rows can't be read has none that wait: planning reports it. */
  async add({ chunk, meta }: StoredChunk): Promise<void> {
    if (this.#newestFound) return;
    this.#newestFound = meta.rows > 0;
    if (meta.suspect.count === 0) return;
    const newest = meta.rows > 0 ? await this.#newestRow(chunk) : -1;
    for (const slot of meta.suspect.slots()) if (slot > newest) this.#slots.add(slot);
  }

  /** True once the newest stored payload has been met: older chunks add nothing. */
  get isDone(): boolean {
    return this.#newestFound;
  }

  has(slot: number): boolean {
    return this.#slots.has(slot);
  }

  async #newestRow(chunk: StoredChunk["chunk"]): Promise<number> {
    const content = await trusted(() => this.#lake.read(chunk), null);
    if (content === null) return Infinity;
    const withRows = [...(content?.lines ?? [])].filter(([, lines]) => lines.length > 0);
    const pruned = [...(content?.stored.meta.pruned?.rows ?? [])].filter(([, rows]) => rows > 0);
    return Math.max(-1, ...withRows.map(([slot]) => slot), ...pruned.map(([slot]) => slot));
  }
}
