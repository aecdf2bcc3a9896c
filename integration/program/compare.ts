import { createHash } from "node:crypto";
import { type DatasetName, DATASET_NAMES } from "../../runtime/datasets/dataset.ts";
import { type Lake, isBad } from "../../runtime/lake/lake.ts";
import type { TableRow, Truth } from "../../runtime/simulator/truth.ts";
import { TIME_COLUMNS } from "../../runtime/warehouse/warehouse.testing.ts";
import type { Value, Warehouse } from "../../runtime/warehouse/warehouse.ts";

/** What was compared, and the first slots that differ from the truth, in words. */
export interface Comparison {
  readonly slots: number;
  readonly rows: number;
  readonly refused: number;
  readonly differences: readonly string[];
}

/** All rows, also of a table that wants its days named. */
const EVER = "block_timestamp > TIMESTAMP '2020-01-01 00:00:00'";

/** A slot as a lake had it when it was found to be as the truth has it. */
interface Agreed {
  readonly digest: string;
  readonly rows: number;
  readonly refused: number;
}

/** By truth, then by dataset, relay and slot: tests compare the same slots again and again. */
const agreed = new WeakMap<Truth, Map<string, Agreed>>();

/** Compares every covered slot of a lake, row by row and field by field, quarantine included, with the simulator's truth. */
export async function compareLake(lake: Lake, truth: Truth): Promise<Comparison> {
  const known = agreed.get(truth) ?? new Map<string, Agreed>();
  agreed.set(truth, known);
  return compareSlots(
    lake,
    truth,
    async (dataset, _relay, lines) => lines.map((line) => normal(dataset, counted(line))),
    known,
  );
}

/** Compares every covered slot, as the tables have it, with the simulator's truth. */
export async function compareTables(lake: Lake, warehouse: Warehouse, truth: Truth): Promise<Comparison> {
  const tables = new Map<string, Map<string, string[]>>();
  for (const dataset of DATASET_NAMES) {
    const slots = new Map<string, string[]>();
    for (const row of await warehouse.query(`SELECT * FROM ${dataset} WHERE ${EVER}`)) {
      const key = `${normalValue("relay", row["relay"])} ${normalValue("slot", row["slot"])}`;
      slots.set(key, [...(slots.get(key) ?? []), normal(dataset, row)]);
    }
    tables.set(dataset, slots);
  }
  const comparison = await compareSlots(lake, truth, async (dataset, relay, _lines, slot) => {
    const key = `${relay} ${slot}`;
    const rows = tables.get(dataset)?.get(key) ?? [];
    tables.get(dataset)?.delete(key);
    return rows;
  });
  const uncovered = [...tables].flatMap(([dataset, slots]) =>
    [...slots.keys()].map((key) => `${dataset} ${key}: rows, but not covered`),
  );
  return { ...comparison, differences: [...comparison.differences, ...uncovered] };
}

async function compareSlots(
  lake: Lake,
  truth: Truth,
  rowsOf: (dataset: DatasetName, relay: string, lines: readonly string[], slot: number) => Promise<string[]>,
  known?: Map<string, Agreed>,
): Promise<Comparison> {
  let slots = 0;
  let rows = 0;
  let refused = 0;
  const differences: string[] = [];
  for (const dataset of DATASET_NAMES) {
    for (const relay of await lake.relays(dataset)) {
      for await (const entry of lake.list(dataset, relay, { first: 0, last: 9_999_999_999 })) {
        if (isBad(entry)) throw new Error(entry.fault);
        const content = await lake.read(entry.chunk);
        const quarantine = (await lake.readQuarantine(entry.chunk)).lines;
        for (const slot of entry.meta.covered.slots()) {
          slots++;
          const key = `${dataset} ${relay} ${slot}`;
          const lines = content?.lines.get(slot) ?? [];
          const gotRefused = quarantine
            .filter((line) => line.slot === slot)
            .map(({ raw, copies }) => `${copies} ${raw}`);
          const digest = createHash("sha256")
            .update(JSON.stringify([lines, gotRefused]))
            .digest("base64");
          const before = known?.get(key);
          if (before?.digest === digest) {
            rows += before.rows;
            refused += before.refused;
            continue;
          }
          const expected = truth.expected(dataset, relay, slot);
          const want = expected.rows.map((row) => normal(dataset, row));
          const got = await rowsOf(dataset, relay, lines, slot);
          const wantRefused = expected.quarantine.map(({ raw, copies }) => `${copies} ${raw}`);
          rows += want.length;
          refused += wantRefused.length;
          const sameRows = sameSet(merged(got), want);
          const sameRefused = sameSet(gotRefused, wantRefused);
          if (!sameRows) differences.push(`${key}: ${got.length} rows, not the ${want.length} of the truth`);
          if (!sameRefused)
            differences.push(`${key}: ${gotRefused.length} refused, not ${wantRefused.length}`);
          if (sameRows && sameRefused)
            known?.set(key, { digest, rows: want.length, refused: wantRefused.length });
        }
      }
    }
  }
  return { slots, rows, refused, differences };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join("\n") === b.toSorted().join("\n");
}

/** Equal lines of the lake as one row with its copies; rows of a table are merged already. */
function merged(rows: readonly string[]): string[] {
  const copies = new Map<string, number>();
  for (const row of rows) copies.set(row, (copies.get(row) ?? 0) + 1);
  return Array.from(copies, ([row, count]) =>
    count === 1 ? row : row.replace('"copies":"1"', `"copies":"${count}"`),
  );
}

function counted(line: string): Record<string, Value> {
  const row: unknown = JSON.parse(line);
  if (typeof row !== "object" || row === null) throw new Error(`not a row: ${line}`);
  return { ...row, copies: "1" };
}

/** A row as text that doesn't depend on who wrote it: sorted keys, times in RFC 3339, numbers as text, without `reorged`. */
function normal(dataset: DatasetName, row: TableRow | Record<string, Value>): string {
  const members: Record<string, string | boolean | null> = {};
  for (const name of Object.keys(row).sort())
    if (name !== "reorged") members[name] = normalValue(name, row[name]);
  return `${dataset} ${JSON.stringify(members)}`;
}

function normalValue(name: string, value: Value | undefined): string | boolean | null {
  if (value === null || value === undefined || typeof value === "boolean") return value ?? null;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (!TIME_COLUMNS.has(name)) return text;
  return new Date(text.includes("T") ? text : `${text.replace(" ", "T")}Z`).toISOString();
}
