import { ABSENT, FIELDS, FIELD_SIZE, VALUE, VALUE_KIND, VALUE_LENGTH, writeNull } from "./memory";
import { seen } from "./row";

/** Last instant that RFC 3339 can write: year 9999, ms. */
const LAST_MS: u64 = 253_402_300_799_999;
const NONE: u8 = 0xff;
/** Digits of a number that is a time, at most. */
const LONGEST: u32 = 15;

/** The second whose text was made last, none at first: rows of one slot share a few. */
let second: u64 = u64.MAX_VALUE;
let day: u64 = 0;
let clock: u64 = 0;

/** A time from a field of Unix ms, else of Unix s; null where there is none. */
export function writeTime(to: usize, msField: u8, sField: u8): usize {
  let ms = numberOf(msField);
  if (ms == 0 && sField != NONE) {
    const s = numberOf(sField);
    ms = s > LAST_MS / 1000 ? LAST_MS + 1 : s * 1000;
  }
  if (ms == 0 || ms > LAST_MS) return writeNull(to);
  const whole = ms / 1000;
  if (whole != second) {
    second = whole;
    day = dateOf(<u32>(whole / 86_400));
    clock = clockOf(<u32>(whole % 86_400));
  }
  // "2023-10-18 T 11:20:38 .057Z"
  store<u8>(to, 0x22);
  store<u64>(to, day, 1);
  store<u16>(to, <u16>dayOfMonth, 9);
  store<u8>(to, 0x54, 11);
  store<u64>(to, clock, 12);
  const part = <u32>(ms % 1000);
  store<u8>(to, 0x2e, 20);
  store<u8>(to, <u8>(0x30 + part / 100), 21);
  store<u16>(to, <u16>twoDigits(part % 100), 22);
  store<u16>(to, 0x225a, 24);
  return to + 26;
}

/** The number that a field of the row is, 0 where it isn't there; beyond any time where it's too long for one. */
function numberOf(number: u8): u64 {
  const field = FIELDS + <usize>number * FIELD_SIZE;
  if (((seen >> (<u64>number)) & 1) == 0 || load<u8>(field, VALUE_KIND) == ABSENT) return 0;
  const length = load<u32>(field, VALUE_LENGTH);
  if (length > LONGEST) return LAST_MS + 1;
  const from: usize = load<u32>(field, VALUE);
  let n: u64 = 0;
  for (let at = from; at < from + length; at++) n = n * 10 + <u64>(load<u8>(at) - 0x30);
  return n;
}

/** Two digits as they lie in memory. */
function twoDigits(n: u32): u32 {
  return 0x3030 + n / 10 + ((n % 10) << 8);
}

let dayOfMonth: u32 = 0;

/** Year, month and a dash as they lie in memory; the day of the month is kept beside. By Hinnant's civil_from_days. */
function dateOf(days: u32): u64 {
  const z = days + 719_468;
  const era = z / 146_097;
  const ofEra = z % 146_097;
  const yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365;
  const ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const month = (5 * ofYear + 2) / 153;
  dayOfMonth = twoDigits(ofYear - (153 * month + 2) / 5 + 1);
  const calendar = month < 10 ? month + 3 : month - 9;
  const year = yearOfEra + era * 400 + (calendar <= 2 ? 1 : 0);
  const years: u64 = twoDigits(year / 100) | (twoDigits(year % 100) << 16);
  return years | (0x2d << 32) | ((<u64>twoDigits(calendar)) << 40) | ((<u64>0x2d) << 56);
}

/** Hours, minutes and seconds as they lie in memory. */
function clockOf(seconds: u32): u64 {
  const hours: u64 = twoDigits(seconds / 3600);
  const minutes: u64 = twoDigits((seconds / 60) % 60);
  return (
    hours |
    ((<u64>0x3a) << 16) |
    (minutes << 24) |
    ((<u64>0x3a) << 40) |
    ((<u64>twoDigits(seconds % 60)) << 48)
  );
}
