// The hot path of collecting, as one module that makes no objects: a relay's answer becomes checked, compressed lake lines.
// What it knows of a dataset (fields, formats, columns) and its Huffman codes are put into its memory by `kernel.ts`. It takes
// rows of the usual form, hands over others one by one, and declines a body that isn't a list of objects.

import { beginDeflate, endDeflate } from "./deflate";
import { beginLines, compressLine, endLines, linesEnd, takeLine, writeLine } from "./line";
import { BODY } from "./memory";
import { beginRows, objectEnd, readRow, space } from "./row";

export {
  BODY,
  MAX_BODY,
  LINES,
  DEFLATE,
  FIELDS,
  FIELD_SIZE,
  NAME_LENGTH,
  FORMAT,
  REQUIRED,
  KNOWN,
  COLUMNS,
  COLUMN_SIZE,
  LABEL_LENGTH,
  COLUMN_KIND,
  FIELD,
  SECOND,
  KEY,
  LINE_HEAD,
  SLOT,
  FIRST_CODES,
  OTHER_CODES,
  LENGTH_CODES,
  DISTANCE_CODES,
  END_CODE,
  HEADER_BITS,
  HEADER,
  DISTANCE_SYMBOLS,
} from "./memory";

const DONE: i32 = 0;
const ODD: i32 = 1;
const DECLINED: i32 = 2;

let at: usize = 0;
let end: usize = 0;
let required: u64 = 0;
/** An object that isn't a row of the usual form, by its place in memory. */
export let oddFrom: usize = 0;
export let oddTo: usize = 0;
export let rows: u32 = 0;

/** Begins an answer of so many bytes. False where it has no list. */
export function begin(bytes: usize, head: usize, slot: usize, columns: usize, mustHave: u32): bool {
  required = mustHave;
  rows = 0;
  oddFrom = 0;
  end = BODY + bytes;
  beginRows(slot);
  beginLines(head, columns);
  beginDeflate();
  at = space(BODY);
  if (load<u8>(at) != 0x5b) return false;
  at = space(at + 1);
  return true;
}

/** Takes rows up to the end (0), to one that has to be taken otherwise (1), or to what is no row at all (2). */
export function readRows(): i32 {
  if (rows + <u32>oddFrom == 0 && load<u8>(at) == 0x5d) return isLast(at + 1) ? DONE : DECLINED;
  while (true) {
    if (oddFrom != 0) oddFrom = 0;
    else {
      if (load<u8>(at) != 0x7b) return DECLINED;
      const next = readRow(at, required);
      if (next == 0 || !writeLine()) {
        oddFrom = at;
        oddTo = at = objectEnd(at, end);
        return at == 0 ? DECLINED : ODD;
      }
      compressLine();
      rows++;
      at = next;
    }
    at = space(at);
    const c = load<u8>(at);
    if (c == 0x5d) return isLast(at + 1) ? DONE : DECLINED;
    if (c != 0x2c) return DECLINED;
    at = space(at + 1);
  }
}

/** Takes a line of the row that was odd, which has been put at `linesEnd`. False where there is no room. */
export function take(length: usize): bool {
  if (!takeLine(length)) return false;
  compressLine();
  rows++;
  return true;
}

/** Where the lines end that have been written. */
export function written(): usize {
  return linesEnd;
}

/** Ends the slot's block; returns its bytes. */
export function finish(): usize {
  endLines();
  return endDeflate();
}

function isLast(from: usize): bool {
  return space(from) == end;
}
