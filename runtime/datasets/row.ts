import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import type { Dataset } from "./dataset.ts";
import { type Field, expected, fieldsOf, type RelayRow } from "./format.ts";
import { rowGuard } from "./guard.ts";
import { HashBatch } from "./hashBatch.ts";
import { canonicalMembers, hasInexactNumber } from "./json.ts";

/** Bytes of column `extra`. */
export const MAX_EXTRA_BYTES = 4096;

/** What is kept as it was sent may have this many characters; beyond them the answer is taken for an attack. */
export const MAX_RAW = 1 << 20;

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
 * The structural codec of one relay row: io-ts field by field. Slow, and the one that explains. Optional fields refuse no
 * row: they may be missing, null or empty ("" in rows of 2022), and any other value goes to `extra`.
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
      const unknown = unknownFields(u, known);
      for (const { field, codec } of codecs) {
        if (!present(u, field.name)) {
          if (field.required)
            errors.push(fault(u, context, field.name, codec, `${field.name}: required, but missing`));
          continue;
        }
        const result = codec.validate(u[field.name], t.appendContext(context, field.name, codec));
        if (E.isRight(result)) row[field.name] = result.right;
        else if (!field.required) unknown[field.name] = u[field.name];
        else errors.push(fault(u, context, field.name, codec, `${field.name}: not ${codec.name}`));
      }
      if (hasInexactNumber(unknown))
        errors.push(
          fault(u, context, "extra", t.string, "extra: a number that lost digits (parse losslessly)"),
        );
      const { extra, oversize } = divided(canonicalMembers(unknown));
      if (oversize.length > MAX_RAW)
        errors.push(fault(u, context, "extra", t.string, `extra: over ${MAX_RAW} characters`));
      if (errors.length > 0) return t.failures(errors);
      if (extra !== "") row["extra"] = extra;
      if (oversize !== "") row["oversize"] = oversize;
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

/** Whether a row has a field at all: null and "" are as good as nothing. */
export function present(u: Record<string, unknown>, name: string): boolean {
  const value = Object.hasOwn(u, name) ? u[name] : undefined;
  return value !== undefined && value !== null && value !== "";
}

function unknownFields(u: Record<string, unknown>, known: ReadonlySet<string>): Record<string, unknown> {
  // Without a prototype, since a field may have any name.
  const unknown = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(u)) if (!known.has(key)) unknown[key] = u[key];
  return unknown;
}

/**
 * Members of a row as two JSON objects ("" without any): what column `extra` holds, and what is too large for it. The
 * largest go first, until the rest fits; of equally large ones the one whose name sorts first.
 */
function divided(members: readonly string[]): { extra: string; oversize: string } {
  const object = (of: readonly string[]) => (of.length === 0 ? "" : `{${of.join(",")}}`);
  const extra = object(members);
  if (Buffer.byteLength(extra) <= MAX_EXTRA_BYTES) return { extra, oversize: "" };
  // A comma or brace stands before each member, and a brace behind them all.
  const sizes = new Map(members.map((member) => [member, Buffer.byteLength(member) + 1]));
  let bytes = Buffer.byteLength(extra);
  const large = new Set<string>();
  for (const [member, size] of [...sizes].toSorted(([, a], [, b]) => b - a)) {
    if (bytes <= MAX_EXTRA_BYTES) break;
    large.add(member);
    bytes -= size;
  }
  return {
    extra: object(members.filter((member) => !large.has(member))),
    oversize: object(members.filter((member) => large.has(member))),
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

/**
 * The io-ts type of a whole answer: an array of relay rows. Fails when any row does. Hashes are checked together behind
 * the rows; where one isn't sound, the rows are gone through again, each with its own.
 */
export function rowsType(dataset: Dataset): t.Type<readonly RelayRow[], unknown, unknown> {
  const hashes = new HashBatch();
  const quick = rowGuard(dataset, hashes);
  const thorough = rowGuard(dataset);
  const structural = rowCodec(dataset);
  const rowsOf = (u: readonly unknown[], guard: typeof quick, context: t.Context) => {
    const rows: RelayRow[] = [];
    const errors: t.ValidationError[] = [];
    for (let index = 0; index < u.length; index++) {
      const element = u[index];
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
    return errors.length > 0 ? t.failures<readonly RelayRow[]>(errors) : t.success(rows);
  };
  return new t.Type<readonly RelayRow[], unknown, unknown>(
    `${dataset.name} answer`,
    t.array(structural).is,
    (u, context) => {
      if (!Array.isArray(u)) return t.failure(u, context, "not an array");
      const result = rowsOf(u, quick, context);
      return hashes.sound() ? result : rowsOf(u, thorough, context);
    },
    (a) => a,
  );
}
