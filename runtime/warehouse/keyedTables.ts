import { type Table, horizonsTable, paymentsTable, relaysTable, rereadsTable } from "../datasets/tables.ts";

/** A table that is brought up to date row by row; rows that aren't named stay as they were. */
export interface KeyedTable {
  readonly table: Table;
  /** How many of its first columns tell rows apart. */
  readonly keys: number;
}

/** Table relays, a row a relay. */
export const keyedRelays: KeyedTable = { table: relaysTable, keys: 1 };
/** Table horizons, a row a dataset and relay. */
export const keyedHorizons: KeyedTable = { table: horizonsTable, keys: 2 };
/** Table rereads, a row a dataset, relay and day. */
export const keyedRereads: KeyedTable = { table: rereadsTable, keys: 3 };

/** Table payments, a row a delivered payload. */
export const keyedPayments: KeyedTable = { table: paymentsTable, keys: 3 };

/** Values in the table's order. */
export type RowValues = readonly (string | number | null)[];

/** The rows that a table is to have, and the objects of the lake that couldn't be read for them. */
export interface TableRows {
  readonly rows: readonly RowValues[];
  readonly failed: readonly { readonly object: string; readonly error: string }[];
}

/** The key of a row, as one text. */
export function keyOf({ keys }: KeyedTable, row: RowValues): string {
  return row.slice(0, keys).map(String).join(" ");
}

/** Those of the rows that the table lacks or has with other values; `before` are its rows, integers as text or not. */
export function changedRows(
  keyed: KeyedTable,
  rows: readonly RowValues[],
  before: Iterable<RowValues>,
): RowValues[] {
  const lineOf = (row: RowValues) => JSON.stringify(row.map((value) => value?.toString() ?? null));
  const known = new Map<string, string>();
  for (const row of before) known.set(keyOf(keyed, row), lineOf(row));
  return rows.filter((row) => known.get(keyOf(keyed, row)) !== lineOf(row));
}
