import { type Column, type FieldFormat } from "./definition.ts";
import { type Dataset, lakeColumns } from "./dataset.ts";

/** Columns in which a line mostly agrees with the one before; they are looked at as one text when they stand side by side. */
const STEADY_COLUMNS: ReadonlySet<string> = new Set([
  "relay",
  "slot",
  "block_timestamp",
  "parent_hash",
  "proposer_pubkey",
  "proposer_fee_recipient",
  "gas_limit",
]);

// Written out digit by digit, V8's regular expressions take two thirds of the time of a counted repetition.
const digits = (count: number): string => "[0-9a-f]".repeat(count);
const TIME = String.raw`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`;
const JSON_STRING = String.raw`"(?:[^"\\\x00-\x1f]|\\.)*"`;
const FORMATS: Record<FieldFormat, string> = {
  hash: `"0x${digits(64)}"`,
  pubkey: `"0x${digits(96)}"`,
  address: `"0x${digits(40)}"`,
  int64: String.raw`"(?:0|-?[1-9]\d{0,18})"`,
  wei: String.raw`"(?:0|[1-9]\d{0,28})"`,
  bool: "(?:true|false)",
  hex: `"0x(?:${digits(2)}){0,32}"`,
  text: JSON_STRING,
  json: JSON_STRING,
  time: String.raw`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"`,
};

/** Columns that stand side by side, and what their part of the last line was. */
interface Run {
  readonly steady: boolean;
  /** Finds the part at its `lastIndex`. Where a column ends is plain from its own text, so that runs can be read one by one. */
  readonly pattern: RegExp;
  text: string;
}

/**
 * Makes the reader of lake lines of one relay: the slot of a line that is exactly as `lineWriter` writes it, with its newline;
 * undefined for any other text. Lines are read as a relay's answer is: what isn't right isn't taken.
 */
export function lineParser(dataset: Dataset, relay: string): (line: string) => number | undefined {
  const runs = runsOf(dataset, relay);
  let slot: number | undefined;
  return (line) => {
    let at = 0;
    for (const run of runs) {
      const { steady, pattern, text } = run;
      if (steady && text !== "" && line.slice(at, at + text.length) === text) {
        at += text.length;
        continue;
      }
      pattern.lastIndex = at;
      if (!pattern.test(line)) return undefined;
      if (steady) run.text = line.slice(at, pattern.lastIndex);
      if (at === 0) slot = slotIn(run.text);
      at = pattern.lastIndex;
    }
    return at === line.length ? slot : undefined;
  };
}

function runsOf(dataset: Dataset, relay: string): Run[] {
  const columns = lakeColumns(dataset);
  const groups: { steady: boolean; source: string }[] = [];
  columns.forEach((column, i) => {
    const steady = STEADY_COLUMNS.has(column.name);
    const source = `${i === 0 ? String.raw`\{` : ","}"${column.name}":${pattern(column, relay)}`;
    const last = groups.at(-1);
    if (last?.steady === steady) last.source += source;
    else groups.push({ steady, source });
  });
  return groups.map(({ steady, source }, i) => ({
    steady,
    pattern: new RegExp(i === groups.length - 1 ? String.raw`${source}\}\n` : source, "y"),
    text: "",
  }));
}

function pattern(column: Column, relay: string): string {
  if (column.name === "relay") return `"${relay}"`;
  if (column.name === "slot") return String.raw`"(?:0|[1-9]\d{0,9})"`;
  const value = column.field
    ? FORMATS[column.field.format]
    : column.type === "TIMESTAMP"
      ? TIME
      : JSON_STRING;
  return column.required ? value : `(?:${value}|null)`;
}

/** The slot in the first columns of a line that was found right. */
function slotIn(text: string): number {
  const key = '"slot":"';
  const at = text.indexOf(key) + key.length;
  return Number(text.slice(at, text.indexOf('"', at)));
}
