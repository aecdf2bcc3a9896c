import { slotRuns } from "../../chain/slots.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { lakeReadColumns, lakeSelectList, nameList, quotedName, quotedText } from "../../datasets/schema.ts";
import { canonicalBlocksTable, loadTables, type Table } from "../../datasets/tables.ts";
import type { LedgerRow } from "../ledger.ts";
import { groupBy } from "../sql/values.ts";

/** Slots of one relay. */
export interface RelaySlots {
  readonly relay: string;
  /** Ascending. */
  readonly slots: readonly number[];
}

type Literal = string | number | boolean | null;

/** A value as DuckDB's SQL writes it. */
export function literal(value: Literal): string {
  if (value === null) return "NULL";
  return typeof value === "string" ? quotedText(value) : String(value);
}

/** Inserts whole rows, columns in table order. */
export function insertRows(table: Table, rows: readonly (readonly Literal[])[]): string {
  const tuples = rows.map((row) => `(${row.map(literal).join(", ")})`);
  return `INSERT INTO ${quotedName(table.name)} (${nameList(table.columns)}) VALUES ${tuples.join(", ")}`;
}

/** True for exactly these slots of these relays. `false` for none. */
export function slotsPredicate(wanted: readonly RelaySlots[]): string {
  const byRelay = [...groupBy(wanted, ({ relay }) => relay)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const joined = byRelay.flatMap(([relay, parts]) =>
    slotRuns(parts.flatMap(({ slots }) => slots)).map((run) => ({ relay, ...run })),
  );
  if (joined.length === 0) return "false";
  const first = Math.min(...joined.map((run) => run.first));
  const last = Math.max(...joined.map((run) => run.last));
  const each = joined.map(
    (run) => `(relay = ${quotedText(run.relay)} AND slot BETWEEN ${run.first} AND ${run.last})`,
  );
  // The outer bounds let DuckDB pass over row groups that hold none of the slots.
  return `slot BETWEEN ${first} AND ${last} AND (${each.join(" OR ")})`;
}

/** A line is under 64 KiB; DuckDB's default of 16 MiB takes 32 MiB of buffer a thread. */
const MAX_LINE_BYTES = 1 << 20;

/** Lake objects, or parts of them, that go into a table. */
export interface ObjectRows {
  readonly paths: readonly string[];
  /** How they are compressed: as the lake does, or not at all. */
  readonly compression: "gzip" | "uncompressed";
  /** Leaves out rows that the table has; undefined when it has none. */
  readonly predicate: string | undefined;
  /** Whether some rows are equal: only then does DuckDB have to look for those. */
  readonly repeats: boolean;
}

/** Reads lake objects into a dataset's table, equal rows as one with `copies`. */
export function insertObjects(
  dataset: Dataset,
  { paths, compression, predicate, repeats }: ObjectRows,
): string {
  const source = [
    `[${paths.map(quotedText).join(", ")}]`,
    "format = 'newline_delimited'",
    `compression = '${compression}'`,
    `maximum_object_size = ${MAX_LINE_BYTES}`,
    `columns = ${lakeReadColumns(dataset)}`,
  ];
  const where = predicate === undefined ? "" : ` WHERE ${predicate}`;
  const from = `FROM read_json(${source.join(", ")})${where}`;
  const rows = repeats
    ? `SELECT ${lakeSelectList(dataset)}, count(*) AS copies ${from} GROUP BY ALL`
    : `SELECT ${lakeSelectList(dataset)}, 1 AS copies ${from}`;
  const settled = dataset.columns.some(({ name }) => name === "reorged");
  const select = settled ? `SELECT *, ${reorged} FROM (${rows})` : rows;
  return `INSERT INTO ${quotedName(dataset.name)} (${nameList(dataset.columns)}) ${select}`;
}

const { name: canonical } = canonicalBlocksTable;

/** By hash, never by number: a block of the same number on another branch isn't canonical. */
const reorged = `CASE
  WHEN block_hash IN (SELECT block_hash FROM ${canonical} WHERE block_hash IS NOT NULL) THEN false
  WHEN slot IN (SELECT slot FROM ${canonical}) THEN true
END`;

/** Settles the payloads whose slot the canonical chain has come to know since they were loaded. */
export const settleReorged = `UPDATE payloads SET reorged = ${reorged}
WHERE reorged IS NULL AND slot IN (SELECT slot FROM ${canonical})`;

/** Replaces ledger rows; `known` are those that the ledger has. `loadedAt`: RFC 3339. */
export function replaceLedger(
  dataset: Dataset,
  rows: readonly LedgerRow[],
  known: readonly LedgerRow[],
  loadedAt: string,
): string[] {
  const table = loadTables[dataset.name];
  const keys = known.map(({ chunk }) => `(${quotedText(chunk.relay)}, ${chunk.first})`);
  const remove = `DELETE FROM ${table.name} WHERE (relay, first_slot) IN (${keys.join(", ")})`;
  const insert = insertRows(
    table,
    rows.map((row) => {
      const { relay, first, last } = row.chunk;
      const object = [relay, first, last, row.object, row.generation, row.revision];
      const held = [row.covered.toString(), row.suspect.toString(), row.rows, row.quarantined];
      const later = [row.unproven, row.quarantinedSlots].map((bits) => bits?.toString() ?? null);
      return [...object, ...held, row.error, loadedAt, ...later];
    }),
  );
  return known.length > 0 ? [remove, insert] : [insert];
}
