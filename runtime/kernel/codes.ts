/** A Huffman code as deflate writes it: its bits, the first one lowest, and how many. */
interface Code {
  readonly bits: number;
  readonly length: number;
}

/** A set of codes, as the kernel takes them. */
export interface Codes {
  /** By symbol of RFC 1951 §3.2.5: literals, the end of a block, lengths. */
  readonly symbols: readonly Code[];
  readonly distances: readonly Code[];
  /** How a block with these codes begins. */
  readonly header: { readonly bytes: Buffer; readonly bits: number };
}

const END = 256;
const LENGTH_SYMBOLS = 29;
const DISTANCE_COUNT = 30;
/** What the kernel's four literals at a time bear, beside 7 bits that are left over. */
const LONGEST_CODE = 14;

/**
 * Codes for lines, by how often symbols come: literals by character, lengths and distances by symbol. Every symbol has a code,
 * so that any text can be written.
 */
export function codesOf({
  rare,
  ...weights
}: {
  /** Of what isn't named. */
  readonly rare: number;
  readonly literals: Readonly<Record<string, number>>;
  readonly lengths: Readonly<Record<number, number>>;
  readonly distances: Readonly<Record<number, number>>;
}): Codes {
  const literals = Array.from({ length: END + 1 }, () => rare);
  for (const [characters, weight] of Object.entries(weights.literals))
    for (const character of characters) literals[character.charCodeAt(0)] = weight;
  const lengths = Array.from({ length: LENGTH_SYMBOLS }, (_, symbol) => weights.lengths[symbol] ?? rare);
  const ofDistances = Array.from(
    { length: DISTANCE_COUNT },
    (_, symbol) => weights.distances[symbol] ?? rare,
  );
  const symbols = lengthsOf([...literals, ...lengths]);
  const distances = lengthsOf(ofDistances);
  return {
    symbols: canonicalCodes(symbols),
    distances: canonicalCodes(distances),
    header: headerOf(symbols, distances),
  };
}

/** How many bits each symbol's code has, by Huffman's algorithm. */
function lengthsOf(weights: readonly number[], longest = LONGEST_CODE): number[] {
  const lengths = weights.map(() => 0);
  let trees = weights.map((weight, symbol) => ({ weight, symbols: [symbol] }));
  while (trees.length > 1) {
    trees = trees.toSorted((a, b) => a.weight - b.weight || a.symbols.length - b.symbols.length);
    const [a, b, ...rest] = trees;
    if (!a || !b) break;
    const symbols = [...a.symbols, ...b.symbols];
    for (const symbol of symbols) lengths[symbol] = (lengths[symbol] ?? 0) + 1;
    trees = [...rest, { weight: a.weight + b.weight, symbols }];
  }
  if (lengths.some((length) => length > longest)) throw new RangeError("a code is too long");
  return lengths;
}

/** RFC 1951 §3.2.2: codes of one length follow each other, shorter ones come first. */
function canonicalCodes(lengths: readonly number[]): Code[] {
  const codes: Code[] = lengths.map((length) => ({ bits: 0, length }));
  let next = 0;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    lengths.forEach((own, symbol) => {
      if (own === length) codes[symbol] = { bits: reversed(next++, length), length };
    });
    next *= 2;
  }
  return codes;
}

function reversed(code: number, length: number): number {
  let bits = 0;
  for (let i = 0; i < length; i++) if (code & (1 << i)) bits |= 1 << (length - 1 - i);
  return bits;
}

/** RFC 1951 §3.2.7: the order in which lengths of codes for lengths of codes stand. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST_OF_LENGTHS = 7;
/** The symbol that repeats the length before, 3 to 6 times. */
const AGAIN = 16;

/** The begin of a block that isn't the last, with the codes that follow. */
function headerOf(symbols: readonly number[], distances: readonly number[]): Codes["header"] {
  const words = repeatedLengths([...symbols, ...distances]);
  const weights = Array.from(
    { length: ORDER.length },
    (_, i) => words.filter(({ symbol }) => symbol === i).length,
  );
  const used = weights.flatMap((weight, symbol) => (weight > 0 ? [symbol] : []));
  const lengths = weights.map(() => 0);
  lengthsOf(
    used.map((symbol) => weights[symbol] ?? 0),
    LONGEST_OF_LENGTHS,
  ).forEach((length, i) => (lengths[used[i] ?? 0] = length));
  const codes = canonicalCodes(lengths);
  const bits: string[] = [];
  const put = (value: number, length: number) => {
    for (let i = 0; i < length; i++) bits.push(String((value >> i) & 1));
  };
  put(0b100, 3);
  put(LENGTH_SYMBOLS, 5);
  put(DISTANCE_COUNT - 1, 5);
  put(ORDER.length - 4, 4);
  for (const symbol of ORDER) put(lengths[symbol] ?? 0, 3);
  for (const { symbol, times } of words) {
    const code = codes[symbol];
    put(code?.bits ?? 0, code?.length ?? 0);
    if (symbol === AGAIN) put(times - 3, 2);
  }
  const bytes = bits.join("").match(/.{1,8}/g) ?? [];
  return {
    bytes: Buffer.from(bytes.map((byte) => Number.parseInt(byte.split("").reverse().join(""), 2))),
    bits: bits.length,
  };
}

function repeatedLengths(lengths: readonly number[]): { symbol: number; times: number }[] {
  const words: { symbol: number; times: number }[] = [];
  for (let at = 0; at < lengths.length;) {
    const symbol = lengths[at] ?? 0;
    let run = 1;
    while (lengths[at + run] === symbol) run++;
    at += run;
    words.push({ symbol, times: 1 });
    for (let left = run - 1; left > 0;) {
      const times = Math.min(6, left);
      if (times >= 3) words.push({ symbol: AGAIN, times });
      else for (let i = 0; i < times; i++) words.push({ symbol, times: 1 });
      left -= times;
    }
  }
  return words;
}
