import * as zlib from "node:zlib";
import { type Dataset, publishedColumns } from "../datasets/dataset.ts";
import type { Column } from "../datasets/definition.ts";
import type { PartWriter } from "./dayFile.ts";
import { encodedColumn, type ParquetPage, schemaElement } from "./parquetColumn.ts";
import {
  encodeStruct,
  intField,
  intsField,
  longField,
  shortField,
  structField,
  structOf,
  structsField,
  textField,
  textsField,
  type ThriftStruct,
} from "./thrift.ts";

const MAGIC = Buffer.from("PAR1");
/** Rows of a row group at most. */
const GROUP_ROWS = 1 << 16;

/** How pages are compressed, with the format's number of it. */
export interface PageCodec {
  readonly number: number;
  readonly compress: (bytes: Buffer) => Buffer;
}

/** Zstandard where Node.js has it (from 22.15 on: the container's does), else gzip, which every reader takes too. */
export function pageCodec(): PageCodec {
  const { zstdCompressSync } = zlib as { zstdCompressSync?: PageCodec["compress"] };
  return zstdCompressSync
    ? { number: 6, compress: (bytes) => zstdCompressSync(bytes) }
    : { number: 2, compress: (bytes) => zlib.gzipSync(bytes) };
}

/** Makes parts without DuckDB, which is native and in no container. Equal lines give equal bytes. */
export class NodeParts implements PartWriter {
  readonly #codec: PageCodec;

  constructor(codec: PageCodec = pageCodec()) {
    this.#codec = codec;
  }

  async part(dataset: Dataset, lines: readonly Buffer[]): Promise<Buffer> {
    const columns = publishedColumns(dataset);
    const file = new PartFile(columns, this.#codec);
    let group = columns.map((): (string | undefined)[] => []);
    for (const slot of lines) {
      for (const row of rowsIn(slot)) {
        for (const [index, { name }] of columns.entries()) group[index]?.push(textOf(row, name));
        if (group[0]?.length !== GROUP_ROWS) continue;
        file.add(group);
        group = columns.map(() => []);
      }
    }
    if (group[0]?.length) file.add(group);
    return file.end();
  }

  async close(): Promise<void> {
    // Nothing is held.
  }
}

/** Lines of a slot; no line has a newline in it. */
function rowsIn(slot: Buffer): readonly Record<string, unknown>[] {
  const lines = slot.toString("utf8").trimEnd();
  return JSON.parse(`[${lines.replaceAll("\n", ",")}]`) as Record<string, unknown>[];
}

function textOf(row: Record<string, unknown>, name: string): string | undefined {
  const value = row[name];
  if (typeof value === "string") return value;
  if (name === "copies") return typeof value === "number" ? String(value) : "1";
  return typeof value === "boolean" ? String(value) : undefined;
}

/** A Parquet file that is made of row groups. */
class PartFile {
  readonly #columns: readonly Column[];
  readonly #codec: PageCodec;
  readonly #pieces: Buffer[] = [MAGIC];
  readonly #groups: ThriftStruct[] = [];
  #at = MAGIC.length;
  #rows = 0;

  constructor(columns: readonly Column[], codec: PageCodec) {
    this.#columns = columns;
    this.#codec = codec;
  }

  add(group: readonly (readonly (string | undefined)[])[]): void {
    const rows = group[0]?.length ?? 0;
    const offset = longField(BigInt(this.#at));
    const before = this.#at;
    let plainBytes = 0n;
    const chunks = this.#columns.map((column, index) => {
      const { chunk, size } = this.#chunk(column, group[index] ?? []);
      plainBytes += size;
      return chunk;
    });
    this.#groups.push(
      structOf({
        1: structsField(chunks),
        2: longField(plainBytes),
        3: longField(BigInt(rows)),
        5: offset,
        6: longField(BigInt(this.#at - before)),
        7: shortField(this.#groups.length),
      }),
    );
    this.#rows += rows;
  }

  end(): Buffer {
    const root = structOf({ 4: textField("rows"), 5: intField(this.#columns.length) });
    const byType = structOf({ 1: structField(structOf({})) });
    const footer = encodeStruct(
      structOf({
        1: intField(1),
        2: structsField([root, ...this.#columns.map(schemaElement)]),
        3: longField(BigInt(this.#rows)),
        4: structsField(this.#groups),
        6: textField("MEV-Boost ETL"),
        7: structsField(this.#columns.map(() => byType)),
      }),
    );
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    return Buffer.concat([...this.#pieces, footer, length, MAGIC]);
  }

  #chunk(column: Column, texts: readonly (string | undefined)[]): { chunk: ThriftStruct; size: bigint } {
    const { type, encodings, dictionary, data, statistics } = encodedColumn(column, texts);
    const start = this.#at;
    const first = dictionary ? this.#page(dictionary) : 0;
    const dataAt = this.#at;
    const size = BigInt(first + this.#page(data));
    const meta = structOf({
      1: intField(type),
      2: intsField(encodings),
      3: textsField([column.name]),
      4: intField(this.#codec.number),
      5: longField(BigInt(texts.length)),
      6: longField(size),
      7: longField(BigInt(this.#at - start)),
      9: longField(BigInt(dataAt)),
      11: dictionary && longField(BigInt(start)),
      12: structField(statistics),
    });
    return { chunk: structOf({ 2: longField(BigInt(start)), 3: structField(meta) }), size };
  }

  /** Returns the page's size before it was compressed, with its header. */
  #page({ type, body, header }: ParquetPage): number {
    const compressed = this.#codec.compress(body);
    const head = encodeStruct(
      structOf({
        1: intField(type),
        2: intField(body.length),
        3: intField(compressed.length),
        ...header,
      }),
    );
    this.#pieces.push(head, compressed);
    this.#at += head.length + compressed.length;
    return head.length + body.length;
  }
}
