import { type SlotRange, intersect } from "../chain/slots.ts";
import type { Chunk } from "../datasets/chunks.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { BadChunk, Horizon, Lake, StoredChunk } from "../lake/lake.ts";
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

  readonly write: Lake["write"] = async (...given) => {
    this.#noteWrite(given[0]);
    return this.#lake.write(...given);
  };

  readonly restate: Lake["restate"] = async (...given) => {
    this.#noteWrite(given[0]);
    return this.#lake.restate(...given);
  };

  /** Notes a write whatever becomes of it: one that fails may have taken effect. */
  #noteWrite(chunk: Chunk): void {
    this.writtenObjects.add(chunkKey(chunk));
    for (const { dataset, relay, range, written } of this.#listings.values()) {
      if (dataset === chunk.dataset && relay === chunk.relay && intersect(range, chunk))
        written.set(chunk.first, chunk);
    }
  }

  async relays(dataset: DatasetName): Promise<string[]> {
    const known = this.#relays.get(dataset) ?? this.#lake.relays(dataset);
    this.#relays.set(dataset, known);
    return known;
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

  // What isn't kept here goes to the lake as it is.
  readonly head: Lake["head"] = (chunk) => this.#lake.head(chunk);
  readonly read: Lake["read"] = (chunk) => this.#lake.read(chunk);
  readonly readQuarantine: Lake["readQuarantine"] = (chunk) => this.#lake.readQuarantine(chunk);
  readonly writeQuarantine: Lake["writeQuarantine"] = (...given) => this.#lake.writeQuarantine(...given);
  readonly readRereads: Lake["readRereads"] = (...given) => this.#lake.readRereads(...given);
  readonly writeRereads: Lake["writeRereads"] = (...given) => this.#lake.writeRereads(...given);
  readonly locate: Lake["locate"] = (object) => this.#lake.locate(object);
}

/** A chunk as a text. */
export function chunkKey({ dataset, relay, first }: Chunk): string {
  return `${dataset} ${relay} ${first}`;
}

function keyOf(dataset: DatasetName, range: SlotRange): string {
  return `${dataset} ${range.first}-${range.last}`;
}
