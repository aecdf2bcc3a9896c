import type { Dataset } from "../datasets/dataset.ts";
import { lakeColumns } from "../datasets/dataset.ts";
import { type FieldFormat } from "../datasets/definition.ts";
import { fieldsOf } from "../datasets/format.ts";
import { type Codes, codesOf } from "./codes.ts";

/** A place or a size in the module's memory. */
interface Constant {
  readonly value: number;
}

/** What the module exports (`assembly/kernel.ts`). */
export interface KernelExports extends Readonly<Record<Place, Constant>> {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly oddFrom: Constant;
  readonly oddTo: Constant;
  readonly rows: Constant;
  begin(bytes: number, head: number, slot: number, columns: number, required: number): number;
  readRows(): number;
  take(bytes: number): number;
  written(): number;
  finish(): number;
}

type Place =
  | "BODY"
  | "MAX_BODY"
  | "LINES"
  | "DEFLATE"
  | "FIELDS"
  | "FIELD_SIZE"
  | "NAME_LENGTH"
  | "FORMAT"
  | "REQUIRED"
  | "KNOWN"
  | "COLUMNS"
  | "COLUMN_SIZE"
  | "LABEL_LENGTH"
  | "COLUMN_KIND"
  | "FIELD"
  | "SECOND"
  | "KEY"
  | "LINE_HEAD"
  | "SLOT"
  | "FIRST_CODES"
  | "OTHER_CODES"
  | "LENGTH_CODES"
  | "DISTANCE_CODES"
  | "END_CODE"
  | "HEADER_BITS"
  | "HEADER"
  | "DISTANCE_SYMBOLS";

/** Formats that the kernel knows, by its numbers; of hex those are the digits. */
const FORMATS: Readonly<Partial<Record<FieldFormat, number>>> = {
  hash: 64,
  pubkey: 96,
  address: 40,
  int64: 1,
  wei: 2,
  bool: 3,
};
const SLOT_ASKED = 4;
/** Kinds of columns. */
const [AS_SENT, TIME, EXTRA] = [0, 1, 2];
const NO_FIELD = 255;
const LONGEST_LABEL = 32;

/** Columns that the kernel writes, and a bit for each field that rows must have. */
export interface Plan {
  readonly columns: number;
  readonly required: number;
}

/** Tells the kernel of a dataset: its fields with their formats, and the columns of its lines. */
export function putDataset(kernel: KernelExports, dataset: Dataset): Plan {
  const fields = fieldsOf(dataset);
  const bytes = Buffer.from(kernel.memory.buffer);
  const numberOf = (name: string | undefined) => {
    const number = fields.findIndex((field) => field.name === name);
    return number === -1 ? NO_FIELD : number;
  };
  const place = (at: number, text: string, length: number) => {
    if (text.length > LONGEST_LABEL) throw new RangeError(`too long a name for the kernel: ${text}`);
    bytes.fill(0, at, at + LONGEST_LABEL).write(text, at, "latin1");
    bytes[at + length] = text.length;
  };
  fields.forEach(({ name, format, required }, i) => {
    const at = kernel.FIELDS.value + i * kernel.FIELD_SIZE.value;
    const number = name === "slot" ? SLOT_ASKED : FORMATS[format];
    if (number === undefined) throw new RangeError(`the kernel knows no format ${format}`);
    place(at, `"${name}":`, kernel.NAME_LENGTH.value);
    bytes[at + kernel.FORMAT.value] = number;
    bytes[at + kernel.REQUIRED.value] = Number(required);
  });
  const columns = lakeColumns(dataset).filter(({ name }) => !HEAD_COLUMNS.has(name));
  columns.forEach(({ name, field, time }, i) => {
    const at = kernel.COLUMNS.value + i * kernel.COLUMN_SIZE.value;
    place(at, `,"${name}":`, kernel.LABEL_LENGTH.value);
    const kind = field ? AS_SENT : time ? TIME : EXTRA;
    bytes[at + kernel.COLUMN_KIND.value] = kind ?? 0;
    bytes[at + kernel.FIELD.value] = numberOf(field?.name ?? time?.ms);
    bytes[at + kernel.SECOND.value] = field ? Number(field.format === "bool") : numberOf(time?.s);
    bytes[at + kernel.KEY.value] = numberOf(KEYS[name]);
  });
  const required = fields.reduce((bits, field, i) => bits + (field.required ? 2 ** i : 0), 0);
  return { columns: columns.length, required };
}

/** Columns of a line's head, which all lines of a slot share. */
const HEAD_COLUMNS: ReadonlySet<string> = new Set(["relay", "slot", "block_timestamp"]);
/**
 * By column: the field whose value tells which earlier line goes on alike from there: lines of one builder share the rest of the
 * bid trace, one block sent under several keys its gas and value, bids of one second their times.
 */
const KEYS: Readonly<Record<string, string>> = {
  builder_pubkey: "builder_pubkey",
  gas_used: "gas_used",
  block_number: "timestamp",
  optimistic_submission: "optimistic_submission",
};

// How often symbols come, roughly, in lines of simulated and recorded relays; what is left out comes hardly ever.
const FIRST = codesOf({
  rare: 1,
  literals: { "0123456789": 40, abcde: 45, f: 30, '"': 70, "_:,": 20, ghiklmnoprstux: 12, "TZ.-vy{}\n": 3 },
  lengths: {},
  distances: {},
});
const OTHERS = codesOf({
  rare: 6,
  literals: { "0123456789": 5200, abcdef: 3400, Z: 600, '":,_.trusl': 20 },
  // By symbol, so that a relay's name may be longer or shorter.
  lengths: {
    8: 800,
    9: 500,
    11: 60,
    12: 170,
    13: 200,
    14: 150,
    18: 550,
    19: 560,
    20: 100,
    21: 440,
    22: 100,
    26: 700,
    27: 100,
    28: 450,
  },
  distances: {
    17: 20,
    18: 60,
    19: 3100,
    20: 60,
    21: 180,
    22: 110,
    23: 140,
    24: 100,
    25: 110,
    26: 130,
    27: 100,
    28: 130,
    29: 80,
  },
});

/** Puts the Huffman codes into the kernel's memory. */
export function putCodes(kernel: KernelExports): void {
  putSet(kernel, kernel.FIRST_CODES.value, FIRST);
  putSet(kernel, kernel.OTHER_CODES.value, OTHERS);
  const symbols = Buffer.from(kernel.memory.buffer, kernel.DISTANCE_SYMBOLS.value, 512);
  for (let symbol = 0; symbol < 30; symbol++) {
    const { base, extra } = distanceRange(symbol);
    for (let before = base - 1; before < base - 1 + 2 ** extra; before++)
      symbols[before < 256 ? before : 256 + (before >> 7)] = symbol;
  }
}

function putSet(kernel: KernelExports, at: number, { symbols, distances, header }: Codes): void {
  const view = new DataView(kernel.memory.buffer, at);
  const entry = (symbol: number) => {
    const { bits = 0, length = 0 } = symbols[symbol] ?? {};
    return bits | (length << 16);
  };
  for (let literal = 0; literal < 256; literal++) view.setUint32(4 * literal, entry(literal), true);
  view.setUint32(kernel.END_CODE.value, entry(256), true);
  for (let length = 3; length <= 258; length++) {
    const { symbol, base, extra } = lengthSymbol(length);
    const code = symbols[257 + symbol] ?? { bits: 0, length: 0 };
    const bits = code.bits | ((length - base) << code.length);
    view.setUint32(kernel.LENGTH_CODES.value + 4 * length, bits | ((code.length + extra) << 24), true);
  }
  distances.forEach(({ bits, length }, symbol) => {
    const { base, extra } = distanceRange(symbol);
    const own = kernel.DISTANCE_CODES.value + 8 * symbol;
    view.setUint32(own, bits | (length << 16) | (extra << 24), true);
    view.setUint32(own + 4, base, true);
  });
  view.setUint32(kernel.HEADER_BITS.value, header.bits, true);
  Buffer.from(kernel.memory.buffer, at + kernel.HEADER.value).set(header.bytes);
}

/** The distances of a symbol: RFC 1951 §3.2.5. */
function distanceRange(symbol: number): { base: number; extra: number } {
  const extra = symbol < 4 ? 0 : (symbol >> 1) - 1;
  return { base: symbol < 4 ? symbol + 1 : ((2 + (symbol & 1)) << extra) + 1, extra };
}

/** The symbol of a length, the least length that it has, and how many bits follow it: RFC 1951 §3.2.5. */
function lengthSymbol(length: number): { symbol: number; base: number; extra: number } {
  if (length === 258) return { symbol: 28, base: 258, extra: 0 };
  if (length < 11) return { symbol: length - 3, base: length, extra: 0 };
  const extra = Math.floor(Math.log2(length - 3)) - 2;
  const part = (length - 3) >> extra;
  return { symbol: 4 * extra + part, base: (part << extra) + 3, extra };
}
