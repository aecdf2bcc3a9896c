import type { RelayRow } from "./format.ts";
import type { Network } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { type Dataset, lakeColumns } from "./dataset.ts";
import type { Column } from "./definition.ts";

/** Last instant that RFC 3339 (and BigQuery) can write: year 9999, ms. */
const MAX_TIME_MS = 253_402_300_799_999;

/**
 * Makes the writer of a slot's lake lines: one JSON object a row with every column of the dataset in order, integers as
 * strings, each ending with a newline. Rows come from the dataset's codec, so their strings need no escaping, save `extra`.
 */
export function lineWriter(
  dataset: Dataset,
  network: Network,
  relay: string,
  slot: number,
): (row: RelayRow) => string {
  const head = lineHead(network, relay, slot);
  const members = membersOf(dataset);
  return (row) => {
    let line = head;
    for (const { label, textOf } of members) {
      const value = textOf(row);
      line += typeof value === "string" ? `${label}"${value}"` : `${label}${value ?? null}`;
    }
    return `${line}}\n`;
  };
}

/** Columns of a line's head. */
export const HEAD_COLUMNS: ReadonlySet<string> = new Set(["relay", "slot", "block_timestamp"]);

/** What the lines of a slot begin with. */
export function lineHead(network: Network, relay: string, slot: number): string {
  const start = new Date(slotStartMs(network, slot)).toISOString();
  return `{"relay":"${relay}","slot":"${slot}","block_timestamp":"${start}"`;
}

/** Lines that are joined at a time: few enough for V8's young heap, where a text costs half of what one of megabytes does. */
const LINES_AT_ONCE = 64;

/** The lines of rows, one behind another, as UTF-8. `write` comes from `lineWriter`. */
export function linesOf(rows: readonly { row: RelayRow }[], write: (row: RelayRow) => string): Buffer {
  const texts: string[] = [];
  let bytes = 0;
  // All but `extra` is ASCII by its format.
  const ascii = rows.every(({ row }) => row["extra"] === undefined);
  for (let first = 0; first < rows.length; first += LINES_AT_ONCE) {
    let text = "";
    for (const { row } of rows.slice(first, first + LINES_AT_ONCE)) text += write(row);
    texts.push(text);
    bytes += ascii ? text.length : Buffer.byteLength(text);
  }
  const lines = Buffer.allocUnsafe(bytes);
  let end = 0;
  for (const text of texts) end += lines.write(text, end, ascii ? "latin1" : "utf8");
  return lines;
}

/** One column of a line: its label, and the text that needs no escaping, or true, false or nothing. */
interface Member {
  readonly label: string;
  readonly textOf: (row: RelayRow) => string | boolean | undefined;
}

/** What comes behind a line's head. */
function membersOf(dataset: Dataset): Member[] {
  return lakeColumns(dataset)
    .filter(({ name }) => !HEAD_COLUMNS.has(name))
    .map((column) => ({ label: `,"${column.name}":`, textOf: readerOf(column) }));
}

function readerOf({ name, field, time }: Column): Member["textOf"] {
  if (time) return timeReader(time);
  if (name === "extra") return extraText;
  if (field?.format === "text" || field?.format === "json") return escaped(field.name);
  const key = field?.name ?? name;
  return (row) => row[key];
}

function extraText(row: RelayRow): string | undefined {
  const extra = row["extra"];
  return extra === undefined ? undefined : JSON.stringify(extra).slice(1, -1);
}

/** Makes the reader of a field that is any text: escaped, and in ASCII, as all fields are written. */
function escaped(field: string): (row: RelayRow) => string | undefined {
  const code = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return (row) => {
    const value = row[field];
    if (value === undefined) return undefined;
    return JSON.stringify(value)
      .slice(1, -1)
      .replaceAll(/[\u007f-\uffff]/g, code);
  };
}

/**
 * Makes the reader of a time from fields of the row: Unix ms, else s; none when absent, 0 or beyond year 9999. Rows of one slot
 * share a few seconds, so the second's text is kept.
 */
function timeReader({
  ms: msField,
  s: sField = "",
}: NonNullable<Column["time"]>): (row: RelayRow) => string | undefined {
  let second = Number.NaN;
  let text = "";
  return (row) => {
    const ms = Number(row[msField] ?? 0) || Number(row[sField] ?? 0) * 1000;
    if (!(ms > 0 && ms <= MAX_TIME_MS)) return undefined;
    const part = ms % 1000;
    if (ms - part !== second) {
      second = ms - part;
      text = new Date(second).toISOString().slice(0, 20);
    }
    return `${text}${String(part).padStart(3, "0")}Z`;
  };
}

/** The block hash of a line in canonical form. */
export function blockHashOf(line: string): string {
  const key = '"block_hash":"';
  const at = line.indexOf(key) + key.length;
  return line.slice(at, at + 66);
}
