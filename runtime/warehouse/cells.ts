import type { DatasetName } from "../datasets/dataset.ts";
import type { DayCoverage, Value } from "./warehouse.ts";

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

/** A row of view `coverage`. */
export function dayCoverage(row: Readonly<Record<string, Value>>): DayCoverage {
  return {
    dataset: row["dataset"] as DatasetName,
    relay: textOf(row["relay"]),
    day: textOf(row["day"]),
    slots: integerOf(row["slots"]),
    covered: integerOf(row["covered"]),
    missing: integerOf(row["missing"]),
    unavailable: integerOf(row["unavailable"]),
    suspect: integerOf(row["suspect"]),
  };
}
