import type { Value } from "./warehouse.ts";

/** A value that the statement gives as text. Throws TypeError on any other. */
export function textOf(value: Value | undefined): string {
  if (typeof value !== "string") throw new TypeError(`not text, but ${JSON.stringify(value)}`);
  return value;
}

/** A value that the statement gives as an integer within 2^53. Throws TypeError on any other. */
export function integerOf(value: Value | undefined): number {
  const integer = typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(integer)) throw new TypeError(`not an integer, but ${JSON.stringify(value)}`);
  return integer;
}
