import {
  DEFLATE,
  DISTANCE_CODES,
  DISTANCE_SYMBOLS,
  END_CODE,
  FIRST_CODES,
  HEADER,
  HEADER_BITS,
  LENGTH_CODES,
  MAX_DEFLATE,
  OTHER_CODES,
} from "./memory";

// Deflate (RFC 1951) with two sets of Huffman codes that lie ready: one for a slot's first line, which is text, and one for the
// others, which are digits between matches.

/** Bits that don't make a byte yet, how many, and where the next byte goes. */
let bits: u64 = 0;
let count: u64 = 0;
let out: usize = DEFLATE;
let codes: usize = FIRST_CODES;

export function beginDeflate(): void {
  bits = 0;
  count = 0;
  out = DEFLATE;
  beginBlock(FIRST_CODES);
}

/** Whether the rest of the room is enough for a line of so many bytes, whatever it holds. */
export function hasRoom(length: usize): bool {
  // A symbol takes 15 bits at most, a block's begin below 512 bytes.
  return out + 2 * length + 1024 < DEFLATE + MAX_DEFLATE;
}

/** Ends a slot's first line: what follows has other codes. */
export function beginOthers(): void {
  endBlock();
  beginBlock(OTHER_CODES);
}

/** Ends the block by a sync flush: an empty stored block, so that the next slot's begins with a byte. Returns all bytes. */
export function endDeflate(): usize {
  endBlock();
  put(0, 3);
  if (count > 0) put(0, 8 - count);
  store<u32>(out, 0xffff_0000);
  out += 4;
  return out - DEFLATE;
}

export function literals(from: usize, to: usize): void {
  let b = bits;
  let n = count;
  let o = out;
  const table = codes;
  while (from + 4 <= to) {
    const four = load<u32>(from);
    let code: u64 = load<u32>(table + ((four & 0xff) << 2));
    b |= (code & 0xffff) << n;
    n += code >> 16;
    code = load<u32>(table + ((four >> 6) & 0x3fc));
    b |= (code & 0xffff) << n;
    n += code >> 16;
    code = load<u32>(table + ((four >> 14) & 0x3fc));
    b |= (code & 0xffff) << n;
    n += code >> 16;
    code = load<u32>(table + ((four >> 24) << 2));
    b |= (code & 0xffff) << n;
    n += code >> 16;
    // A literal's code has 14 bits at most, so four and 7 that were left are below 64.
    store<u64>(o, b);
    o += <usize>(n >> 3);
    b >>= n & 56;
    n &= 7;
    from += 4;
  }
  while (from < to) {
    const code: u64 = load<u32>(table + ((<u32>load<u8>(from)) << 2));
    b |= (code & 0xffff) << n;
    n += code >> 16;
    from++;
    store<u64>(o, b);
    o += <usize>(n >> 3);
    b >>= n & 56;
    n &= 7;
  }
  bits = b;
  count = n;
  out = o;
}

/** Repeats what stands `distance` (1 to 32,768) before, `length` bytes (3 at least). */
export function repeat(length: usize, distance: usize): void {
  while (length > 258) {
    // What is left must be long enough for a match of its own.
    const part: usize = length >= 261 ? 258 : 255;
    repeatPart(part, distance);
    length -= part;
  }
  repeatPart(length, distance);
}

function repeatPart(length: usize, distance: usize): void {
  const long: u64 = load<u32>(codes + LENGTH_CODES + (length << 2));
  let b = bits | ((long & 0xff_ffff) << count);
  let n = count + (long >> 24);
  const before = distance - 1;
  const symbol: usize = load<u8>(DISTANCE_SYMBOLS + (before < 256 ? before : 256 + (before >> 7)));
  const far: u64 = load<u64>(codes + DISTANCE_CODES + (symbol << 3));
  // Code, its bits, the bits that follow it, and the least distance of the symbol.
  b |= (far & 0xffff) << n;
  n += (far >> 16) & 0xff;
  b |= (<u64>distance - (far >> 32)) << n;
  n += (far >> 24) & 0xff;
  store<u64>(out, b);
  out += <usize>(n >> 3);
  bits = b >> (n & 56);
  count = n & 7;
}

function put(value: u64, length: u64): void {
  bits |= value << count;
  count += length;
  store<u64>(out, bits);
  out += <usize>(count >> 3);
  bits >>= count & 56;
  count &= 7;
}

function beginBlock(set: usize): void {
  codes = set;
  let left: u64 = load<u32>(set + HEADER_BITS);
  let from = set + HEADER;
  while (left > 32) {
    put(load<u32>(from), 32);
    from += 4;
    left -= 32;
  }
  put(load<u32>(from) & ((1 << left) - 1), left);
}

function endBlock(): void {
  const end = load<u32>(codes + END_CODE);
  put(end & 0xffff, end >> 16);
}
