// Where everything stands in the module's memory. It never grows: what doesn't fit is declined.

/** Fields by number: 32 that the dataset knows, then those that an answer has besides. */
export const FIELDS: usize = 0x1000;
export const FIELD_SIZE: usize = 64;
export const KNOWN: i32 = 32;
export const MAX_FIELDS: i32 = 62;
/** Where a row begins, in the table of which field came after which. */
export const ROW_BEGIN: i32 = 63;
// Of a field: its name as a row has it, `"name":`, then what follows.
export const NAME_LENGTH: usize = 32;
export const FORMAT: usize = 33;
export const REQUIRED: usize = 34;
/** The field that followed it last. */
export const FOLLOWED_BY: usize = 35;
/** Of the row at hand: where its value stands, without quotes, how long it is, and what it is. */
export const VALUE: usize = 36;
export const VALUE_LENGTH: usize = 40;
export const VALUE_KIND: usize = 44;

export const ABSENT: u8 = 0;
export const TEXT: u8 = 1;
export const BARE: u8 = 2;

/** Columns in the order of the lake line, behind those that a slot's lines begin with. */
export const COLUMNS: usize = 0x2000;
export const COLUMN_SIZE: usize = 64;
// Of a column: its label, `,"name":`, then what follows.
export const LABEL_LENGTH: usize = 32;
export const COLUMN_KIND: usize = 33;
export const FIELD: usize = 34;
/** Of a time: the field with seconds. Of another column: 1 where its value stands bare. */
export const SECOND: usize = 35;
/** Where its label begins in the line at hand, and in the one before. */
export const PLACE: usize = 36;
export const PLACE_BEFORE: usize = 40;
/** The field by whose value a line is found that goes on as this one does from the column on. */
export const KEY: usize = 44;
export const NO_FIELD: u8 = 0xff;

export const AS_SENT: u8 = 0;
export const TIME: u8 = 1;
export const EXTRA: u8 = 2;

/** What the slot's lines begin with, and the slot as rows name it. */
export const LINE_HEAD: usize = 0x3000;
export const SLOT: usize = 0x3200;
/** Unknown fields, a byte each, sorted by name. */
export const SORTED: usize = 0x3300;
/** By a value's bits: where the last line that has it has the column's label. */
export const LIKE: usize = 0xa000;
export const LIKE_SIZE: usize = 0x2000;

/** Huffman codes of a slot's first line, and of the others. */
export const FIRST_CODES: usize = 0x4000;
export const OTHER_CODES: usize = 0x6000;
// Of a set of codes: literals, lengths, distances, then how its block begins.
export const LENGTH_CODES: usize = 0x400;
export const DISTANCE_CODES: usize = 0x900;
export const END_CODE: usize = 0xa00;
export const HEADER_BITS: usize = 0xa04;
export const HEADER: usize = 0xa08;
/** The symbol of a distance, as zlib has it: below 257 by itself, above by its 128th. */
export const DISTANCE_SYMBOLS: usize = 0x8000;

/** Bytes that are read, but not taken, behind the end of each of the areas below. */
const MARGIN: usize = 0x100;
export const BODY: usize = 0x10000;
export const MAX_BODY: usize = 4 << 20;
export const LINES: usize = BODY + MAX_BODY + MARGIN;
export const MAX_LINES: usize = 6 << 20;
export const DEFLATE: usize = LINES + MAX_LINES + MARGIN;
export const MAX_DEFLATE: usize = 4 << 20;
export const MEMORY_END: usize = DEFLATE + MAX_DEFLATE + MARGIN;

/** How many bytes are equal from two places on, `limit` of them at most. */
export function equalBytes(a: usize, b: usize, limit: usize): usize {
  let n: usize = 0;
  while (n < limit) {
    const same = i8x16.bitmask(i8x16.eq(v128.load(a + n), v128.load(b + n)));
    if (same != 0xffff) {
      n += ctz(~same);
      return n < limit ? n : limit;
    }
    n += 16;
  }
  return limit;
}

/** Copies up to 15 bytes more than it is told to. */
export function copy(to: usize, from: usize, length: usize): void {
  for (let n: usize = 0; n < length; n += 16) v128.store(to + n, v128.load(from + n));
}

export function writeNull(to: usize): usize {
  store<u32>(to, 0x6c6c_756e);
  return to + 4;
}
