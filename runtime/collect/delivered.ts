import { type Chunk, chunkRange } from "../datasets/chunks.ts";
import { type Dataset, datasets } from "../datasets/dataset.ts";
import { payloads } from "../datasets/payloads.ts";
import { blockHashOf } from "../datasets/line.ts";
import type { SlotRange } from "../chain/slots.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { type Lake, trusted } from "../lake/lake.ts";

/** The datasets that name blocks which relays make themselves. */
const MAKING = Object.values(datasets).filter(({ makesBlocks }) => makesBlocks !== undefined);
/** Hashes of such blocks by slot; every covered slot is there. */
type Made = ReadonlyMap<number, readonly string[]>;

/** Chunks below a slot that are looked through for slots in which the relay delivered. */
const CHUNKS_BELOW = 3;
/** Chunks that are kept: bids are read in order, so that a few are enough. */
const KEPT = 4;

/**
 * What a relay delivered, read from the lake a chunk at a time: a bid list that lacks a delivered block is doubtful, and so is an
 * empty one where anything was delivered. Of a payload that no table can hold the slot alone is known.
 */
export class Delivered {
  readonly #lake: Lake;
  readonly #relay: Relay;
  readonly #made = new Map<string, Promise<Made>>();
  readonly #chunks = new Map<number, Promise<ReadonlyMap<number, ReadonlySet<string>>>>();
  /** What was read and isn't in the lake yet. */
  readonly #noted = new Map<number, ReadonlySet<string>>();

  constructor(lake: Lake, relay: Relay) {
    this.#lake = lake;
    this.#relay = relay;
  }

  /** Notes block hashes that were delivered in a slot and will be in the lake later. */
  note(slot: number, hashes: ReadonlySet<string>): void {
    this.#noted.set(slot, hashes);
  }

  /** Block hashes that were delivered in a slot, as far as they are known; undefined where nothing is known to be delivered. */
  async at(slot: number): Promise<ReadonlySet<string> | undefined> {
    return this.#noted.get(slot) ?? (await this.#chunk(slot)).get(slot);
  }

  /**
   * Block hashes that were delivered in a slot and have to be among its bids: not those that an adjustment or a merger names, and, of
   * a relay that makes blocks, none while nobody knows which.
   */
  async bid(slot: number): Promise<ReadonlySet<string>> {
    const left = new Set(await this.at(slot));
    if (!this.#relay.adjusts) return left;
    for (const dataset of MAKING.filter(({ name }) => serves(this.#relay, name))) {
      const made = (await this.#madeIn(dataset, slot)).get(slot);
      if (!made) return new Set();
      for (const hash of made) left.delete(hash);
    }
    return left;
  }

  #madeIn(dataset: Dataset, slot: number): Promise<Made> {
    const { first, last } = chunkRange(dataset, slot);
    const key = `${dataset.name} ${first}`;
    const known = this.#made.get(key) ?? this.#readMade(dataset, { first, last });
    this.#made.delete(key);
    for (const old of [...this.#made.keys()].slice(0, 1 - KEPT)) this.#made.delete(old);
    this.#made.set(key, known);
    return known;
  }

  /** The blocks that the relay made, by the covered slots of a chunk. */
  async #readMade({ name, makesBlocks = "" }: Dataset, range: SlotRange): Promise<Made> {
    const chunk = { dataset: name, relay: this.#relay.name, ...range };
    const content = await trusted(() => this.#lake.read(chunk), undefined);
    const hashOf = (line: string) => String((JSON.parse(line) as Record<string, unknown>)[makesBlocks]);
    return new Map([...(content?.lines ?? [])].map(([slot, lines]) => [slot, lines.map(hashOf)]));
  }

  /** Slots at or below a slot in which the relay delivered, newest first, as far as some nearby are known. */
  async below(slot: number): Promise<number[]> {
    for (let at = slot, chunks = 0; at >= 0 && chunks < CHUNKS_BELOW; chunks++) {
      const known = new Set([...this.#noted.keys(), ...(await this.#chunk(at)).keys()]);
      const below = [...known].filter((each) => each <= slot);
      if (below.length > 0) return below.toSorted((a, b) => b - a);
      at = chunkRange(payloads, at).first - 1;
    }
    return [];
  }

  #chunk(slot: number): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const { first } = chunkRange(payloads, slot);
    let chunk = this.#chunks.get(first);
    if (!chunk) {
      chunk = this.#read(first);
      for (const old of [...this.#chunks.keys()].slice(0, 1 - KEPT)) this.#chunks.delete(old);
      this.#chunks.set(first, chunk);
    }
    return chunk;
  }

  async #read(first: number): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const hashes = new Map<number, ReadonlySet<string>>();
    const range = chunkRange(payloads, first);
    const chunk = { dataset: "payloads", relay: this.#relay.name, ...range } as const;
    // The payloads' own plan says that an object is bad; bids go on without the cross-check.
    const content = await trusted(() => this.#lake.read(chunk), undefined);
    if (content && content.stored.meta.quarantined > 0)
      for (const slot of await refusedSlots(this.#lake, chunk)) hashes.set(slot, new Set());
    // Of what was pruned it is known that something was delivered, and not what.
    for (const [slot, rows] of content?.stored.meta.pruned?.rows ?? [])
      if (rows > 0) hashes.set(slot, new Set());
    for (const [slot, lines] of content?.lines ?? [])
      if (lines.length > 0) hashes.set(slot, new Set(lines.map(blockHashOf)));
    return hashes;
  }
}

/** The slots of a chunk of which the relay sent rows that no table can hold. */
export async function refusedSlots(lake: Lake, chunk: Chunk): Promise<ReadonlySet<number>> {
  // Whoever writes to a quarantine that is bad says so.
  const found = await trusted(() => lake.readQuarantine(chunk), undefined);
  return new Set((found?.lines ?? []).filter(({ reason }) => reason !== "field").map(({ slot }) => slot));
}
