import type { Value } from "../warehouse.ts";

/** A row of a statement's result. */
export type ResultRow = Readonly<Record<string, Value>>;

/** A column of text. Throws TypeError on any other. */
export function textIn(row: ResultRow, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`${column} is not text, but ${JSON.stringify(value)}`);
  return value;
}

/** A number; integers come as text. Throws TypeError where there is none. */
export function numberIn(row: ResultRow, column: string): number {
  const value = row[column];
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number))
    throw new TypeError(`${column} is not a number, but ${JSON.stringify(value)}`);
  return number;
}

/** The same where NULL stands for nothing. */
export function numberOrNull(row: ResultRow, column: string): number | null {
  return (row[column] ?? null) === null ? null : numberIn(row, column);
}

/** The sum of a figure over things. */
export function sumOf<T>(things: Iterable<T>, figure: (thing: T) => number): number {
  let sum = 0;
  for (const thing of things) sum += figure(thing);
  return sum;
}

/** Things by a key, keys in the order in which they are met. */
export function groupBy<T, K>(things: Iterable<T>, key: (thing: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const thing of things) {
    const group = groups.get(key(thing));
    if (group) group.push(thing);
    else groups.set(key(thing), [thing]);
  }
  return groups;
}

/** A value and how often it was met. */
export interface Counted {
  readonly value: number;
  readonly count: number;
}

/** The smallest value that at least a share `p` of all doesn't exceed; null where there is none. */
export function quantileOf(counted: readonly Counted[], p: number): number | null {
  const total = sumOf(counted, ({ count }) => count);
  if (total === 0) return null;
  let seen = 0;
  for (const { value, count } of counted.toSorted((a, b) => a.value - b.value)) {
    seen += count;
    if (count > 0 && seen >= p * total) return value;
  }
  return null;
}
