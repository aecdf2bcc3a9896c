/** 0x and 64 hex digits. */
const HASH_LENGTH = 66;
/** Hashes that are checked at once: enough to pay for the copy, few enough for a small buffer. */
const AT_ONCE = 512;
const UNITS = HASH_LENGTH / 2;

const PREFIX = unitOf("0x");
/** 1 for two bytes that both are one of 0-9 and a-f, by the number that they make in memory. */
const IS_HEX_PAIR = hexPairs();

/**
 * Checks the hashes of many rows together: they are copied out of their strings by one native call and looked up two
 * characters at a time, which costs less than half of reading each string's characters in turn.
 */
export class HashBatch {
  readonly #bytes = new Uint8Array(HASH_LENGTH * AT_ONCE);
  readonly #units = new Uint16Array(this.#bytes.buffer);
  readonly #encoder = new TextEncoder();
  #text = "";
  #sound = true;

  /** Puts a hash to the others; false when it can't be one, by its type or length. */
  take(value: unknown): value is string {
    if (typeof value !== "string" || value.length !== HASH_LENGTH) return false;
    this.#text += value;
    if (this.#text.length >= this.#bytes.length) this.#check();
    return true;
  }

  /** Whether all hashes since the last call were 0x and 64 digits in lower case. */
  sound(): boolean {
    this.#check();
    const sound = this.#sound;
    this.#sound = true;
    return sound;
  }

  #check(): void {
    const text = this.#text;
    this.#text = "";
    // A character that takes several bytes pushes others out of their place, or out of the buffer.
    const { written } = this.#encoder.encodeInto(text, this.#bytes);
    if (written !== text.length || !wellFormed(this.#units, written / 2)) this.#sound = false;
  }
}

function wellFormed(units: Uint16Array, length: number): boolean {
  let sound = 1;
  for (let start = 0; start < length; start += UNITS) {
    if (units[start] !== PREFIX) return false;
    for (let i = start + 1; i < start + UNITS; i++) sound &= IS_HEX_PAIR[units[i] ?? 0] ?? 0;
  }
  return sound === 1;
}

/** Two characters as they lie in memory, whatever the machine's byte order. */
function unitOf(pair: string): number {
  return new Uint16Array(new TextEncoder().encode(pair).buffer)[0] ?? 0;
}

function hexPairs(): Uint8Array {
  const table = new Uint8Array(1 << 16);
  const digits = "0123456789abcdef".split("");
  for (const a of digits) for (const b of digits) table[unitOf(a + b)] = 1;
  return table;
}
