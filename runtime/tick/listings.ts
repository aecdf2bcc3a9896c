import { type SlotRange, intersect } from "../chain/slots.ts";
import type { Chunk } from "../datasets/chunks.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { SlotBlock } from "../lake/gzip.ts";
import type { BadChunk, ChunkMeta, Horizon, Lake, QuarantineLine, StoredChunk } from "../lake/lake.ts";

import type { Rereads } from "../lake/rereads.ts";

import type { ListedRange } from "./windows.ts";

type Entry = StoredChunk | BadChunk;

interface Listing {
  readonly dataset: DatasetName;
  readonly relay: string;
  readonly range: SlotRange;
  readonly entries: Promise<Map<number, Entry>>;
  /** Chunks that were written since: looked up before the listing is used again. */
  readonly written: Map<number, Chunk>;
}

/**
 * A lake for the time of one tick, which lists each of the tick's windows once: planning takes the listing from the store,
 * loading takes it from here, with what this tick has written. A window that is listed a third time comes from the store
 * again, so that whoever looks twice sees what is there. What others write meanwhile is met by the next tick.
 */
export class Listings implements Lake {
  readonly #lake: Lake;
  readonly #windows: ReadonlySet<string>;
  readonly #listings = new Map<string, Listing>();
  /** Listings that have been used up. */
  readonly #used = new Set<string>();
  /** Names of the objects that were written in this tick. */
  readonly writtenObjects = new Set<string>();
  readonly #relays = new Map<DatasetName, Promise<string[]>>();
  readonly #horizons = new Map<string, Promise<Horizon | undefined>>();

  constructor(lake: Lake, windows: readonly ListedRange[]) {
    this.#lake = lake;
    this.#windows = new Set(windows.map(({ dataset, range }) => keyOf(dataset, range)));
  }

  get url(): string {
    return this.#lake.url;
  }

  get network(): string {
    return this.#lake.network;
  }

  async *list(dataset: DatasetName, relay: string, range: SlotRange): AsyncGenerator<Entry> {
    const key = `${relay} ${keyOf(dataset, range)}`;
    if (!this.#windows.has(keyOf(dataset, range)) || this.#used.has(key)) {
      yield* this.#lake.list(dataset, relay, range);
      return;
    }
    const known = this.#listings.has(key);
    const entries = await this.current(dataset, relay, range);
    if (known) {
      this.#listings.delete(key);
      this.#used.add(key);
    }
    yield* entries;
  }

  /** The chunks in a run of slots as this tick knows them, oldest first; listed if they haven't been yet. */
  async current(dataset: DatasetName, relay: string, range: SlotRange): Promise<Entry[]> {
    const key = `${relay} ${keyOf(dataset, range)}`;
    let listing = this.#listings.get(key);
    if (!listing) {
      const entries = this.#list(dataset, relay, range);
      listing = { dataset, relay, range, entries, written: new Map() };
      this.#listings.set(key, listing);
    }
    const entries = await listing.entries;
    for (const chunk of listing.written.values()) {
      listing.written.delete(chunk.first);
      const entry = await this.#lake.head(chunk);
      if (entry) entries.set(chunk.first, entry);
      else entries.delete(chunk.first);
    }
    return [...entries.values()].toSorted((a, b) => a.chunk.first - b.chunk.first);
  }

  async #list(dataset: DatasetName, relay: string, range: SlotRange): Promise<Map<number, Entry>> {
    const entries = new Map<number, Entry>();
    for await (const entry of this.#lake.list(dataset, relay, range)) entries.set(entry.chunk.first, entry);
    return entries;
  }

  async write(
    chunk: Chunk,
    blocks: ReadonlyMap<number, SlotBlock>,
    meta: ChunkMeta,
    ifGeneration: number,
  ): Promise<number> {
    this.#noteWrite(chunk);
    return this.#lake.write(chunk, blocks, meta, ifGeneration);
  }

  /** Notes a write whatever becomes of it: one that fails may have taken effect. */
  #noteWrite(chunk: Chunk): void {
    this.writtenObjects.add(chunkKey(chunk));
    for (const { dataset, relay, range, written } of this.#listings.values()) {
      if (dataset === chunk.dataset && relay === chunk.relay && intersect(range, chunk))
        written.set(chunk.first, chunk);
    }
  }

  async restate(chunk: Chunk, meta: ChunkMeta, ifGeneration: number): Promise<number> {
    this.#noteWrite(chunk);
    return this.#lake.restate(chunk, meta, ifGeneration);
  }

  async relays(dataset: DatasetName): Promise<string[]> {
    const known = this.#relays.get(dataset) ?? this.#lake.relays(dataset);
    this.#relays.set(dataset, known);
    return known;
  }

  async head(chunk: Chunk): Promise<Entry | undefined> {
    return this.#lake.head(chunk);
  }

  async read(chunk: Chunk): ReturnType<Lake["read"]> {
    return this.#lake.read(chunk);
  }

  async readQuarantine(chunk: Chunk): ReturnType<Lake["readQuarantine"]> {
    return this.#lake.readQuarantine(chunk);
  }

  async writeQuarantine(
    chunk: Chunk,
    lines: readonly QuarantineLine[],
    ifGeneration: number,
  ): Promise<number> {
    return this.#lake.writeQuarantine(chunk, lines, ifGeneration);
  }

  async readHorizon(dataset: DatasetName, relay: string): Promise<Horizon | undefined> {
    const key = `${dataset} ${relay}`;
    const known = this.#horizons.get(key) ?? this.#lake.readHorizon(dataset, relay);
    this.#horizons.set(key, known);
    return known;
  }

  async writeHorizon(dataset: DatasetName, relay: string, horizon: Horizon): Promise<void> {
    await this.#lake.writeHorizon(dataset, relay, horizon);
    this.#horizons.set(`${dataset} ${relay}`, Promise.resolve(horizon));
  }

  async readRereads(dataset: DatasetName, relay: string, month: string): Promise<Rereads> {
    return this.#lake.readRereads(dataset, relay, month);
  }

  async writeRereads(dataset: DatasetName, relay: string, month: string, rereads: Rereads): Promise<void> {
    return this.#lake.writeRereads(dataset, relay, month, rereads);
  }

  locate(object: string): string {
    return this.#lake.locate(object);
  }
}

/** A chunk as a text. */
export function chunkKey({ dataset, relay, first }: Chunk): string {
  return `${dataset} ${relay} ${first}`;
}

function keyOf(dataset: DatasetName, range: SlotRange): string {
  return `${dataset} ${range.first}-${range.last}`;
}
