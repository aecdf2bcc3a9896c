import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { PassThrough, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createInflateRaw } from "node:zlib";
import { UserError } from "../errors.ts";
import { bounded, readAt, unpackError } from "./unpack.ts";

/** The one file in a zip archive, as its central directory has it. */
interface Entry {
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly unpacked: number;
  /** Where its local header begins. */
  readonly offset: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** A zip file's own comment has at most 64 KiB. */
const TAIL_BYTES = 22 + 20 + 65_535;
/** Of an archive of one file; what declares more isn't one. */
const MOST_DIRECTORY_BYTES = 1 << 20;
/** In these fields the real number stands in the zip64 extra field. */
const IN_EXTRA = 0xffff_ffff;
const STORED = 0;
const DEFLATED = 8;

/**
 * Unpacks the one file of a zip archive (zip64 too), and checks its length and CRC. Throws UserError, which says what is wrong
 * with it.
 */
export async function unzip(path: string, to: string, limit: number): Promise<void> {
  const file = await open(path, "r");
  let entry: Entry;
  let start: number;
  try {
    entry = await onlyEntry(file);
    if (entry.unpacked > limit)
      throw new UserError(`it declares ${entry.unpacked} bytes unpacked, over the bound of ${limit}`);
    const local = await readAt(file, entry.offset, 30);
    if (local.length < 30 || local.readUInt32LE(0) !== LOCAL) throw cut();
    start = entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  } finally {
    await file.close();
  }
  await inflate(path, to, { start, entry });
}

async function inflate(
  path: string,
  to: string,
  { start, entry }: { start: number; entry: Entry },
): Promise<void> {
  let crc = 0;
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      crc = crc32(chunk, crc);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  try {
    await pipeline(
      createReadStream(path, { start, end: Math.max(start, start + entry.packed - 1) }),
      entry.method === DEFLATED ? createInflateRaw() : new PassThrough(),
      bounded(entry.unpacked),
      counted,
      createWriteStream(to),
    );
  } catch (error) {
    throw unpackError(error);
  }
  if (bytes !== entry.unpacked || crc !== entry.crc)
    throw new UserError("it is damaged: length or CRC of the file in it isn't what it declares");
}

async function onlyEntry(file: FileHandle): Promise<Entry> {
  const { size } = await file.stat();
  const tail = await readAt(file, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
  let at = tail.length - 22;
  while (at >= 0 && tail.readUInt32LE(at) !== END) at--;
  if (at < 0) throw cut();
  let directory = {
    count: tail.readUInt16LE(at + 10),
    bytes: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  if (at >= 20 && tail.readUInt32LE(at - 20) === LOCATOR64) {
    const end = await readAt(file, Number(tail.readBigUInt64LE(at - 12)), 56);
    if (end.length < 56 || end.readUInt32LE(0) !== END64) throw cut();
    directory = { count: bigAt(end, 32), bytes: bigAt(end, 40), offset: bigAt(end, 48) };
  }
  if (directory.count !== 1) throw new UserError(`it holds ${directory.count} files, not one`);
  if (directory.bytes > MOST_DIRECTORY_BYTES) throw new UserError("its directory is too long");
  const entry = await readAt(file, directory.offset, directory.bytes);
  if (entry.length < 46 || entry.readUInt32LE(0) !== ENTRY) throw cut();
  return entryOf(entry);
}

function entryOf(entry: Buffer): Entry {
  if ((entry.readUInt16LE(8) & 1) === 1) throw new UserError("what it holds is encrypted");
  const method = entry.readUInt16LE(10);
  if (method !== DEFLATED && method !== STORED)
    throw new UserError(`it is packed by method ${method}; deflate (8) alone can be read`);
  const [nameBytes, extraBytes] = [entry.readUInt16LE(28), entry.readUInt16LE(30)];
  const wide = wideNumbers(entry.subarray(46 + nameBytes, 46 + nameBytes + extraBytes));
  // In this order, each only where its field says so.
  const number = (offset: number) => {
    const plain = entry.readUInt32LE(offset);
    return plain === IN_EXTRA ? (wide.shift() ?? plain) : plain;
  };
  const [unpacked, packed, offset] = [number(24), number(20), number(42)];
  return { method, crc: entry.readUInt32LE(16), packed, unpacked, offset };
}

/** The numbers of the zip64 extra field. */
function wideNumbers(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    const bytes = Math.min(extra.readUInt16LE(at + 2), extra.length - at - 4);
    return Array.from({ length: bytes >> 3 }, (_, index) => bigAt(extra, at + 4 + 8 * index));
  }
  return [];
}

function bigAt(buffer: Buffer, offset: number): number {
  return Number(buffer.readBigUInt64LE(offset));
}

function cut(): UserError {
  return new UserError("it is cut short: a zip file ends with its directory");
}
