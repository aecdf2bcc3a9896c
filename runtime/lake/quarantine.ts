import { createHash } from "node:crypto";
import type { SlotRange } from "../chain/slots.ts";
import { FIELD_REASON } from "../datasets/answer.ts";
import { type SlotBlock, deflateSlot } from "./gzip.ts";
import { BodyFault, inflateLines } from "./inflate.ts";
import { jsonObject } from "./jsonObject.ts";
import type { QuarantineLine } from "./lake.ts";

/** A row is kept as it was sent up to 1 MiB; JSON may write six bytes for one of its characters. */
const MAX_LINE = 8 * 2 ** 20;
/** Lines are compressed together up to this size. */
const BLOCK_BYTES = 2 ** 20;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A quarantine's lines, compressed. */
export function quarantineBlocks(lines: readonly QuarantineLine[]): SlotBlock[] {
  const blocks: SlotBlock[] = [];
  let text = "";
  let rows = 0;
  for (const [index, line] of lines.entries()) {
    text += lineText(line);
    rows++;
    if (text.length < BLOCK_BYTES && index < lines.length - 1) continue;
    blocks.push(deflateSlot(text, rows));
    text = "";
    rows = 0;
  }
  return blocks;
}

/**
 * Reads a quarantine back: every line exactly as it is written, its slot in `range`, `sha256` that of `raw`.
 * Throws BodyFault.
 */
export async function parseQuarantine(
  body: Buffer,
  range: SlotRange,
  maxInflated: number,
): Promise<QuarantineLine[]> {
  const lines: QuarantineLine[] = [];
  for await (const batch of inflateLines(body, MAX_LINE, maxInflated)) {
    for (const text of batch) lines.push(parseLine(text, range, lines.length + 1));
  }
  return lines;
}

/** The rows among the lines of a quarantine: fields that were too large for a row's `extra` are there too. */
export function refusedRows(lines: readonly QuarantineLine[]): QuarantineLine[] {
  return lines.filter(({ reason }) => reason !== FIELD_REASON);
}

/** What is wrong with a line, or undefined. */
export function quarantineLineFault(line: QuarantineLine, range: SlotRange): string | undefined {
  if (!Number.isSafeInteger(line.slot) || line.slot < range.first || line.slot > range.last)
    return "has a slot outside the chunk";
  if (!Number.isSafeInteger(line.copies) || line.copies < 1) return "has no count of copies";
  if (!TIME.test(line.read_at)) return "has no time of reading";
  if (line.sha256 !== createHash("sha256").update(line.raw).digest("hex"))
    return "has a raw row that doesn't match its sha256";
  return undefined;
}

/** Key order is part of the layout. */
function lineText({ slot, reason, sha256, copies, read_at, raw }: QuarantineLine): string {
  return `${JSON.stringify({ slot, reason, sha256, copies, read_at, raw })}\n`;
}

function parseLine(text: string, range: SlotRange, number: number): QuarantineLine {
  const value: unknown = jsonObject(text);
  if (!isLine(value) || lineText(value) !== text)
    throw new BodyFault(`its line ${number} isn't a quarantined row`);
  const fault = quarantineLineFault(value, range);
  if (fault !== undefined) throw new BodyFault(`its line ${number} ${fault}`);
  return value;
}

function isLine(value: unknown): value is QuarantineLine {
  if (typeof value !== "object" || value === null) return false;
  const line: Partial<Record<keyof QuarantineLine, unknown>> = value;
  return (
    typeof line.slot === "number" &&
    typeof line.reason === "string" &&
    typeof line.sha256 === "string" &&
    typeof line.copies === "number" &&
    typeof line.read_at === "string" &&
    typeof line.raw === "string"
  );
}
