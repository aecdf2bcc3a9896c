/**
 * A set of slots of one chunk, written as the lake's metadata writes it: one `0` or `1` a slot, first slot first,
 * always of full length.
 */
export class SlotBits {
  readonly #first: number;
  readonly #bits: Uint8Array;

  private constructor(first: number, bits: Uint8Array) {
    this.#first = first;
    this.#bits = bits;
  }

  static empty(first: number, length: number): SlotBits {
    return new SlotBits(first, new Uint8Array(length));
  }

  /** Reads the written form; undefined when it isn't `length` characters of 0 and 1. */
  static parse(first: number, length: number, text: string | undefined): SlotBits | undefined {
    if (text === undefined || text.length !== length || !/^[01]*$/.test(text)) return undefined;
    return new SlotBits(
      first,
      Uint8Array.from(text, (c) => (c === "1" ? 1 : 0)),
    );
  }

  has(slot: number): boolean {
    return this.#bits[slot - this.#first] === 1;
  }

  /** A copy with the slot in or out. Throws RangeError when the slot isn't in the chunk. */
  with(slot: number, value = true): SlotBits {
    const index = slot - this.#first;
    if (index < 0 || index >= this.#bits.length)
      throw new RangeError(`slot ${slot} is outside the chunk at ${this.#first}`);
    const bits = this.#bits.slice();
    bits[index] = value ? 1 : 0;
    return new SlotBits(this.#first, bits);
  }

  get count(): number {
    return this.#bits.reduce((sum, bit) => sum + bit, 0);
  }

  /** The slots in the set, ascending. */
  *slots(): Generator<number> {
    for (let i = 0; i < this.#bits.length; i++) if (this.#bits[i] === 1) yield this.#first + i;
  }

  isSubsetOf(other: SlotBits): boolean {
    for (const slot of this.slots()) if (!other.has(slot)) return false;
    return true;
  }

  toString(): string {
    return Array.from(this.#bits, (bit) => (bit === 1 ? "1" : "0")).join("");
  }
}
