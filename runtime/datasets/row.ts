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

/** A fresh check for each field, since a check of hex remembers its field's last value. */
const canonical: Record<Format, () => Canonical> = {
  hash: () => hex(64),
  pubkey: () => hex(96),
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

function hex(digits: number): Canonical {
  const lower = new RegExp(`^0x[0-9a-f]{${digits}}$`);
  const any = new RegExp(`^0[xX][0-9a-fA-F]{${digits}}$`);
  // Rows of one slot share their parent and proposer: comparing with the last value is ten times cheaper than matching it.
  let sent = "";
  let last: string | undefined;
  return (value) => {
    if (typeof value !== "string") return undefined;
    if (value === sent) return last;
    last = lower.test(value) ? value : any.test(value) ? value.toLowerCase() : undefined;
    sent = value;
    return last;
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

/**
 * A guard generated from the same fields: the row in canonical form when it is sound and has no unknown fields, undefined
 * when the structural codec has to look. A row that is canonical as it came is returned as it is, not copied.
 */
export function rowGuard(dataset: Dataset): (u: unknown) => RelayRow | undefined {
  const fields = fieldsOf(dataset);
  return (u) => {
    if (!isObject(u)) return undefined;
    let seen = 0;
    let row: Record<string, unknown> = u;
    for (const { name, canonical: canonicalOf, required } of fields) {
      const value = u[name];
      if (value === undefined && !Object.hasOwn(u, name)) {
        if (required) return undefined;
        continue;
      }
      const text = canonicalOf(value);
      if (text === undefined) return undefined;
      seen++;
      if (text !== value) {
        if (row === u) row = { ...u };
        row[name] = text;
      }
    }
    let keys = 0;
    for (const _ in u) keys++;
    return keys === seen ? (row as RelayRow) : undefined;
  };
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
  const structural = t.array(rowType(dataset));
  return new t.Type<readonly RelayRow[], unknown, unknown>(
    `${dataset.name} answer`,
    structural.is,
    (u, context) => {
      if (!Array.isArray(u)) return t.failure(u, context, "not an array");
      const rows = u.map(guard);
      return rows.every((row) => row !== undefined) ? t.success(rows) : structural.validate(u, context);
    },
    (a) => a,
  );
}
