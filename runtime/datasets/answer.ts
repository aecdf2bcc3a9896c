import { isAscii } from "node:buffer";
import { createHash } from "node:crypto";
import type { Dataset } from "./dataset.ts";
import { fieldsOf, type RelayRow } from "./format.ts";
import {
  elementTexts,
  exactNumberText,
  hasInexactNumber,
  memberText,
  nestsTooDeep,
  parseLossless,
} from "./json.ts";
import { MAX_RAW, present, rowType, rowsType } from "./row.ts";
import * as E from "fp-ts/lib/Either.js";

/** What goes to quarantine: a row that the schema can't hold, as it was sent, or fields that a row's `extra` can't. */
export interface RefusedRow {
  readonly slot: number;
  readonly reason: string;
  readonly raw: string;
  /** Hex, over `raw`. */
  readonly sha256: string;
}

/** A relay's answer, row by row. */
export interface DecodedAnswer {
  /** In the order in which they were sent. */
  readonly rows: readonly SlotRow[];
  /** Rows, not fields of rows: those are in the rows themselves. */
  readonly refused: readonly RefusedRow[];
}

export interface SlotRow {
  readonly slot: number;
  readonly row: RelayRow;
}

/** The reason of a line in quarantine that is no row, but what was too large for `extra` of a row that is kept. */
export const FIELD_REASON = "field";

/** The body isn't an answer that can be taken: not JSON, not an array of rows, or beyond any relay's size. */
export class MalformedAnswerError extends Error {
  override readonly name = "MalformedAnswerError";
}

/**
 * Makes the decoder of a dataset's answers. A row that the schema can't hold is refused by itself; one without a
 * readable slot is counted to the slot of the row before it (after it, for the first), or to `askedSlot` where the request
 * was for one slot. Throws MalformedAnswerError when the body as a whole can't be taken: an element without any of the
 * fields that a row must have is no row, but the word of a relay that couldn't answer. `envelope`: the member that holds the rows.
 */
export function answerDecoder(
  dataset: Dataset,
  envelope?: string,
): (body: Buffer, askedSlot?: number) => DecodedAnswer {
  const whole = rowsType(dataset);
  const type = rowType(dataset);
  const required = fieldsOf(dataset).filter((field) => field.required);
  const saysSlot = required.some(({ name }) => name === "slot");
  return (sent, askedSlot) => {
    const body = envelope === undefined ? sent : unwrapped(sent, envelope);
    const elements = parseArray(body);
    const decoded = whole.decode(elements);
    const given = saysSlot ? undefined : askedSlot;
    if (E.isRight(decoded)) return { rows: placed(decoded.right, given), refused: [] };

    // The slow path: exact numbers, reasons, and the raw text of what is refused.
    const textOf = elementText(body, elements.length);
    const exact = [...elements];
    const results = elements.map((u, index) => {
      const result = type.decode(u);
      if (E.isRight(result) || !hasInexactNumber(u)) return result;
      return type.decode((exact[index] = lossless(textOf(index))));
    });
    const rows = placed(
      results.flatMap((result) => (E.isRight(result) ? [result.right] : [])),
      given,
    );
    if (results.every(E.isRight)) return { rows, refused: [] };
    const stray = elements.findIndex((u) => !required.some(({ name }) => present(u, name)));
    if (stray !== -1)
      throw new MalformedAnswerError(`an element that is no row: ${textOf(stray).slice(0, 200)}`);
    const slots = slotsOf(exact, askedSlot);
    const refused = results.flatMap((result, index) => {
      if (E.isRight(result)) return [];
      const reason = result.left.map(({ message }) => message ?? "not a row").join("; ");
      const raw = textOf(index);
      if (raw.length > MAX_RAW) throw new MalformedAnswerError(`a row of over ${MAX_RAW} characters`);
      return [forQuarantine(slots[index] ?? 0, reason, raw)];
    });
    return { rows, refused };
  };
}

/** The fields that rows have too much of, each row's as one JSON object with sorted keys. */
export function oversizeFields(rows: readonly SlotRow[]): RefusedRow[] {
  return rows.flatMap(({ slot, row: { oversize } }) =>
    typeof oversize === "string" ? [forQuarantine(slot, FIELD_REASON, oversize)] : [],
  );
}

function forQuarantine(slot: number, reason: string, raw: string): RefusedRow {
  return { slot, reason, raw, sha256: createHash("sha256").update(raw).digest("hex") };
}

/** Rows with their slots (`given` where they don't say it), which are mostly the same: a text that was read before isn't read again. */
function placed(rows: readonly RelayRow[], given: number | undefined): SlotRow[] {
  if (given !== undefined) return rows.map((row) => ({ slot: given, row }));
  let text: string | boolean | undefined;
  let slot = Number.NaN;
  return rows.map((row) => {
    const own = row["slot"];
    if (own !== text) slot = Number((text = own));
    return { slot, row };
  });
}

/** The text of one member of the object that a relay wraps its rows in, as it was sent. */
function unwrapped(body: Buffer, envelope: string): Buffer {
  if (nestsTooDeep(body)) throw new MalformedAnswerError("nested deeper than any relay's answer");
  const text = memberText(body, envelope);
  if (text === undefined) throw new MalformedAnswerError(`not an object with a list "${envelope}"`);
  return text;
}

function parseArray(body: Buffer): readonly Record<string, unknown>[] {
  if (nestsTooDeep(body)) throw new MalformedAnswerError("nested deeper than any relay's answer");
  let parsed: unknown;
  try {
    // Answers are ASCII but for odd extra fields, and a one-byte copy is three times cheaper than decoding UTF-8.
    parsed = JSON.parse(body.toString(isAscii(body) ? "latin1" : "utf8"));
  } catch {
    throw new MalformedAnswerError("not whole JSON");
  }
  return objects(parsed);
}

/**
 * The text of each element as it was sent. Where a list of that many objects has no more opening braces than that, each
 * begins an element, and the one before it ends at the last closing brace between them: a native search finds both.
 */
function elementText(body: Buffer, elements: number): (index: number) => string {
  const starts: number[] = [];
  for (let at = body.indexOf("{"); at !== -1 && starts.length <= elements; at = body.indexOf("{", at + 1))
    starts.push(at);
  if (starts.length !== elements) {
    const texts = elementTexts(body);
    return (index) => texts[index] ?? "";
  }
  return (index) => {
    const next = starts[index + 1] ?? body.length;
    return body.toString("utf8", starts[index], body.lastIndexOf("}", next - 1) + 1);
  };
}

/** One row of the answer, with every number as it was sent. */
function lossless(text: string): Record<string, unknown> {
  try {
    const [row = {}] = objects([parseLossless(text)]);
    return row;
  } catch (error) {
    if (error instanceof MalformedAnswerError) throw error;
    throw new MalformedAnswerError("a field stands twice in one row", { cause: error });
  }
}

function objects(parsed: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(parsed)) throw new MalformedAnswerError("not a JSON array");
  const isRow = (u: unknown): u is Record<string, unknown> =>
    typeof u === "object" && u !== null && !Array.isArray(u);
  if (!parsed.every(isRow)) throw new MalformedAnswerError("an array of something other than objects");
  return parsed;
}

/** Each row's slot; a row whose own can't be read stands where its neighbour in the answer stands. */
function slotsOf(elements: readonly Record<string, unknown>[], askedSlot: number | undefined): number[] {
  const own = elements.map((u) => {
    const text = typeof u["slot"] === "string" ? u["slot"] : exactNumberText(u["slot"]);
    return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : askedSlot;
  });
  let near = own.find((slot) => slot !== undefined);
  if (near === undefined) throw new MalformedAnswerError("rows without a readable slot");
  return own.map((slot) => (near = slot ?? near ?? 0));
}
