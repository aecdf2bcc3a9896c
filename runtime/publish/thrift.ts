/**
 * Thrift's compact protocol, as far as a Parquet file's footer needs it: what is read is written again with every field that it
 * had, also those that this program doesn't know.
 */
export type ThriftStruct = Map<number, ThriftField>;

interface ThriftField {
  readonly type: number;
  readonly value: ThriftValue;
}

export interface ThriftList {
  readonly type: number;
  readonly items: readonly ThriftValue[];
}

export type ThriftValue = boolean | bigint | Buffer | ThriftList | ThriftStruct;

/** Types of the protocol. A field's boolean is its type; a list's is a byte. */
const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12];

/** A field of 64 bits. */
export const longField = (value: bigint): ThriftField => ({ type: I64, value });
/** A field of 16 bits. */
export const shortField = (value: number): ThriftField => ({ type: I16, value: BigInt(value) });
/** A field of 32 bits. */
export const intField = (value: number): ThriftField => ({ type: I32, value: BigInt(value) });
/** A field that is true or false. */
export const flagField = (value: boolean): ThriftField => ({ type: TRUE, value });
/** A field of bytes. */
export const bytesField = (value: Buffer): ThriftField => ({ type: BINARY, value });
/** A field of text. */
export const textField = (text: string): ThriftField => bytesField(Buffer.from(text));
/** A field of a structure. */
export const structField = (value: ThriftStruct): ThriftField => ({ type: STRUCT, value });
/** A field of a list of numbers of 32 bits. */
export const intsField = (values: readonly number[]): ThriftField => ({
  type: LIST,
  value: { type: I32, items: values.map(BigInt) },
});
/** A field of a list of texts. */
export const textsField = (texts: readonly string[]): ThriftField => ({
  type: LIST,
  value: { type: BINARY, items: texts.map((text) => Buffer.from(text)) },
});
/** A field of a list of structures. */
export const structsField = (items: readonly ThriftStruct[]): ThriftField => ({
  type: LIST,
  value: { type: STRUCT, items },
});

/** A structure of these fields, by their numbers; those that are undefined it lacks. */
export function structOf(fields: Readonly<Record<number, ThriftField | undefined>>): ThriftStruct {
  const struct: ThriftStruct = new Map();
  for (const [id, field] of Object.entries(fields)) if (field) struct.set(Number(id), field);
  return struct;
}

/** Reads one structure from its first byte on. Throws RangeError where the bytes are none. */
export function decodeStruct(bytes: Buffer): ThriftStruct {
  return new Reader(bytes).struct();
}

export function encodeStruct(struct: ThriftStruct): Buffer {
  const parts: Buffer[] = [];
  writeStruct(struct, parts);
  return Buffer.concat(parts);
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  struct(): ThriftStruct {
    const fields: ThriftStruct = new Map();
    for (let id = 0; ;) {
      const head = this.#byte();
      if (head === 0) return fields;
      const type = head & 15;
      id = head >> 4 === 0 ? Number(this.#signed()) : id + (head >> 4);
      fields.set(id, { type, value: type === TRUE || type === FALSE ? type === TRUE : this.#value(type) });
    }
  }

  #value(type: number): ThriftValue {
    if (type === TRUE || type === FALSE) return this.#byte() === TRUE;
    if (type === BYTE) return BigInt(this.#byte());
    if (type === I16 || type === I32 || type === I64) return this.#signed();
    if (type === DOUBLE) return this.#take(8);
    if (type === BINARY) return this.#take(Number(this.#varint()));
    if (type === LIST) return this.#list();
    if (type === STRUCT) return this.struct();
    throw new RangeError(`a Parquet footer with a field of Thrift type ${type}`);
  }

  #list(): ThriftList {
    const head = this.#byte();
    const size = head >> 4 === 15 ? Number(this.#varint()) : head >> 4;
    const items: ThriftValue[] = [];
    for (let i = 0; i < size; i++) items.push(this.#value(head & 15));
    return { type: head & 15, items };
  }

  #signed(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError("a Parquet footer that is cut short");
    return byte;
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("a Parquet footer that is cut short");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function writeStruct(struct: ThriftStruct, parts: Buffer[]): void {
  let before = 0;
  for (const [id, { type, value }] of [...struct].toSorted(([a], [b]) => a - b)) {
    const written = typeof value === "boolean" ? (value ? TRUE : FALSE) : type;
    const delta = id - before;
    if (delta < 16) parts.push(Buffer.of((delta << 4) | written));
    else parts.push(Buffer.of(written), signed(BigInt(id)));
    if (typeof value !== "boolean") writeValue(type, value, parts);
    before = id;
  }
  parts.push(Buffer.of(0));
}

function writeValue(type: number, value: ThriftValue, parts: Buffer[]): void {
  if (typeof value === "boolean") parts.push(Buffer.of(value ? TRUE : FALSE));
  else if (typeof value === "bigint") parts.push(type === BYTE ? Buffer.of(Number(value)) : signed(value));
  else if (Buffer.isBuffer(value))
    parts.push(...(type === BINARY ? [varint(BigInt(value.length))] : []), value);
  else if (value instanceof Map) writeStruct(value, parts);
  else {
    const { length } = value.items;
    if (length < 15) parts.push(Buffer.of((length << 4) | value.type));
    else parts.push(Buffer.of(0xf0 | value.type), varint(BigInt(length)));
    for (const item of value.items) writeValue(value.type, item, parts);
  }
}

function signed(value: bigint): Buffer {
  return varint(value < 0n ? (-value << 1n) - 1n : value << 1n);
}

/** A whole number from 0 on, seven bits a byte. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  bytes.push(Number(value));
  return Buffer.from(bytes);
}
