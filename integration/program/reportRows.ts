// Rows of a warehouse as the report's tests count them: one by one, and by other means than the report's statements.
import { groupBy } from "../../runtime/warehouse/sql/values.ts";
import type { Value, Warehouse } from "../../runtime/warehouse/warehouse.ts";

export type Row = Readonly<Record<string, Value>>;

export function textAt(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== "string") throw new TypeError(`${name} is ${JSON.stringify(value)}`);
  return value;
}

export const number = (row: Row, name: string) => Number(row[name]);
/** Unix ms; not a number where there is no time. */
export const time = (value: Value | undefined) =>
  typeof value === "string" ? Date.parse(`${value.replace(" ", "T")}Z`) : Number.NaN;

/** The smallest of the values that at least so large a share of all doesn't exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

export const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
export const weiOf = (row: Row) => Number(textAt(row, "value"));
export const relaysOf = (rows: readonly Row[]) => new Set(rows.map((row) => textAt(row, "relay")));
/** All rows, and those of payloads by block. */
export interface Rows {
  readonly bids: readonly Row[];
  readonly payloads: readonly Row[];
  readonly blocks: ReadonlyMap<string, readonly Row[]>;
}

/** All rows of a warehouse. */
export async function allRows(warehouse: Warehouse): Promise<Rows> {
  const bids = await warehouse.query("SELECT * FROM bids");
  const payloads = await warehouse.query("SELECT * FROM payloads");
  return {
    bids,
    payloads,
    blocks: groupBy(payloads, (row) => `${textAt(row, "slot")} ${textAt(row, "block_hash")}`),
  };
}

export type Beliefs = ReturnType<typeof beliefsOf>;

/** What can be believed, by the words of belief.ts. */
export function beliefsOf({ bids, blocks }: Rows) {
  const bidsAt = groupBy(
    bids.filter((row) => weiOf(row) > 0),
    (row) => textAt(row, "slot"),
  );
  const usual = new Map(
    [...bidsAt].map(([slot, rows]) => [
      slot,
      Math.exp(sum(rows.map((row) => Math.log(weiOf(row)))) / rows.length),
    ]),
  );
  const stated = [...blocks].flatMap(([key, rows]) => {
    const values = rows.map(weiOf).filter((value) => value > 0);
    const [slot = "", hash = ""] = key.split(" ");
    const wei = Math.min(...values);
    return values.length === 0
      ? []
      : [
          {
            slot,
            hash,
            wei,
            parent: textAt(rows[0] ?? {}, "parent_hash"),
            relays: relaysOf(rows),
            believed: wei <= Math.min(1000 * (usual.get(slot) ?? Infinity), 1e22),
          },
        ];
  });
  const power = (wei: number) => Math.floor(Math.log(wei) / Math.LN2);
  const believedBids = new Map(
    [...bidsAt].map(([slot, rows]) => {
      const delivered = stated.filter((one) => one.slot === slot && one.believed).map(({ wei }) => wei);
      const ceiling = Math.max(20 * (usual.get(slot) ?? 0), ...delivered);
      return [slot, rows.filter((row) => power(weiOf(row)) <= power(ceiling))];
    }),
  );
  return { bidsAt, stated, believed: stated.filter((one) => one.believed), believedBids };
}
