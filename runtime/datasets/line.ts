import type { Network } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { type Column, type Dataset, type Format, lakeColumns } from "./dataset.ts";
import type { RelayRow } from "./row.ts";

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
  const start = new Date(slotStartMs(network, slot)).toISOString();
  const head = `{"relay":"${relay}","slot":"${slot}","block_timestamp":"${start}"`;
  const time = bidTimeReader();
  const parts = lakeColumns(dataset)
    .filter(({ name }) => !["relay", "slot", "block_timestamp"].includes(name))
    .map(({ name, field }) => ({
      key: field?.name ?? name,
      json: name === "timestamp" ? time : name === "extra" ? extraJson : undefined,
      // A label carries the quotes of the values before and behind it: this loop is a third of what a row costs, and what
      // costs in it is the number of pieces.
      label: `,"${name}":`,
      labelBeforeString: `,"${name}":"`,
      labelAfterString: `","${name}":`,
      labelBetweenStrings: `","${name}":"`,
    }));
  return (row) => {
    let line = head;
    let afterString = false;
    for (const part of parts) {
      const value = part.json ? undefined : row[part.key];
      if (typeof value === "string") {
        line += afterString ? part.labelBetweenStrings : part.labelBeforeString;
        line += value;
        afterString = true;
      } else {
        line += afterString ? part.labelAfterString : part.label;
        line += part.json ? part.json(row) : String(value ?? null);
        afterString = false;
      }
    }
    return line + (afterString ? '"}\n' : "}\n");
  };
}

function extraJson(row: RelayRow): string {
  const extra = row["extra"];
  return extra === undefined ? "null" : JSON.stringify(extra);
}

/**
 * Makes the reader of a bid's time: from `timestamp_ms`, else from `timestamp` (s); null when absent, 0 or beyond year 9999.
 * Bids of one slot share a few seconds, so the second's text is kept.
 */
function bidTimeReader(): (row: RelayRow) => string {
  let second = Number.NaN;
  let text = "";
  return (row) => {
    const ms = Number(row["timestamp_ms"] ?? 0) || Number(row["timestamp"] ?? 0) * 1000;
    if (!(ms > 0 && ms <= MAX_TIME_MS)) return "null";
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000);
      text = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `"${text}${String(ms % 1000).padStart(3, "0")}Z"`;
  };
}

const TIME = String.raw`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`;
const FORMATS: Record<Format, string> = {
  hash: '"0x[0-9a-f]{64}"',
  pubkey: '"0x[0-9a-f]{96}"',
  address: '"0x[0-9a-f]{40}"',
  int64: String.raw`"(?:0|-?[1-9]\d{0,18})"`,
  wei: String.raw`"(?:0|[1-9]\d{0,28})"`,
  bool: "(?:true|false)",
};

/**
 * Makes the reader of lake lines of one relay: the slot of a line that is exactly as `lineWriter` writes it (without its
 * newline), undefined for any other text. Lines are read as a relay's answer is: what isn't right isn't taken.
 */
export function lineParser(dataset: Dataset, relay: string): (line: string) => number | undefined {
  const members = lakeColumns(dataset).map((column) => `"${column.name}":${pattern(column, relay)}`);
  const whole = new RegExp(`^\\{${members.join(",")}\\}$`);
  return (line) => {
    const match = whole.exec(line);
    return match ? Number(match[1]) : undefined;
  };
}

function pattern(column: Column, relay: string): string {
  if (column.name === "relay") return `"${relay}"`;
  if (column.name === "slot") return String.raw`"(0|[1-9]\d{0,9})"`;
  // eslint-disable-next-line no-control-regex
  const value = column.field
    ? FORMATS[column.field.format]
    : column.type === "TIMESTAMP"
      ? TIME
      : JSON_STRING;
  return column.required ? value : `(?:${value}|null)`;
}

const JSON_STRING = String.raw`"(?:[^"\\\x00-\x1f]|\\.)*"`;

/** The block hash of a line in canonical form. */
export function blockHashOf(line: string): string {
  const key = '"block_hash":"';
  const at = line.indexOf(key) + key.length;
  return line.slice(at, at + 66);
}
