import { beginOthers, hasRoom, literals, repeat } from "./deflate";
import {
  ABSENT,
  AS_SENT,
  COLUMNS,
  COLUMN_KIND,
  COLUMN_SIZE,
  EXTRA,
  FIELD,
  FIELDS,
  FIELD_SIZE,
  LINE_HEAD,
  KEY,
  LIKE,
  LIKE_SIZE,
  KNOWN,
  LABEL_LENGTH,
  LINES,
  MAX_LINES,
  NO_FIELD,
  NAME_LENGTH,
  PLACE,
  PLACE_BEFORE,
  SECOND,
  SORTED,
  TEXT,
  TIME,
  VALUE,
  VALUE_KIND,
  VALUE_LENGTH,
  copy,
  equalBytes,
  writeNull,
} from "./memory";
import { fieldCount, seen } from "./row";
import { writeTime } from "./time";

/** A line without `extra` is shorter by far, and with it not longer. */
const LONGEST: usize = 0x4000;
const MAX_EXTRA: usize = 4096;
/** So far back deflate can point. */
const WINDOW: usize = 0x8000;
const SHORTEST: usize = 4;
/** From a label so far on a match may end in the column's value. */
const NEAR: usize = 48;

export let linesEnd: usize = LINES;
let lineBegin: usize = 0;
let lineBefore: usize = 0;
let headLength: usize = 0;
let columns: usize = 0;
/** Whether the line at hand isn't of the row that was read last. */
let isTaken: bool = false;
/** What stands before it has been compressed. */
let done: usize = LINES;
/** A match from `done` to the end of the last line, which may go on in the next; its distance, or 0 without one. */
let openDistance: usize = 0;

export function beginLines(head: usize, count: usize): void {
  linesEnd = LINES;
  done = LINES;
  lineBefore = 0;
  openDistance = 0;
  headLength = head;
  columns = COLUMNS + count * COLUMN_SIZE;
  for (let column = COLUMNS; column < columns; column += COLUMN_SIZE) store<u32>(column, 0, PLACE_BEFORE);
  memory.fill(LIKE, 0, LIKE_SIZE);
}

/** Writes the line of the row that was read; false where it can't be written here. */
export function writeLine(): bool {
  isTaken = false;
  lineBegin = linesEnd;
  if (lineBegin + LONGEST > LINES + MAX_LINES || !hasRoom(LONGEST)) return false;
  copy(lineBegin, LINE_HEAD, headLength);
  let to = lineBegin + headLength;
  for (let column = COLUMNS; column < columns; column += COLUMN_SIZE) {
    store<u32>(column, <u32>to, PLACE);
    v128.store(to, v128.load(column));
    v128.store(to, v128.load(column, 16), 16);
    to += load<u8>(column, LABEL_LENGTH);
    const kind = load<u8>(column, COLUMN_KIND);
    if (kind == AS_SENT) to = writeValue(to, load<u8>(column, FIELD), load<u8>(column, SECOND));
    else if (kind == TIME) to = writeTime(to, load<u8>(column, FIELD), load<u8>(column, SECOND));
    else to = writeExtra(to);
    if (to == 0) return false;
  }
  store<u16>(to, 0x0a7d);
  linesEnd = to + 2;
  return true;
}

/** Takes a line that was put at `linesEnd`, of a row that isn't of the usual form. */
export function takeLine(length: usize): bool {
  isTaken = true;
  lineBegin = linesEnd;
  if (lineBegin + length > LINES + MAX_LINES || !hasRoom(length)) return false;
  linesEnd = lineBegin + length;
  let from = lineBegin;
  for (let column = COLUMNS; column < columns; column += COLUMN_SIZE) {
    const label: usize = load<u8>(column, LABEL_LENGTH);
    while (from + label <= linesEnd && equalBytes(from, column, label) < label) from++;
    store<u32>(column, from + label <= linesEnd ? <u32>from : 0, PLACE);
  }
  return true;
}

function writeValue(to: usize, number: u8, isBare: u8): usize {
  const field = FIELDS + <usize>number * FIELD_SIZE;
  if (((seen >> (<u64>number)) & 1) == 0 || load<u8>(field, VALUE_KIND) == ABSENT) return writeNull(to);
  const from: usize = load<u32>(field, VALUE);
  const length: usize = load<u32>(field, VALUE_LENGTH);
  // true and false stand bare, all else in quotes, whatever it was sent in.
  if (isBare != 0) {
    store<u64>(to, load<u64>(from));
    return to + length;
  }
  store<u8>(to++, 0x22);
  // The bit that makes a letter lower case is set in digits and x.
  const lower = i8x16.splat(0x20);
  for (let n: usize = 0; n < length; n += 16) v128.store(to + n, v128.or(v128.load(from + n), lower));
  store<u8>(to + length, 0x22);
  return to + length + 1;
}

/** Unknown fields as one object in a string, sorted by name; 0 where it's larger than the column takes. */
function writeExtra(to: usize): usize {
  if (seen >> KNOWN == 0) return writeNull(to);
  store<u16>(to, 0x7b22);
  to += 2;
  let size: usize = 1;
  for (let i: usize = 0; i < <usize>(fieldCount - KNOWN); i++) {
    const number: u64 = load<u8>(SORTED + i);
    if (((seen >> number) & 1) == 0) continue;
    const field = FIELDS + <usize>number * FIELD_SIZE;
    const isText = load<u8>(field, VALUE_KIND) == TEXT;
    const length: usize = load<u32>(field, VALUE_LENGTH);
    const name: usize = load<u8>(field, NAME_LENGTH);
    size += name + length + (isText ? 3 : 1);
    if (size > MAX_EXTRA) return 0;
    // A name has its quotes and its colon.
    store<u16>(to, 0x225c);
    copy(to + 2, field + 1, name - 3);
    to += name - 1;
    store<u32>(to, 0x3a_225c);
    to += 3;
    if (isText) {
      store<u16>(to, 0x225c);
      to += 2;
    }
    copy(to, load<u32>(field, VALUE), length);
    to += length;
    if (isText) {
      store<u16>(to, 0x225c);
      to += 2;
    }
    store<u8>(to++, 0x2c);
  }
  // In the place of the last comma.
  store<u16>(to - 1, 0x227d);
  return to + 1;
}

/**
 * Compresses the line that was written last. Matches need no search: what a line shares with others begins at its labels, and
 * stands where the line before has the same label, or the builder's last line has.
 */
export function compressLine(): void {
  const end = linesEnd;
  let at = done;
  let isOpen = false;
  if (openDistance > 0) {
    const n = equalBytes(lineBegin, lineBegin - openDistance, end - lineBegin);
    const next = lineBegin + n;
    isOpen = next == end;
    if (!isOpen) {
      repeat(next - at, openDistance);
      openDistance = 0;
      at = next;
    }
  }
  if (!isOpen && at <= lineBegin && lineBefore > 0) at = matchFrom(at, lineBegin, lineBefore);
  for (let column = COLUMNS; column < columns; column += COLUMN_SIZE) {
    const place: usize = load<u32>(column, PLACE);
    let before: usize = load<u32>(column, PLACE_BEFORE);
    store<u32>(column, <u32>place, PLACE_BEFORE);
    if (place == 0) continue;
    const like = lineLike(column, place);
    if (openDistance > 0 || lineBefore == 0) continue;
    if (at >= place) {
      // A match that ran into the value may go on with another line's.
      if (like > 0 && at - place < NEAR) at = matchFrom(at, at, like + (at - place));
      continue;
    }
    if (like > 0) before = like;
    if (before == 0) continue;
    // The quote that ends the value before, where both have one.
    const quote: usize = load<u8>(place - 1) == load<u8>(before - 1) ? 1 : 0;
    at = matchFrom(at, place - quote, before - quote);
  }
  if (openDistance == 0) {
    literals(at, end);
    at = end;
  }
  done = at;
  if (lineBefore == 0) beginOthers();
  lineBefore = lineBegin;
}

/** Compresses what is left open at the end of all lines. */
export function endLines(): void {
  if (openDistance > 0) repeat(linesEnd - done, openDistance);
  openDistance = 0;
}

/**
 * Literals from `at` to `place`, and what is equal from there on with what stands at `before`. A match that reaches the end of
 * the line is left open. Returns up to where it is compressed.
 */
function matchFrom(at: usize, place: usize, before: usize): usize {
  const distance = place - before;
  if (distance > WINDOW) return at;
  const n = equalBytes(place, before, linesEnd - place);
  if (n < SHORTEST) return at;
  if (at < place) literals(at, place);
  if (place + n == linesEnd) {
    openDistance = distance;
    return place;
  }
  repeat(n, distance);
  return place + n;
}

/** Where the last line that has a column's key has its label; this one is noted. 0 without any in reach. */
function lineLike(column: usize, place: usize): usize {
  const number = load<u8>(column, KEY);
  if (number == NO_FIELD || ((seen >> (<u64>number)) & 1) == 0 || isTaken) return 0;
  const field = FIELDS + <usize>number * FIELD_SIZE;
  if (load<u8>(field, VALUE_KIND) == ABSENT) return 0;
  // The last bytes differ most.
  const some = load<u64>(<usize>load<u32>(field, VALUE) + load<u32>(field, VALUE_LENGTH) - 8) + column;
  const slot = LIKE + ((<usize>((some * 0x9e37_79b9_7f4a_7c15) >> 53)) << 2);
  const last: usize = load<u32>(slot);
  store<u32>(slot, <u32>place);
  return last > 0 && place - last < WINDOW ? last : 0;
}
