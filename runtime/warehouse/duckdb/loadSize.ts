import type { ReadyChunk } from "./duckdbBatch.ts";

/** How much a group or a transaction has taken. */
export class Size {
  readonly #limit: { readonly rows: number; readonly bytes: number; readonly objects: number };
  readonly #taken = { rows: 0, bytes: 0, objects: 0 };

  constructor(limit: { readonly rows: number; readonly bytes: number; readonly objects: number }) {
    this.#limit = limit;
  }

  add({ rows, stored }: ReadyChunk): void {
    this.#taken.rows += rows;
    this.#taken.bytes += stored?.bytes ?? 0;
    this.#taken.objects++;
  }

  get full(): boolean {
    const { rows, bytes, objects } = this.#taken;
    return rows >= this.#limit.rows || bytes >= this.#limit.bytes || objects >= this.#limit.objects;
  }
}
