import {
  ABSENT,
  BARE,
  FIELDS,
  FIELD_SIZE,
  FOLLOWED_BY,
  FORMAT,
  KNOWN,
  MAX_FIELDS,
  NAME_LENGTH,
  REQUIRED,
  ROW_BEGIN,
  SLOT,
  SORTED,
  TEXT,
  VALUE,
  VALUE_KIND,
  VALUE_LENGTH,
  equalBytes,
} from "./memory";

// Formats of fields, by number; the digits of hex formats are their own number.
const INTEGER: u8 = 1;
const WEI: u8 = 2;
const BOOL: u8 = 3;
const SLOT_ASKED: u8 = 4;
const UNKNOWN: u8 = 5;
const LONGEST_NAME: usize = 32;

/** Fields that the row at hand has, a bit each, and how many an answer's rows have had. */
export let seen: u64 = 0;
export let fieldCount: i32 = KNOWN;
let slotLength: usize = 0;

/** Begins an answer: unknown fields are learnt anew, so that what becomes of a body depends on it alone. */
export function beginRows(length: usize): void {
  fieldCount = KNOWN;
  slotLength = length;
  for (let i = KNOWN; i < MAX_FIELDS; i++) store<u8>(FIELDS + <usize>i * FIELD_SIZE, 0, NAME_LENGTH);
  for (let i = 0; i <= ROW_BEGIN; i++) {
    const field = FIELDS + <usize>i * FIELD_SIZE;
    if (<i32>load<u8>(field, FOLLOWED_BY) >= KNOWN) store<u8>(field, <u8>0, FOLLOWED_BY);
  }
}

export function space(at: usize): usize {
  let c = load<u8>(at);
  while (c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09) c = load<u8>(++at);
  return at;
}

/**
 * Reads the row that begins at `at`; returns where it ends, or 0 where it isn't of the usual form. Behind the body stand
 * zeros, which are of no form, so that nothing is read far behind its end.
 */
export function readRow(at: usize, required: u64): usize {
  let row: u64 = 0;
  let last = FIELDS + <usize>ROW_BEGIN * FIELD_SIZE;
  at = space(at + 1);
  while (true) {
    let number: i32 = load<u8>(last, FOLLOWED_BY);
    let field = FIELDS + <usize>number * FIELD_SIZE;
    const length: u64 = load<u8>(field, NAME_LENGTH);
    const low = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(field)));
    const high = i8x16.bitmask(i8x16.eq(v128.load(at, 16), v128.load(field, 16)));
    const same = (<u64>low) | ((<u64>high) << 16) | ((<u64>-1) << length);
    if (same == <u64>-1 && length > 0) at += <usize>length;
    else {
      number = fieldAt(at);
      if (number < 0) return 0;
      store<u8>(last, <u8>number, FOLLOWED_BY);
      field = FIELDS + <usize>number * FIELD_SIZE;
      at = nameEnd;
    }
    const bit: u64 = 1 << (<u64>number);
    if ((row & bit) != 0) return 0;
    row |= bit;
    let c = load<u8>(at);
    if (c == 0x20) at = space(at);
    at = readValue(field, at);
    if (at == 0) return 0;
    c = load<u8>(at);
    if (c <= 0x20) c = load<u8>((at = space(at)));
    at++;
    if (c == 0x2c) {
      if (load<u8>(at) <= 0x20) at = space(at);
      last = field;
      continue;
    }
    if (c != 0x7d || (row & required) != required) return 0;
    seen = row;
    return at;
  }
}

/** Where the value of the field that was found last begins. */
let nameEnd: usize = 0;

/** The field whose name stands at `at`: a known one, or one that is learnt now; -1 where it can't be taken. */
function fieldAt(at: usize): i32 {
  if (load<u8>(at) != 0x22) return -1;
  let end = at + 1;
  for (let c = load<u8>(end); c != 0x22; c = load<u8>(++end))
    if (!isNameByte(c) || end - at > LONGEST_NAME - 3) return -1;
  end++;
  const length = end - at;
  const colon = space(end);
  if (load<u8>(colon) != 0x3a) return -1;
  nameEnd = colon + 1;
  for (let i = 0; i < fieldCount; i++) {
    const field = FIELDS + <usize>i * FIELD_SIZE;
    if (load<u8>(field, NAME_LENGTH) == length + 1 && equalBytes(field, at, length) == length) return i;
  }
  return fieldCount < MAX_FIELDS ? learn(at, length) : -1;
}

/** Letters, digits and _: all of them sort behind the quote that ends a name. */
function isNameByte(c: u8): bool {
  const letter = c | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x5f;
}

function learn(at: usize, length: usize): i32 {
  const number = fieldCount++;
  const field = FIELDS + <usize>number * FIELD_SIZE;
  memory.copy(field, at, length);
  store<u8>(field + length, 0x3a);
  store<u8>(field, <u8>(length + 1), NAME_LENGTH);
  store<u8>(field, UNKNOWN, FORMAT);
  store<u8>(field, 0, REQUIRED);
  store<u8>(field, 0, FOLLOWED_BY);
  let place: usize = <usize>(number - KNOWN);
  for (; place > 0; place--) {
    const before = load<u8>(SORTED + place - 1);
    if (isBefore(FIELDS + <usize>before * FIELD_SIZE, field)) break;
    store<u8>(SORTED + place, before);
  }
  store<u8>(SORTED + place, <u8>number);
  return number;
}

/** Whether a name sorts before another one, which isn't the same. */
function isBefore(a: usize, b: usize): bool {
  const n = equalBytes(a, b, LONGEST_NAME);
  return load<u8>(a + n) < load<u8>(b + n);
}

/** Notes the value at `at`; returns where it ends, or 0 where it isn't of the field's form. */
function readValue(field: usize, at: usize): usize {
  const format = load<u8>(field, FORMAT);
  const quoted = load<u8>(at) == 0x22;
  const start = quoted ? at + 1 : at;
  let end: usize = 0;
  if (format >= 40) end = quoted ? hexEnd(start, <usize>format) : 0;
  else if (format == BOOL) end = quoted ? 0 : boolEnd(at);
  else if (format == UNKNOWN) end = quoted ? plainEnd(start) : bareEnd(at);
  else {
    // Bare ones beyond what a double holds, too: the decoder reads rows that have them once more, with their digits.
    end = digitsEnd(start, format == WEI ? 29 : 18);
    if (
      format == SLOT_ASKED &&
      (end - start != slotLength || equalBytes(start, SLOT, slotLength) < slotLength)
    )
      return 0;
  }
  if (end == 0 || (quoted && load<u8>(end) != 0x22)) return absentEnd(field, at);
  store<u32>(field, <u32>start, VALUE);
  store<u32>(field, <u32>(end - start), VALUE_LENGTH);
  store<u8>(field, quoted ? TEXT : BARE, VALUE_KIND);
  return quoted ? end + 1 : end;
}

/** null and "" are as good as nothing, where a row need not have the field. */
function absentEnd(field: usize, at: usize): usize {
  if (load<u8>(field, REQUIRED) != 0 || load<u8>(field, FORMAT) == UNKNOWN) return 0;
  store<u8>(field, ABSENT, VALUE_KIND);
  if (load<u32>(at) == 0x6c6c_756e) return at + 4;
  return load<u16>(at) == 0x2222 ? at + 2 : 0;
}

/** 0x and so many hex digits of either case. */
function hexEnd(at: usize, digits: usize): usize {
  if (load<u16>(at) != 0x7830) return 0;
  const end = at + 2 + digits;
  let sound = i8x16.splat(-1);
  // The last sixteen overlap those before where the digits aren't a multiple.
  for (let p = at + 2; p < end; p += 16) {
    const b = v128.load(p + 16 > end ? end - 16 : p);
    const digit = i8x16.lt_u(i8x16.sub(b, i8x16.splat(0x30)), i8x16.splat(10));
    const lower = v128.or(b, i8x16.splat(0x20));
    const letter = i8x16.lt_u(i8x16.sub(lower, i8x16.splat(0x61)), i8x16.splat(6));
    sound = v128.and(sound, v128.or(digit, letter));
  }
  return i8x16.all_true(sound) ? end : 0;
}

/** Decimal digits without a leading zero, at most `most` (below 32) of them. */
function digitsEnd(at: usize, most: usize): usize {
  let others = ~digitMask(at) & 0xffff;
  if (others == 0) others = ~digitMask(at + 16) << 16;
  const n: usize = ctz(others);
  if (n == 0 || n > most || (n > 1 && load<u8>(at) == 0x30)) return 0;
  return at + n;
}

function digitMask(at: usize): i32 {
  return i8x16.bitmask(i8x16.lt_u(i8x16.sub(v128.load(at), i8x16.splat(0x30)), i8x16.splat(10)));
}

function boolEnd(at: usize): usize {
  if (load<u32>(at) == 0x6575_7274) return at + 4;
  return load<u32>(at) == 0x736c_6166 && load<u8>(at, 4) == 0x65 ? at + 5 : 0;
}

/** A word, or an integer that is written as it is. */
function bareEnd(at: usize): usize {
  if (load<u32>(at) == 0x6c6c_756e) return at + 4;
  const word = boolEnd(at);
  return word != 0 ? word : digitsEnd(at, 29);
}

/** Printable ASCII up to a quote, without an escape. */
function plainEnd(at: usize): usize {
  while (true) {
    const b = v128.load(at);
    const odd = v128.or(
      v128.or(i8x16.eq(b, i8x16.splat(0x22)), i8x16.eq(b, i8x16.splat(0x5c))),
      // As a signed number, what is beyond ASCII lies below the space too.
      v128.or(i8x16.lt_s(b, i8x16.splat(0x20)), i8x16.eq(b, i8x16.splat(0x7f))),
    );
    const mask = i8x16.bitmask(odd);
    if (mask != 0) return at + ctz(mask);
    at += 16;
  }
}

/** Where an object ends, of whatever members; 0 where it doesn't. */
export function objectEnd(at: usize, end: usize): usize {
  let depth = 0;
  for (; at < end; at++) {
    const c = load<u8>(at);
    if (c == 0x22) {
      for (at++; at < end && load<u8>(at) != 0x22; at++) if (load<u8>(at) == 0x5c) at++;
    } else if (c == 0x7b || c == 0x5b) depth++;
    else if ((c == 0x7d || c == 0x5d) && --depth == 0) return at + 1;
  }
  return 0;
}
