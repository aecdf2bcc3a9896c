import type { RelayRow } from "./format.ts";
import type { Network } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { type Dataset, lakeColumns } from "./dataset.ts";
import type { Column } from "./definition.ts";
import { STEADY_FIELDS } from "./guard.ts";

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
  const parts = partsOf(dataset);
  return (row) => {
    let line = head;
    // Whether the line ends inside a string, whose closing quote comes with the next label.
    let open = false;
    for (const part of parts) {
      if (part instanceof SharedMembers) {
        line += part.textOf(row, open);
        open = part.open;
        continue;
      }
      const value = part.derive ? part.derive(row) : row[part.key];
      if (typeof value === "string") {
        line += open ? part.labelBetweenStrings : part.labelBeforeString;
        line += value;
        open = true;
      } else {
        line += part.literal(value, open);
        open = false;
      }
    }
    return line + (open ? '"}\n' : "}\n");
  };
}

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

function partsOf(dataset: Dataset): (Member | SharedMembers)[] {
  const parts: (Member | SharedMembers)[] = [];
  for (const column of lakeColumns(dataset)) {
    const { name, field } = column;
    if (name === "relay" || name === "slot" || name === "block_timestamp") continue;
    const member = new Member(name, field?.name ?? name, deriverOf(column));
    const last = parts.at(-1);
    if (!STEADY_FIELDS.has(name)) parts.push(member);
    else if (last instanceof SharedMembers) last.members.push(member);
    else parts.push(new SharedMembers(member));
  }
  return parts;
}

/** How a column's text is worked out where it isn't a field of the row as it is. */
function deriverOf({ name, field, time }: Column): ((row: RelayRow) => string | undefined) | undefined {
  if (time) return timeReader(time);
  if (name === "extra") return extraText;
  return field?.format === "text" || field?.format === "json" ? escaped(field.name) : undefined;
}

/** One column of a line: its labels carry the quotes of the strings before and behind them. */
class Member {
  readonly key: string;
  /** What the column holds where it isn't a field of the row: text that needs no escaping, or nothing. */
  readonly derive: ((row: RelayRow) => string | undefined) | undefined;
  readonly labelBeforeString: string;
  readonly labelBetweenStrings: string;
  readonly #literals: ReadonlyMap<boolean | undefined, string>;
  readonly #literalsAfterString: ReadonlyMap<boolean | undefined, string>;

  constructor(name: string, key: string, derive?: (row: RelayRow) => string | undefined) {
    this.key = key;
    this.derive = derive;
    this.labelBeforeString = `,"${name}":"`;
    this.labelBetweenStrings = `","${name}":"`;
    const literals = [true, false, undefined].map((value) => [value, `,"${name}":${value ?? null}`] as const);
    this.#literals = new Map(literals);
    this.#literalsAfterString = new Map(literals.map(([value, text]) => [value, `"${text}`]));
  }

  /** Label and value of true, false or null. */
  literal(value: boolean | undefined, afterString: boolean): string {
    return (afterString ? this.#literalsAfterString : this.#literals).get(value) ?? "";
  }
}

/**
 * Columns that stand one behind another and mostly repeat the row before: written as one text that is kept from row to row,
 * since what a line costs is the number of its pieces.
 */
class SharedMembers {
  readonly members: Member[];
  /** Whether the text ends inside a string. */
  open = false;
  #values: (string | boolean | undefined)[] = [];
  #text: string | undefined;
  #textAfterString = "";

  constructor(first: Member) {
    this.members = [first];
  }

  textOf(row: RelayRow, afterString: boolean): string {
    const { members } = this;
    let same = this.#text !== undefined;
    for (let i = 0; same && i < members.length; i++) same = row[members[i]?.key ?? ""] === this.#values[i];
    if (!same) this.#write(row);
    return (afterString ? this.#textAfterString : this.#text) ?? "";
  }

  #write(row: RelayRow): void {
    this.#values = this.members.map(({ key }) => row[key]);
    const pieces: string[] = [];
    let open = false;
    this.members.forEach((member, i) => {
      const value = this.#values[i];
      if (typeof value === "string")
        pieces.push(open ? member.labelBetweenStrings : member.labelBeforeString, value);
      else pieces.push(member.literal(value, open));
      open = typeof value === "string";
    });
    // Joined, not added up: one flat string, which is cheap to copy.
    this.#text = pieces.join("");
    this.#textAfterString = ['"', this.#text].join("");
    this.open = open;
  }
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

/** The part of a time behind its whole seconds, by milliseconds. */
const MILLISECONDS = Array.from({ length: 1000 }, (_, ms) => `.${String(ms).padStart(3, "0")}Z`);

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
    const whole = Math.floor(ms / 1000);
    if (whole !== second) {
      second = whole;
      text = new Date(second * 1000).toISOString().slice(0, 19);
    }
    return text + (MILLISECONDS[ms - whole * 1000] ?? "");
  };
}

/** The block hash of a line in canonical form. */
export function blockHashOf(line: string): string {
  const key = '"block_hash":"';
  const at = line.indexOf(key) + key.length;
  return line.slice(at, at + 66);
}
