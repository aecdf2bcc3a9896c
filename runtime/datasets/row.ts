import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import type { Column, Dataset, Format } from "./dataset.ts";
import { canonicalJson, exactNumberText, hasInexactNumber } from "./json.ts";

/**
 * A relay's row in canonical form: integers as decimal strings without leading zeros, hex in lower case, absent where the
 * relay sent nothing, and the fields that the dataset doesn't know as one JSON object in `extra`.
 */
export type RelayRow = Readonly<Record<string, string | boolean>>;

/** Extra fields beyond this many bytes aren't kept in the table: the row is quarantined. */
export const MAX_EXTRA_BYTES = 4096;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Turns a relay's value into canonical form, or undefined when it isn't of the format. */
type Canonical = (value: unknown) => string | boolean | undefined;

/** A fresh check for each field, since that of keys remembers what it has seen. */
const canonical: Record<Format, () => Canonical> = {
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
};

/** True for decimal digits without a leading zero, at most `digits` of them: what nearly every integer is sent as. */
function isPlainInteger(value: unknown, digits: number): value is string {
  if (typeof value !== "string" || value.length > digits) return false;
  const first = value.charCodeAt(0);
  if (!(first >= 0x31 && first <= 0x39)) return false;
  for (let i = 1; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

/** What a value of the format should have been, for the reason of a quarantined row. */
const expected: Record<Format, string> = {
  hash: "0x and 64 hex digits",
  pubkey: "0x and 96 hex digits",
  address: "0x and 40 hex digits",
  int64: "an integer of 64 bits",
  wei: "1 to 29 decimal digits",
  bool: "true or false",
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

interface Field {
  readonly name: string;
  readonly canonical: Canonical;
  readonly required: boolean;
  readonly format: Format;
}

function fieldsOf(dataset: Dataset): Field[] {
  return dataset.columns.flatMap(({ field, required }: Column) =>
    field ? [{ name: field.name, format: field.format, canonical: canonical[field.format](), required }] : [],
  );
}

/** io-ts type of one field's value; its message says what was expected. */
function fieldCodec(field: Field): t.Type<string | boolean, unknown, unknown> {
  return new t.Type<string | boolean, unknown, unknown>(
    expected[field.format],
    (u): u is string | boolean => field.canonical(u) === u,
    (u, context) => {
      const value = field.canonical(u);
      return value === undefined ? t.failure(u, context) : t.success(value);
    },
    (a) => a,
  );
}

/**
 * The structural codec of one relay row: io-ts field by field. Slow, and the one that explains. Optional fields may be
 * missing, null or empty ("" in rows of 2022).
 */
export function rowCodec(dataset: Dataset): t.Type<RelayRow, unknown, unknown> {
  const fields = fieldsOf(dataset);
  const known = new Set(fields.map((field) => field.name));
  const codecs = fields.map((field) => ({ field, codec: fieldCodec(field) }));
  return new t.Type<RelayRow, unknown, unknown>(
    `${dataset.name} row`,
    (u): u is RelayRow =>
      isObject(u) && codecs.every(({ field, codec }) => present(u, field.name) === codec.is(u[field.name])),
    (u, context) => {
      if (!isObject(u)) return t.failure(u, context, "not an object");
      const row: Record<string, string | boolean> = {};
      const errors: t.ValidationError[] = [];
      for (const { field, codec } of codecs) {
        if (!present(u, field.name)) {
          if (field.required)
            errors.push(fault(u, context, field.name, codec, `${field.name}: required, but missing`));
          continue;
        }
        const result = codec.validate(u[field.name], t.appendContext(context, field.name, codec));
        if (E.isRight(result)) row[field.name] = result.right;
        else errors.push(fault(u, context, field.name, codec, `${field.name}: not ${codec.name}`));
      }
      const unknown = unknownFields(u, known);
      if (hasInexactNumber(unknown))
        errors.push(
          fault(u, context, "extra", t.string, "extra: a number that lost digits (parse losslessly)"),
        );
      const extra = unknown && canonicalJson(unknown);
      if (extra !== undefined && Buffer.byteLength(extra) > MAX_EXTRA_BYTES)
        errors.push(fault(u, context, "extra", t.string, `extra: over ${MAX_EXTRA_BYTES} bytes`));
      if (errors.length > 0) return t.failures(errors);
      if (extra !== undefined) row["extra"] = extra;
      return t.success(row);
    },
    (a) => a,
  );
}

function fault(
  u: Record<string, unknown>,
  context: t.Context,
  key: string,
  type: t.Decoder<unknown, unknown>,
  message: string,
) {
  return { value: u[key], context: t.appendContext(context, key, type), message };
}

function isObject(u: unknown): u is Record<string, unknown> {
  return typeof u === "object" && u !== null && !Array.isArray(u);
}

function present(u: Record<string, unknown>, name: string): boolean {
  const value = Object.hasOwn(u, name) ? u[name] : undefined;
  return value !== undefined && value !== null && value !== "";
}

function unknownFields(
  u: Record<string, unknown>,
  known: ReadonlySet<string>,
): Record<string, unknown> | undefined {
  let unknown: Record<string, unknown> | undefined;
  for (const key of Object.keys(u)) {
    if (!known.has(key)) (unknown ??= Object.create(null) as Record<string, unknown>)[key] = u[key];
  }
  return unknown;
}

/** Fields in which the rows of one slot mostly agree. */
export const STEADY_FIELDS: ReadonlySet<string> = new Set([
  "slot",
  "parent_hash",
  "proposer_pubkey",
  "proposer_fee_recipient",
  "gas_limit",
  "block_number",
]);

/** A field as the guard checks it, and what came of it in the row at hand. */
class Check {
  readonly name: string;
  readonly canonical: Canonical;
  /** Whether to compare with the row before first. */
  readonly steady: boolean;
  /** Of steady fields, the last value. */
  sent: unknown = undefined;
  kept: string | boolean | undefined = undefined;
  /** True where the value isn't kept in the form in which it was sent, or not at all. */
  rewritten = true;

  constructor({ name, canonical: check }: Field) {
    this.name = name;
    this.canonical = check;
    this.steady = STEADY_FIELDS.has(name);
  }
}

/**
 * A guard generated from the same fields: the row in canonical form when it is sound and has no unknown fields, undefined
 * when the structural codec has to look. A row that is canonical as it came is returned as it is, not copied.
 */
export function rowGuard(dataset: Dataset): (u: unknown) => RelayRow | undefined {
  const fields = fieldsOf(dataset);
  const checks = new Map(fields.map((field) => [field.name, new Check(field)]));
  const required = fields.flatMap(({ name, required: needed }) => (needed ? [checks.get(name)] : []));
  // The rows of an answer have the same fields in the same order, and in the steady ones the values of the row before: both
  // are remembered. The loop over a row's own keys is three times cheaper than looking each field up.
  let layout: readonly Check[] = [];
  let rewritten = false;
  return (u) => {
    if (!isObject(u) || Object.getPrototypeOf(u) !== Object.prototype) return undefined;
    if (!fits(u) && !(learns(u) && fits(u))) return undefined;
    return rewritten ? rewrite(u) : (u as RelayRow);
  };

  /** True when the row has the fields of the layout, in its order, and all are sound. */
  function fits(u: Record<string, unknown>): boolean {
    rewritten = false;
    let index = 0;
    for (const name in u) {
      const check = layout[index++];
      if (check === undefined || check.name !== name) return false;
      const value = u[name];
      if (!check.steady || value !== check.sent) {
        const kept = check.canonical(value);
        check.rewritten = kept !== value || kept === undefined;
        if (check.steady) check.sent = value;
        if (check.rewritten) check.kept = kept;
      }
      if (check.rewritten) {
        if (check.kept === undefined) return false;
        rewritten = true;
      }
    }
    return index > 0 && index === layout.length;
  }

  /** Takes over the row's layout if it is another one, and one that a row may have. */
  function learns(u: Record<string, unknown>): boolean {
    const names = Object.keys(u);
    if (names.length === layout.length && names.every((name, index) => layout[index]?.name === name))
      return false;
    const found = names.flatMap((name) => checks.get(name) ?? []);
    if (found.length < names.length || !required.every((check) => check && found.includes(check)))
      return false;
    layout = found;
    return true;
  }

  function rewrite(u: Record<string, unknown>): RelayRow {
    const row = { ...u };
    for (const { name, kept, rewritten: changed } of layout) if (changed) row[name] = kept;
    return row as RelayRow;
  }
}

/** The io-ts type of one relay row: the guard, and the structural codec where the guard declines. */
export function rowType(dataset: Dataset): t.Type<RelayRow, unknown, unknown> {
  const guard = rowGuard(dataset);
  const structural = rowCodec(dataset);
  return new t.Type<RelayRow, unknown, unknown>(
    structural.name,
    structural.is,
    (u, context) => {
      const row = guard(u);
      return row ? t.success(row) : structural.validate(u, context);
    },
    structural.encode,
  );
}

/** The io-ts type of a whole answer: an array of relay rows. Fails when any row does. */
export function rowsType(dataset: Dataset): t.Type<readonly RelayRow[], unknown, unknown> {
  const guard = rowGuard(dataset);
  const structural = rowCodec(dataset);
  return new t.Type<readonly RelayRow[], unknown, unknown>(
    `${dataset.name} answer`,
    t.array(structural).is,
    (u, context) => {
      if (!Array.isArray(u)) return t.failure(u, context, "not an array");
      const rows: RelayRow[] = [];
      const errors: t.ValidationError[] = [];
      for (let index = 0; index < u.length; index++) {
        const element: unknown = u[index];
        const row = guard(element);
        if (row) {
          rows.push(row);
          continue;
        }
        const result = structural.validate(
          element,
          t.appendContext(context, String(index), structural, element),
        );
        if (E.isRight(result)) rows.push(result.right);
        else errors.push(...result.left);
      }
      return errors.length > 0 ? t.failures(errors) : t.success(rows);
    },
    (a) => a,
  );
}
