import { constants, crc32, deflateRawSync } from "node:zlib";

/**
 * The lines of one slot, deflated so that blocks of several slots put one behind another are one deflate stream:
 * each ends with a sync flush (RFC 1951 §3.2.4, an empty stored block) and none is final. A slot is thus compressed
 * once, when it is read, whatever order slots come in.
 */
export interface SlotBlock {
  readonly deflate: Buffer;
  /** CRC-32 of the lines. */
  readonly crc: number;
  /** Bytes of the lines. */
  readonly size: number;
  readonly rows: number;
}

/** A gzip member's body before it gets a header: raw deflate with its final block, CRC-32 and length of the plain text. */
export interface GzipBody {
  readonly deflate: readonly Buffer[];
  readonly crc: number;
  readonly size: number;
}

/** Level 1: a fifth of level 6's time for a tenth more bytes on bids. */
const LEVEL = 1;

/**
 * Compresses the lines of one slot, as text or as its UTF-8. On this thread: a slot takes milliseconds, and a machine's other
 * cores are for other workers.
 */
export function deflateSlot(lines: string | Buffer, rows: number): SlotBlock {
  const plain = typeof lines === "string" ? Buffer.from(lines) : lines;
  if (plain.length === 0) return { deflate: Buffer.alloc(0), crc: 0, size: 0, rows };
  const deflate = deflateRawSync(plain, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
  return { deflate, crc: crc32(plain), size: plain.length, rows };
}

/** Joins blocks, in the order given, into one gzip body. */
export function joinBlocks(blocks: Iterable<SlotBlock>): GzipBody {
  const deflate: Buffer[] = [];
  let crc = 0;
  let size = 0;
  for (const block of blocks) {
    if (block.size === 0) continue;
    deflate.push(block.deflate);
    crc = crc32Combine(crc, block.crc, block.size);
    size += block.size;
  }
  deflate.push(Buffer.from([0x03, 0x00])); // a final, empty block with fixed codes
  return { deflate, crc, size };
}

/** A gzip member (RFC 1952) of a body. `extra` becomes the FEXTRA field (at most 65,535 bytes), which readers pass over. */
export function gzipMember(body: GzipBody, extra?: Buffer): Buffer[] {
  // Fixed header: deflate, no time, fastest algorithm, unknown system, so that equal content gives equal bytes.
  const header = Buffer.from([0x1f, 0x8b, 8, extra ? 4 : 0, 0, 0, 0, 0, 4, 255]);
  const parts: Buffer[] = [header];
  if (extra) {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(extra.length);
    parts.push(length, extra);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(body.crc >>> 0, 0);
  trailer.writeUInt32LE(body.size % 0x1_0000_0000, 4);
  return [...parts, ...body.deflate, trailer];
}

/** CRC-32 of two texts put together, from the CRC of each and the length of the second (zlib's crc32_combine). */
export function crc32Combine(first: number, second: number, secondLength: number): number {
  // Appending n zero bytes multiplies the CRC polynomial by x^(8n), in a step for each power of 2 in n.
  let crc = first >>> 0;
  for (let power = 0, length = secondLength; length > 0; power++, length = Math.floor(length / 2))
    if (length % 2 === 1) crc = times(zeroBytes(power), crc);
  return (crc ^ second) >>> 0;
}

type Operator = readonly number[];

const powers: Operator[] = [];

/** What 2^power zero bytes do to a CRC: each the square of the one before. */
function zeroBytes(power: number): Operator {
  for (let next = powers.length; next <= power; next++) {
    const before = powers[next - 1];
    powers.push(before ? squared(before) : squared(squared(squared(oneBitOperator()))));
  }
  return powers[power] ?? [];
}

function oneBitOperator(): Operator {
  return [0xedb88320, ...Array.from({ length: 31 }, (_, i) => 2 ** i)];
}

function times(operator: Operator, vector: number): number {
  let sum = 0;
  for (let bit = 0, rest = vector; rest !== 0; bit++, rest >>>= 1) if (rest & 1) sum ^= operator[bit] ?? 0;
  return sum >>> 0;
}

function squared(operator: Operator): Operator {
  return operator.map((row) => times(operator, row));
}
