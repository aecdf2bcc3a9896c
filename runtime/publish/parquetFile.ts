import { decodeStruct, encodeStruct, longField, shortField, structsField, textField } from "./thrift.ts";
import type { ThriftStruct, ThriftValue } from "./thrift.ts";

const MAGIC = Buffer.from("PAR1");
/** Behind the footer: its length in four bytes, and the magic. */
const TAIL = 8;

/** Fields of parquet.thrift. */
const FILE = { rows: 3, groups: 4, keys: 5 };
const GROUP = { columns: 1, offset: 5, ordinal: 7, rows: 3 };
const CHUNK = { offsets: [2, 4, 6], meta: 3 };
/** Data page, index page, dictionary page, Bloom filter. */
const META_OFFSETS = [9, 10, 11, 14];

/** A Parquet file's footer, and where it begins. Undefined where `end`, the file's last bytes, isn't the end of one, or lacks a part of it. */
export function footerOf(end: Buffer): { footer: ThriftStruct; length: number } | undefined {
  const at = end.length - TAIL;
  if (at < 0 || !end.subarray(at + 4).equals(MAGIC)) return undefined;
  const length = end.readUInt32LE(at);
  if (length > at) return undefined;
  return { footer: decodeStruct(end.subarray(at - length, at)), length: length + TAIL };
}

/** The rows that a footer states. */
export function rowsOfFooter(footer: ThriftStruct): number {
  return Number(footer.get(FILE.rows)?.value);
}

/**
 * Parquet files of one schema as one: their row groups one behind another, as they are, under a footer of their own. So a day of
 * any size is written with the memory of a part, its row groups begin where is wanted, and equal parts give equal bytes.
 */
export class ParquetJoin {
  readonly #write: (bytes: Buffer) => Promise<void>;
  readonly #groups: ThriftStruct[] = [];
  #first: ThriftStruct | undefined;
  #at = 0;
  rows = 0;

  constructor(write: (bytes: Buffer) => Promise<void>) {
    this.#write = write;
  }

  get bytes(): number {
    return this.#at;
  }

  /** Takes a whole Parquet file. Throws RangeError where it is none. */
  async add(part: Buffer): Promise<void> {
    const found = footerOf(part);
    if (!found || !part.subarray(0, MAGIC.length).equals(MAGIC))
      throw new RangeError("a part that is no whole Parquet file");
    if (!this.#first) {
      this.#first = found.footer;
      await this.#put(MAGIC);
    }
    const shift = BigInt(this.#at - MAGIC.length);
    for (const group of listOf(found.footer.get(FILE.groups)?.value)) {
      moved(group, shift);
      if (group.has(GROUP.ordinal)) group.set(GROUP.ordinal, shortField(this.#groups.length));
      this.#groups.push(group);
      this.rows += Number(group.get(GROUP.rows)?.value);
    }
    await this.#put(part.subarray(MAGIC.length, part.length - found.length));
  }

  /** Writes the footer, with these texts by their keys. */
  async end(keys: Readonly<Record<string, string>>): Promise<void> {
    if (!this.#first) throw new RangeError("a Parquet file without any part");
    const pair = ([key, value]: [string, string]): ThriftStruct =>
      new Map([
        [1, textField(key)],
        [2, textField(value)],
      ]);
    this.#first.set(FILE.rows, longField(BigInt(this.rows)));
    this.#first.set(FILE.groups, structsField(this.#groups));
    this.#first.set(FILE.keys, structsField(Object.entries(keys).map(pair)));
    const footer = encodeStruct(this.#first);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    await this.#put(Buffer.concat([footer, length, MAGIC]));
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#at += bytes.length;
    await this.#write(bytes);
  }
}

/** Moves all that a row group says of places in its file. */
function moved(group: ThriftStruct, shift: bigint): void {
  move(group, [GROUP.offset], shift);
  for (const chunk of listOf(group.get(GROUP.columns)?.value)) {
    move(chunk, CHUNK.offsets, shift);
    const meta = chunk.get(CHUNK.meta)?.value;
    if (meta instanceof Map) move(meta, META_OFFSETS, shift);
  }
}

function move(struct: ThriftStruct, ids: readonly number[], shift: bigint): void {
  for (const id of ids) {
    const value = struct.get(id)?.value;
    // 0 stands for none: nothing lies before the magic's end.
    if (typeof value === "bigint" && value > 0n) struct.set(id, longField(value + shift));
  }
}

function listOf(value: ThriftValue | undefined): ThriftStruct[] {
  if (value === undefined || typeof value !== "object" || !("items" in value)) return [];
  return value.items.filter((item) => item instanceof Map);
}
