import { isLosslessNumber, parse } from "lossless-json";

/** Nesting beyond this is no relay's answer: rows are flat, unknown fields a few levels deep. */
const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The digits of a JSON number as the sender wrote them, or undefined when they aren't known exactly. */
export function exactNumberText(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  return isLosslessNumber(value) ? value.value : undefined;
}

/** Parses JSON with every number as the text it was sent as; several times slower than JSON.parse. Throws SyntaxError. */
export function parseLossless(text: string): unknown {
  return parse(text);
}

/** True when a parsed value holds a number that may have lost digits in a double. */
export function hasInexactNumber(value: unknown): boolean {
  if (typeof value === "number") return !Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasInexactNumber);
}

/** JSON with the keys of every object sorted, numbers with the digits they were sent with. */
export function canonicalJson(value: unknown): string {
  if (isLosslessNumber(value)) return value.value;
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  return `{${canonicalMembers(value).join(",")}}`;
}

/** The members of an object in the order and form in which `canonicalJson` writes them. */
export function canonicalMembers(object: object): string[] {
  const members = Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
}

/**
 * True when JSON text nests deeper than any relay's answer; such a text would cost a parser hundreds of times its bytes.
 * Doesn't check the syntax. A flat array of flat objects, which nearly all answers are, is seen by native searches.
 */
export function nestsTooDeep(body: Buffer): boolean {
  if (isFlatList(body)) return false;
  let depth = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) i = stringEnd(body, i);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}

/** True when the text opens one array, and objects only where an element of it may begin. */
function isFlatList(body: Buffer): boolean {
  if (body[0] !== OPEN_ARRAY || body.includes(OPEN_ARRAY, 1)) return false;
  for (let at = body.indexOf(OPEN_OBJECT); at !== -1; at = body.indexOf(OPEN_OBJECT, at + 1)) {
    const before = body[at - 1];
    if (before !== COMMA && before !== OPEN_ARRAY) return false;
  }
  return true;
}

/** The index of the quote that ends the string which starts at `start`; the end of the text when there is none. */
function stringEnd(body: Buffer, start: number): number {
  let i = start + 1;
  while (i < body.length && body[i] !== QUOTE) i += body[i] === BACKSLASH ? 2 : 1;
  return i;
}

/** The text of a member of a JSON object as it was sent; undefined where the text isn't one with just one such member. */
export function memberText(body: Buffer, name: string): Buffer | undefined {
  try {
    // Refuses what stands twice, too.
    const object = parse(body.toString());
    if (typeof object !== "object" || object === null || !Object.hasOwn(object, name)) return undefined;
  } catch {
    return undefined;
  }
  const members = elementTexts(body);
  const key = members.find((text) => JSON.parse(text.slice(0, keyEnd(text))) === name) ?? "";
  return Buffer.from(key.slice(key.indexOf(":", keyEnd(key)) + 1).trim());
}

/** Where the name that a member's text begins with ends. */
function keyEnd(member: string): number {
  return stringEnd(Buffer.from(member), 0) + 1;
}

/** The texts of an array's elements as they were sent, white space around them left out. `body` is valid JSON. */
export function elementTexts(body: Buffer): string[] {
  const texts: string[] = [];
  let depth = 0;
  let start = 0;
  const take = (end: number) => {
    const text = body.toString("utf8", start, end).trim();
    if (text !== "") texts.push(text);
  };
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) i = stringEnd(body, i);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (++depth === 1) start = i + 1;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      if (--depth === 0) take(i);
    } else if (byte === COMMA && depth === 1) {
      take(i);
      start = i + 1;
    }
  }
  return texts;
}
