import { type Column, type ColumnType } from "../datasets/definition.ts";
import {
  bytesField,
  flagField,
  intField,
  longField,
  structField,
  structOf,
  textField,
  type ThriftStruct,
  varint,
} from "./thrift.ts";

/** Values as a page holds them, and the least and greatest of them; without these where they tell a reader nothing. */
interface PlainValues {
  readonly bytes: Buffer;
  readonly range?: readonly [least: Buffer, greatest: Buffer];
}

/** How a type of columns stands in a Parquet file (parquet.thrift). */
interface PhysicalType {
  readonly type: number;
  /** The schema's fields beside name and type. */
  readonly schema: Readonly<Record<number, ReturnType<typeof intField> | undefined>>;
  readonly plain: (texts: readonly string[]) => PlainValues;
  /** Whether values that come often stand in a dictionary. */
  readonly hasDictionary: boolean;
}

const nothing = structOf({});
const union = (member: number, value: ThriftStruct = nothing) =>
  structField(structOf({ [member]: structField(value) }));

const TYPES: Readonly<Record<ColumnType, PhysicalType>> = {
  BOOL: { type: 0, schema: {}, plain: plainFlags, hasDictionary: false },
  INT64: { type: 2, schema: {}, plain: (texts) => plainLongs(texts, BigInt), hasDictionary: true },
  FLOAT64: { type: 5, schema: {}, plain: plainDoubles, hasDictionary: false },
  STRING: { type: 6, schema: { 6: intField(0), 10: union(1) }, plain: plainTexts, hasDictionary: true },
  TIMESTAMP: {
    type: 2,
    // Instants in UTC, in microseconds.
    schema: { 6: intField(10), 10: union(8, structOf({ 1: flagField(true), 2: union(2) })) },
    plain: (texts) => plainLongs(texts, microseconds),
    hasDictionary: true,
  },
  NUMERIC: {
    type: 7,
    schema: {
      2: intField(16),
      6: intField(5),
      7: intField(0),
      8: intField(38),
      10: union(5, structOf({ 1: intField(0), 2: intField(38) })),
    },
    plain: plainDecimals,
    hasDictionary: true,
  },
};

/** Texts longer than this bound no row group that a query would leave out. */
const LONGEST_BOUND = 128;
const [PLAIN, RLE, RLE_DICTIONARY] = [0, 3, 8];
const [DATA_PAGE, DICTIONARY_PAGE] = [0, 2];

/** A column's element of a file's schema. */
export function schemaElement({ name, type }: Column): ThriftStruct {
  const { type: physical, schema } = TYPES[type];
  return structOf({ 1: intField(physical), 3: intField(1), 4: textField(name), ...schema });
}

/** A page's bytes before they are compressed, and what its header says of them beside their sizes. */
export interface ParquetPage {
  readonly body: Buffer;
  readonly type: number;
  readonly header: Readonly<Record<number, ReturnType<typeof structField>>>;
}

/** A column's values in a row group. */
export interface EncodedColumn {
  readonly type: number;
  readonly encodings: readonly number[];
  readonly dictionary?: ParquetPage;
  readonly data: ParquetPage;
  readonly statistics: ThriftStruct;
}

/** Encodes a column's values as the lake writes them; undefined is null. */
export function encodedColumn({ type }: Column, texts: readonly (string | undefined)[]): EncodedColumn {
  const { type: physical, plain, hasDictionary } = TYPES[type];
  const values = texts.filter((text) => text !== undefined);
  const numbers = hasDictionary ? dictionaryOf(values) : undefined;
  const { bytes, range } = plain(numbers ? [...numbers.keys()] : values);
  const body = numbers ? indexes(values, numbers) : bytes;
  const statistics = structOf({
    3: longField(BigInt(texts.length - values.length)),
    ...(range && { 5: bytesField(range[1]), 6: bytesField(range[0]) }),
  });
  const data: ParquetPage = {
    type: DATA_PAGE,
    body: Buffer.concat([levels(texts, values.length), body]),
    header: { 5: dataHeader(texts.length, numbers ? RLE_DICTIONARY : PLAIN) },
  };
  const shared = { type: physical, data, statistics };
  if (!numbers) return { ...shared, encodings: [PLAIN, RLE] };
  const header = structField(structOf({ 1: intField(numbers.size), 2: intField(PLAIN) }));
  const dictionary = { type: DICTIONARY_PAGE, body: bytes, header: { 7: header } };
  return { ...shared, encodings: [PLAIN, RLE, RLE_DICTIONARY], dictionary };
}

function dataHeader(values: number, encoding: number) {
  return structField(
    structOf({ 1: intField(values), 2: intField(encoding), 3: intField(RLE), 4: intField(RLE) }),
  );
}

/** The number of each value, in the order in which they come; undefined where hardly any comes twice. */
function dictionaryOf(values: readonly string[]): Map<string, number> | undefined {
  const numbers = new Map<string, number>();
  const most = values.length / 2;
  for (const value of values) {
    if (numbers.has(value)) continue;
    numbers.set(value, numbers.size);
    if (numbers.size > most) return undefined;
  }
  return numbers.size === 0 ? undefined : numbers;
}

/** Of each row whether it has a value: one bit, behind the length. */
function levels(texts: readonly (string | undefined)[], present: number): Buffer {
  const runs =
    present === texts.length
      ? Buffer.concat([varint(BigInt(present) << 1n), Buffer.of(1)])
      : packedRun(
          texts.map((text) => (text === undefined ? 0 : 1)),
          1,
        );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.length);
  return Buffer.concat([length, runs]);
}

function indexes(values: readonly string[], numbers: ReadonlyMap<string, number>): Buffer {
  const width = Math.max(1, 32 - Math.clz32(numbers.size - 1));
  const packed = packedRun(
    values.map((value) => numbers.get(value) ?? 0),
    width,
  );
  return Buffer.concat([Buffer.of(width), packed]);
}

/** Numbers of so many bits (16 at most), eight to a group, the least bit first: one run of Parquet's hybrid. */
function packedRun(numbers: readonly number[], width: number): Buffer {
  const groups = Math.ceil(numbers.length / 8);
  const head = varint((BigInt(groups) << 1n) | 1n);
  const packed = Buffer.alloc(head.length + groups * width);
  head.copy(packed);
  let [at, kept, bits] = [head.length, 0, 0];
  for (const number of numbers) {
    kept |= number << bits;
    for (bits += width; bits >= 8; bits -= 8) {
      packed[at++] = kept & 255;
      kept >>>= 8;
    }
  }
  if (bits > 0) packed[at] = kept & 255;
  return packed;
}

function plainTexts(texts: readonly string[]): PlainValues {
  let size = 0;
  let letters = 0;
  let [least, greatest] = [texts[0] ?? "", texts[0] ?? ""];
  for (const text of texts) {
    size += 4 + Buffer.byteLength(text);
    letters += 4 + text.length;
    if (text < least) least = text;
    if (text > greatest) greatest = text;
  }
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const text of texts) {
    const length = bytes.write(text, at + 4);
    bytes.writeUInt32LE(length, at);
    at += 4 + length;
  }
  // Other letters than ASCII are ordered otherwise in UTF-8 than in JavaScript.
  const isBound = size === letters && Math.max(least.length, greatest.length) <= LONGEST_BOUND;
  return texts.length > 0 && isBound
    ? { bytes, range: [Buffer.from(least), Buffer.from(greatest)] }
    : { bytes };
}

function plainLongs(texts: readonly string[], read: (text: string) => bigint): PlainValues {
  return plainNumbers(texts, read, 8, (bytes, value, at) => bytes.writeBigInt64LE(value, at));
}

/** The greater half first. */
function plainDecimals(texts: readonly string[]): PlainValues {
  return plainNumbers(texts, BigInt, 16, (bytes, value, at) => {
    bytes.writeBigInt64BE(value >> 64n, at);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, value), at + 8);
  });
}

function plainNumbers(
  texts: readonly string[],
  read: (text: string) => bigint,
  width: number,
  write: (bytes: Buffer, value: bigint, at: number) => void,
): PlainValues {
  const bytes = Buffer.allocUnsafe(texts.length * width);
  let [least, greatest]: (bigint | undefined)[] = [];
  for (const [index, text] of texts.entries()) {
    const value = read(text);
    write(bytes, value, index * width);
    if (least === undefined || value < least) least = value;
    if (greatest === undefined || value > greatest) greatest = value;
  }
  if (least === undefined || greatest === undefined) return { bytes };
  const bound = (value: bigint) => {
    const one = Buffer.alloc(width);
    write(one, value, 0);
    return one;
  };
  return { bytes, range: [bound(least), bound(greatest)] };
}

function plainDoubles(texts: readonly string[]): PlainValues {
  const bytes = Buffer.allocUnsafe(texts.length * 8);
  for (const [index, text] of texts.entries()) bytes.writeDoubleLE(Number(text), index * 8);
  return { bytes };
}

function plainFlags(texts: readonly string[]): PlainValues {
  const bytes = Buffer.alloc(Math.ceil(texts.length / 8));
  for (const [index, text] of texts.entries())
    if (text === "true") bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  return { bytes };
}

/** Unix microseconds of RFC 3339 in UTC. */
function microseconds(text: string): bigint {
  const [, seconds = "", fraction = ""] = /^(.{19})(?:\.(\d{1,6}))?Z$/.exec(text) ?? [];
  const at = Date.parse(`${seconds}Z`);
  if (Number.isNaN(at)) throw new RangeError(`${JSON.stringify(text)} is no time`);
  return BigInt(at) * 1000n + BigInt(fraction.padEnd(6, "0"));
}
