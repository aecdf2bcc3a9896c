/**
 * Small, fast, seeded randomness. Every fact of the simulated network is drawn from a generator of its own, seeded by
 * what the fact is about, so that it is the same in whatever order things are asked.
 */

/** Hashes integers to 32 bits (murmur3's mixing); integers beyond 32 bits count in full. */
export function mix(...parts: readonly number[]): number {
  let hash = 0x9747b28c;
  for (const part of parts) {
    hash = stir(hash, part | 0);
    hash = stir(hash, Math.floor(part / 0x1_0000_0000) | 0);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function stir(hash: number, part: number): number {
  const k = Math.imul(part, 0xcc9e2d51);
  const rolled = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((rolled << 13) | (rolled >>> 19), 5) + 0xe6546b64) | 0;
}

/** Hashes a text to 32 bits, as a part for `mix`. */
export function mixText(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = stir(hash, text.charCodeAt(i));
  return mix(hash, text.length);
}

/** A number from 0 to below 1 that depends only on the parts. */
export function unit(...parts: readonly number[]): number {
  return mix(...parts) / 0x1_0000_0000;
}

/** Where hex is made: one native call a text is cheaper than joining digits, and leaves one flat string. */
const scratch = Buffer.alloc(64);

/** The sfc32 generator (PractRand), which passes the usual batteries and costs a few nanoseconds a number. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(...parts: readonly number[]) {
    this.#a = mix(1, ...parts);
    this.#b = mix(2, ...parts);
    this.#c = mix(3, ...parts);
    for (let i = 0; i < 8; i++) this.u32();
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 to below 1. */
  unit(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** An integer from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }

  /** `0x` and that many hex digits: a multiple of 8, at most 128. */
  hex(digits: number): string {
    for (let at = 0; at < digits / 2; at += 4) scratch.writeUInt32BE(this.u32(), at);
    return `0x${scratch.toString("hex", 0, digits / 2)}`;
  }

  /** That many decimal digits, the first not 0. */
  digits(count: number): string {
    let text = String(1 + this.below(9));
    while (text.length < count) text += String(this.below(10));
    return text;
  }

  /** Approximately a standard normal (sum of 12 uniforms). */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.unit();
    return sum;
  }

  /** A shuffled copy. */
  shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const [a, b] = [copy[i], copy[j]];
      if (a !== undefined && b !== undefined) [copy[i], copy[j]] = [b, a];
    }
    return copy;
  }
}
