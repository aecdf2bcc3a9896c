import { MAX_SLOT } from "../chain/networks.ts";
import { intersect, type SlotRange } from "../chain/slots.ts";
import { type Chunk, chunkName, chunkRange, parseChunkName, slotDigits } from "../datasets/chunks.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { lineParser } from "../datasets/lineParser.ts";
import { printable } from "../errors.ts";
import { RELAY_NAME } from "../relays/relay.ts";
import { type GzipBody, joinBlocks, type SlotBlock } from "./gzip.ts";
import { encodeHorizon, parseHorizon } from "./horizon.ts";
import { BodyFault, inflateLines } from "./inflate.ts";
import {
  type BadChunk,
  BadObjectError,
  type ChunkMeta,
  type Horizon,
  heldRows,
  heldSlots,
  isBad,
  type Lake,
  prunedRows,
  type QuarantineLine,
  StaleGenerationError,
  type StoredChunk,
} from "./lake.ts";
import { bodyOfMember } from "./member.ts";
import { countOf, decodeMeta, encodeMeta, LAYOUT_VERSION } from "./meta.ts";
import { type Rereads, encodeRereads, parseRereads } from "./rereads.ts";
import { parseQuarantine, quarantineBlocks, quarantineLineFault } from "./quarantine.ts";
import { OBJECT_LIMITS, type ObjectEntry, type ObjectLimits, type ObjectStore } from "./store.ts";

const SUFFIX = ".ndjson.gz";
/** A line holds at most 4 KiB of unknown fields (twice that with escapes) and about 1 KiB of known ones. */
const MAX_LINE = 1 << 16;
const MAX_HORIZON_BYTES = 1 << 12;
/** A month's slots that were read again, each a run of its own at worst: 223,000 slots of 24 bytes. */
const MAX_REREADS_BYTES = 1 << 23;
const REMEDY = "move it away and its slots will be asked again";
const QUARANTINE_REMEDY = "move it away (and keep it: it is evidence); a new one will be begun";

/**
 * The lake of one network over any store of objects: names, metadata, checks. Throws RangeError on a bad
 * network name.
 */
export function openLake(store: ObjectStore, network: string, limits: ObjectLimits = OBJECT_LIMITS): Lake {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(network)) throw new RangeError(`not a network's name: ${network}`);
  return new ObjectLake(store, network, limits);
}

class ObjectLake implements Lake {
  readonly url: string;
  readonly network: string;
  readonly #store: ObjectStore;
  readonly #limits: ObjectLimits;
  readonly #parsers = new Map<string, (line: string) => number | undefined>();

  constructor(store: ObjectStore, network: string, limits: ObjectLimits) {
    this.url = store.url;
    this.network = network;
    this.#store = store;
    this.#limits = limits;
  }

  async relays(dataset: DatasetName): Promise<string[]> {
    const folders = await this.#store.folders(`${this.network}/${dataset}/`);
    return folders.flatMap((folder) => {
      const name = folder.startsWith("relay=") ? folder.slice("relay=".length) : "";
      return RELAY_NAME.test(name) ? [name] : [];
    });
  }

  async *list(
    dataset: DatasetName,
    relay: string,
    range: SlotRange,
  ): AsyncGenerator<StoredChunk | BadChunk, void, undefined> {
    const prefix = this.#prefix(dataset, relay);
    const asked = intersect(range, { first: 0, last: MAX_SLOT });
    if (!asked) return;
    // A quarantine is never listed, so what a killed writer left there would otherwise stay.
    await this.#store.tidy(this.#prefix(dataset, relay, true));
    const start = prefix + slotDigits(chunkRange(datasets[dataset], asked.first).first);
    // Behind `<first>-<last>` of the last run, before the name of the next.
    const end = prefix + slotDigits(chunkRange(datasets[dataset], asked.last).last);
    for await (const entry of this.#store.list(prefix, start, end)) {
      if (!entry.name.endsWith(SUFFIX)) continue;
      const run = parseChunkName(datasets[dataset], entry.name.slice(prefix.length, -SUFFIX.length));
      if (run) yield this.#chunk({ dataset, relay, ...run }, entry);
    }
  }

  async head(chunk: Chunk): Promise<StoredChunk | BadChunk | undefined> {
    const entry = await this.#store.head(this.#object(chunk));
    return entry && this.#chunk(chunk, entry);
  }

  async read(
    chunk: Chunk,
  ): Promise<{ stored: StoredChunk; lines: ReadonlyMap<number, readonly string[]> } | undefined> {
    const object = this.#object(chunk);
    const found = await this.#store.read(object);
    if (!found) return undefined;
    const stored = this.#chunk(chunk, found.entry);
    if (isBad(stored)) throw new BadObjectError(object, stored.fault);
    const body = found.body ?? Buffer.alloc(0);
    const lines = await this.#named(object, REMEDY, () => this.#lines(stored, body));
    return { stored, lines };
  }

  async write(
    chunk: Chunk,
    blocks: ReadonlyMap<number, SlotBlock>,
    meta: ChunkMeta,
    ifGeneration: number,
  ): Promise<number> {
    const values = soundMeta(chunk, meta);
    const ordered = [...blocks].sort(([a], [b]) => a - b);
    for (const [slot] of ordered) {
      if (!meta.covered.has(slot)) throw new RangeError(`slot ${slot} has rows to write but isn't covered`);
      if (prunedRows(meta, slot) !== undefined)
        throw new RangeError(`slot ${slot} has rows to write but is pruned`);
    }
    const rows = ordered.reduce((sum, [, block]) => sum + block.rows, 0);
    if (rows !== heldRows(meta))
      throw new RangeError(`${rows} rows to write, but the metadata says ${heldRows(meta)}`);
    const body = joinBlocks(ordered.map(([, block]) => block));
    return this.#write(this.#object(chunk), body, values, ifGeneration);
  }

  async restate(chunk: Chunk, meta: ChunkMeta, ifGeneration: number): Promise<number> {
    const values = soundMeta(chunk, meta);
    if (ifGeneration === 0) return this.write(chunk, new Map(), meta, 0);
    const object = this.#object(chunk);
    const found = await this.#store.read(object);
    if (found?.entry.generation !== ifGeneration)
      throw new StaleGenerationError(`${object} isn't of generation ${ifGeneration} any more`);
    const stored = this.#chunk(chunk, found.entry);
    if (isBad(stored)) throw new BadObjectError(object, stored.fault);
    if (stored.meta.rows !== meta.rows)
      throw new RangeError(`chunk ${chunkName(chunk)}: rows can't change where only metadata is written`);
    const body = bodyOfMember(found.body ?? Buffer.alloc(0));
    if (!body) throw this.#bad(object, "it is cut short", REMEDY);
    return this.#write(object, body, values, ifGeneration);
  }

  async readQuarantine(chunk: Chunk): Promise<{ lines: readonly QuarantineLine[]; generation: number }> {
    const object = this.#object(chunk, true);
    const found = await this.#store.read(object);
    if (!found) return { lines: [], generation: 0 };
    const { entry, body } = found;
    return this.#named(object, QUARANTINE_REMEDY, async () => {
      if ("fault" in entry) throw new BodyFault(entry.fault);
      if (entry.metadata["version"] !== LAYOUT_VERSION)
        throw new BodyFault(`its metadata isn't of version ${LAYOUT_VERSION}`);
      const lines = await parseQuarantine(body ?? Buffer.alloc(0), chunk, this.#limits.inflated);
      if (countOf(entry.metadata, "rows") !== lines.length)
        throw new BodyFault(`it holds ${lines.length} rows, not as many as its metadata says`);
      return { lines, generation: entry.generation };
    });
  }

  async writeQuarantine(
    chunk: Chunk,
    lines: readonly QuarantineLine[],
    ifGeneration: number,
  ): Promise<number> {
    for (const line of lines) {
      const fault = quarantineLineFault(line, chunk);
      if (fault !== undefined)
        throw new RangeError(`a row for the quarantine of ${chunkName(chunk)} ${fault}`);
    }
    const metadata = { rows: String(lines.length), version: LAYOUT_VERSION };
    const body = joinBlocks(quarantineBlocks(lines));
    return this.#write(this.#object(chunk, true), body, metadata, ifGeneration);
  }

  async readHorizon(dataset: DatasetName, relay: string): Promise<Horizon | undefined> {
    const object = `${this.#prefix(dataset, relay)}horizon.json`;
    const text = await this.#store.readText(object, MAX_HORIZON_BYTES);
    if (text === undefined) return undefined;
    const horizon = parseHorizon(text);
    if (!horizon)
      throw this.#bad(object, "it isn't a horizon", "move it away and the horizon will be looked for again");
    return horizon;
  }

  async writeHorizon(dataset: DatasetName, relay: string, horizon: Horizon): Promise<void> {
    await this.#store.writeText(`${this.#prefix(dataset, relay)}horizon.json`, encodeHorizon(horizon));
  }

  async readRereads(dataset: DatasetName, relay: string, month: string): Promise<Rereads> {
    const object = this.#rereads(dataset, relay, month);
    const text = await this.#store.readText(object, MAX_REREADS_BYTES);
    if (text === undefined) return new Map();
    const rereads = parseRereads(text);
    if (!rereads)
      throw this.#bad(
        object,
        "it doesn't say what was read again",
        "move it away and slots will be read again",
      );
    return rereads;
  }

  async writeRereads(dataset: DatasetName, relay: string, month: string, rereads: Rereads): Promise<void> {
    await this.#store.writeText(this.#rereads(dataset, relay, month), encodeRereads(rereads));
  }

  locate(object: string): string {
    return this.#store.locate(object);
  }

  #prefix(dataset: DatasetName, relay: string, quarantine = false): string {
    if (!RELAY_NAME.test(relay)) throw new RangeError(`not a relay's name: ${relay}`);
    return `${this.network}/${quarantine ? "quarantine/" : ""}${dataset}/relay=${relay}/`;
  }

  #rereads(dataset: DatasetName, relay: string, month: string): string {
    if (!/^\d{4}-\d{2}$/.test(month)) throw new RangeError(`not a month: ${month}`);
    return `${this.#prefix(dataset, relay)}rereads/${month}.json`;
  }

  #object(chunk: Chunk, quarantine = false): string {
    const run = chunkRange(datasets[chunk.dataset], chunk.first);
    if (run.first !== chunk.first || run.last !== chunk.last)
      throw new RangeError(`not a chunk of ${chunk.dataset}: slots ${chunk.first}-${chunk.last}`);
    return this.#prefix(chunk.dataset, chunk.relay, quarantine) + chunkName(chunk) + SUFFIX;
  }

  #chunk(chunk: Chunk, entry: ObjectEntry): StoredChunk | BadChunk {
    const { name: object, generation, bytes } = entry;
    const base = { chunk, object, generation, bytes };
    const decoded = "fault" in entry ? entry : decodeMeta(chunk, entry.metadata);
    if ("fault" in decoded) return { ...base, fault: this.#bad(object, decoded.fault, REMEDY).message };
    return { ...base, meta: decoded };
  }

  async #lines(stored: StoredChunk, body: Buffer): Promise<Map<number, string[]>> {
    const { chunk, meta } = stored;
    const slotOf = this.#parser(chunk);
    const lines = new Map<number, string[]>(heldSlots(meta).map((slot) => [slot, []]));
    let rows = 0;
    let last = chunk.first;
    for await (const batch of inflateLines(body, MAX_LINE, this.#limits.inflated)) {
      for (const line of batch) {
        rows++;
        const slot = slotOf(line);
        if (slot === undefined) throw new BodyFault(`its line ${rows} isn't as the lake writes it`);
        const ofSlot = lines.get(slot);
        if (!ofSlot) throw new BodyFault(`its line ${rows} is of slot ${slot}, which it doesn't cover`);
        if (slot < last) throw new BodyFault(`its line ${rows} is of slot ${slot}, behind slot ${last}`);
        last = slot;
        ofSlot.push(line);
      }
    }
    if (rows !== heldRows(meta))
      throw new BodyFault(`it holds ${rows} rows, but its metadata says ${heldRows(meta)}`);
    return lines;
  }

  #parser({ dataset, relay }: Chunk): (line: string) => number | undefined {
    const key = `${dataset}/${relay}`;
    let parser = this.#parsers.get(key);
    if (!parser) this.#parsers.set(key, (parser = lineParser(datasets[dataset], relay)));
    return parser;
  }

  async #write(
    object: string,
    body: GzipBody,
    metadata: Readonly<Record<string, string>>,
    ifGeneration: number,
  ): Promise<number> {
    const bytes = body.deflate.reduce((sum, part) => sum + part.length, 0);
    // What couldn't be read back must not be written.
    if (body.size > this.#limits.inflated || bytes > this.#limits.stored)
      throw this.#bad(
        object,
        `its rows (${body.size} bytes) are more than an object may hold`,
        "its slots stay as they were",
      );
    return this.#store.write(object, body, metadata, ifGeneration);
  }

  async #named<T>(object: string, remedy: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BodyFault) throw this.#bad(object, error.message, remedy);
      throw error;
    }
  }

  #bad(object: string, fault: string, remedy: string): BadObjectError {
    return new BadObjectError(
      object,
      `${printable(this.#store.locate(object), 4096)} can't be used: ${fault}; ${remedy}`,
    );
  }
}

/** A chunk's metadata as it is stored. Throws RangeError where it couldn't be read back. */
function soundMeta(chunk: Chunk, meta: ChunkMeta): Record<string, string> {
  const values = encodeMeta(meta);
  const decoded = decodeMeta(chunk, values);
  if ("fault" in decoded) throw new RangeError(`chunk ${chunkName(chunk)}: ${decoded.fault}`);
  return values;
}
