import type { Dataset } from "./dataset.ts";
import type { FieldFormat } from "./definition.ts";
import { canonicalJson, exactNumberText, hasInexactNumber, parseLossless } from "./json.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** Years 1 to 9999, which RFC 3339 and warehouses can write. */
const FIRST_TIME_MS = -62_135_596_800_000;
const LAST_TIME_MS = 253_402_300_799_000;

/** Turns a relay's value into canonical form, or undefined when it isn't of the format. */
export type Canonical = (value: unknown) => string | boolean | undefined;

/** A fresh check for each field, since that of keys remembers what it has seen. */
const canonical: Record<FieldFormat, () => Canonical> = {
  hash: () => hex(64),
  pubkey: () => key(96),
  address: () => hex(40),
  int64: () => (value) => {
    if (isPlainInteger(value, 15)) return value;
    const text = digitsOf(value);
    if (text === undefined || !/^-?\d{1,19}$/.test(text)) return undefined;
    const integer = BigInt(text);
    return integer <= INT64_MAX && integer >= INT64_MIN ? integer.toString() : undefined;
  },
  wei: () => (value) => {
    if (isPlainInteger(value, 29)) return value;
    const text = digitsOf(value);
    return text !== undefined && /^\d{1,29}$/.test(text) ? BigInt(text).toString() : undefined;
  },
  bool: () => (value) => (typeof value === "boolean" ? value : undefined),
  hex: () => (value) =>
    typeof value === "string" && /^0[xX](?:[0-9a-fA-F]{2}){0,32}$/.test(value)
      ? value.toLowerCase()
      : undefined,
  text: () => (value) => (typeof value === "string" && isWellFormed(value) ? value : undefined),
  json: () => jsonText,
  time: () => timeText,
};

/** A JSON object as text; its own text is taken too, so that what was read is read again. */
function jsonText(value: unknown): string | undefined {
  const parsed = typeof value === "string" ? parsedOrNot(value) : value;
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed) || hasInexactNumber(parsed))
    return undefined;
  const text = canonicalJson(parsed);
  return isWellFormed(text) ? text : undefined;
}

/** Half of a pair of surrogates has no form in UTF-8. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text).toString() === text;
}

function parsedOrNot(text: string): unknown {
  try {
    return parseLossless(text);
  } catch {
    return undefined;
  }
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** What is finer than a microsecond is cut off: no warehouse holds it. */
function timeText(value: unknown): string | undefined {
  const [, whole = "", part = "", zone = ""] = (typeof value === "string" && TIME.exec(value)) || [];
  const at = Date.parse(whole + zone);
  if (Number.isNaN(at) || at < FIRST_TIME_MS || at > LAST_TIME_MS) return undefined;
  return `${new Date(at).toISOString().slice(0, 19)}.${part.slice(0, 6).padEnd(6, "0")}Z`;
}

/** True for decimal digits without a leading zero, at most `digits` of them: what nearly every integer is sent as. */
export function isPlainInteger(value: unknown, digits: number): value is string {
  if (typeof value !== "string" || value.length > digits) return false;
  const first = value.charCodeAt(0);
  if (!(first >= 0x31 && first <= 0x39)) return false;
  let negative = 0;
  for (let i = 1; i < value.length; i++) {
    const code = value.charCodeAt(i);
    negative |= (code - 0x30) | (0x39 - code);
  }
  return negative >= 0;
}

/** What a value of the format should have been, for the reason of a quarantined row. */
export const expected: Record<FieldFormat, string> = {
  hash: "0x and 64 hex digits",
  pubkey: "0x and 96 hex digits",
  address: "0x and 40 hex digits",
  int64: "an integer of 64 bits",
  wei: "1 to 29 decimal digits",
  bool: "true or false",
  hex: "0x and up to 32 bytes of hex digits",
  text: "text",
  json: "a JSON object",
  time: "a time as RFC 3339 writes it",
};

/** 1 for the codes of 0-9 and a-f. A table, since digits and letters of a hash come as a branch can't foresee. */
const IS_HEX = Uint8Array.from({ length: 256 }, (_, code) =>
  /[0-9a-f]/.test(String.fromCharCode(code)) ? 1 : 0,
);

function isLowerHex(value: string, digits: number): boolean {
  if (value.length !== digits + 2 || !value.startsWith("0x")) return false;
  let sound = 1;
  for (let i = 2; i < value.length; i++) sound &= IS_HEX[value.charCodeAt(i)] ?? 0;
  return sound === 1;
}

function hex(digits: number): Canonical {
  const any = new RegExp(`^0[xX][0-9a-fA-F]{${digits}}$`);
  return (value) => {
    if (typeof value !== "string") return undefined;
    if (isLowerHex(value, digits)) return value;
    return any.test(value) ? value.toLowerCase() : undefined;
  };
}

/** Keys that are remembered; builders of a slot are a few dozen. */
const KEYS = 256;

/** Bids come again and again from the same keys: to compare one with what was checked before is ten times cheaper. */
function key(digits: number): Canonical {
  const check = hex(digits);
  const sound: string[] = Array.from({ length: KEYS }, () => "");
  return (value) => {
    if (typeof value !== "string") return undefined;
    const place = (value.charCodeAt(10) * 31 + value.charCodeAt(20) * 7 + value.charCodeAt(30)) % KEYS;
    if (sound[place] === value) return value;
    const canonicalKey = check(value);
    if (canonicalKey === value) sound[place] = value;
    return canonicalKey;
  };
}

/** Relays send numbers as strings or as numbers; a number that a double can't hold exactly has kept its digits (json.ts). */
function digitsOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : exactNumberText(value);
}

/** A field of a relay's row. */
export interface Field {
  readonly name: string;
  readonly canonical: Canonical;
  readonly required: boolean;
  readonly format: FieldFormat;
}

/** The fields that fill a dataset's columns, in the columns' order. */
export function fieldsOf(dataset: Dataset): Field[] {
  return dataset.columns.flatMap(({ field, required }) =>
    field ? [{ name: field.name, format: field.format, canonical: canonical[field.format](), required }] : [],
  );
}

/**
 * A relay's row in canonical form: integers as decimal strings without leading zeros, hex in lower case, absent where the
 * relay sent nothing. Fields that the dataset doesn't know, and optional ones that their columns can't hold, are one JSON
 * object in `extra`; those that are too large for it are another in `oversize`, which is for the quarantine.
 */
export type RelayRow = Readonly<Record<string, string | boolean>>;
