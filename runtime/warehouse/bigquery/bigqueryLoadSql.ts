import { type Network } from "../../chain/networks.ts";
import { type SlotRange, slotStartMs } from "../../chain/slots.ts";
import { type Dataset, lakeColumns } from "../../datasets/dataset.ts";
import { canonicalBlocksTable, loadTables } from "../../datasets/tables.ts";
import type { Query } from "./bigqueryJobs.ts";
import type { ScalarType } from "./bigqueryParameters.ts";
import { columnList, type DatasetPlace, sqlText, sqlTime, tableName } from "./bigquerySql.ts";
import { type ChunkChange, type LedgerPart, STATE_COLUMNS } from "../ledger.ts";

/** Where a load's statements work. */
export interface LoadPlaces {
  readonly tables: DatasetPlace;
  readonly staging: DatasetPlace;
}

/** What a script raises when the ledger isn't what its chunks were compared with. */
export const LEDGER_MOVED = "the ledger has moved on";
/** What it raises when the guard has no row. */
export const GUARD_EMPTY = "the guard is empty";

/** A table of one row in the staging dataset, which every transaction on a dataset's tables updates. */
export function guardTable(dataset: Dataset): string {
  return `${dataset.name}_guard`;
}

/** The guard table's one column. */
export const guardColumn = "moved_at";

/** What a chunk brings, as a parameter: the ledger's columns, and which of its slots are taken. */
export const chunkFields: Readonly<Record<string, ScalarType>> = {
  relay: "STRING",
  first_slot: "INT64",
  last_slot: "INT64",
  object: "STRING",
  generation: "INT64",
  revision: "INT64",
  covered: "STRING",
  suspect: "STRING",
  rows: "INT64",
  quarantined: "INT64",
  error: "STRING",
  loaded_at: "TIMESTAMP",
  unproven: "STRING",
  quarantined_slots: "STRING",
  known_generation: "INT64",
  wanted: "STRING",
};

/** The part of a change that statements are made from. */
export type LedgerChange = Pick<ChunkChange, "after" | "before" | "remove" | "insert">;

/**
 * The transaction that brings chunks into table and ledger, from a staging table that holds their objects' rows (none is
 * read without it). It raises LEDGER_MOVED when the ledger isn't what the changes were worked out from, and inserts only slots
 * that the ledger lacks. Rows are only deleted for slots that were read again with other rows.
 *
 * Two transactions that only insert rows don't conflict in BigQuery, not even by MERGE; therefore each first updates the guard.
 */
export function loadScript(
  places: LoadPlaces,
  network: Network,
  dataset: Dataset,
  changes: readonly LedgerChange[],
  { stagingTable, loadedAt }: { readonly stagingTable: string | undefined; readonly loadedAt: string },
): Query {
  const chunks = changes.map(({ after: { chunk } }) => chunk);
  const range = {
    first: Math.min(...chunks.map(({ first }) => first)),
    last: Math.max(...chunks.map(({ first }) => first)),
  };
  const statements = [
    "BEGIN TRANSACTION",
    updateGuard(places, dataset),
    check(places, dataset, range),
    ...deletes(places, network, dataset, changes),
    ...(stagingTable === undefined ? [] : [insertRows(places, dataset, range, changes, stagingTable)]),
    ...replaceLedger(places, dataset, range, changes),
    "COMMIT TRANSACTION",
  ];
  return {
    sql: `${statements.join(";\n")};`,
    parameters: {
      chunks: { fields: chunkFields, rows: changes.map((change) => chunkValues(change, loadedAt)) },
    },
  };
}

function updateGuard({ staging }: LoadPlaces, dataset: Dataset): string {
  return `UPDATE ${tableName(staging, guardTable(dataset))} SET ${guardColumn} = CURRENT_TIMESTAMP() WHERE TRUE`;
}

/** How a transaction on a dataset's tables begins, so that it conflicts with every other one. */
export function guarded(places: LoadPlaces, dataset: Dataset): string[] {
  const guard = tableName(places.staging, guardTable(dataset));
  return [
    updateGuard(places, dataset),
    `SELECT IF(COUNT(*) > 0, 0, ERROR(${sqlText(GUARD_EMPTY)})) AS checked FROM ${guard}`,
  ];
}

function chunkValues({ after, before, insert }: LedgerChange, loadedAt: string) {
  const { chunk, covered, suspect, unproven, quarantinedSlots, ...rest } = after;
  const wanted = new Set(insert);
  const bits = Array.from({ length: chunk.last - chunk.first + 1 }, (_, index) =>
    wanted.has(chunk.first + index) ? "1" : "0",
  );
  return {
    relay: chunk.relay,
    first_slot: chunk.first,
    last_slot: chunk.last,
    ...rest,
    covered: covered.toString(),
    suspect: suspect.toString(),
    loaded_at: loadedAt,
    unproven: unproven?.toString() ?? null,
    quarantined_slots: quarantinedSlots?.toString() ?? null,
    known_generation: before?.generation ?? 0,
    wanted: bits.join(""),
  };
}

/** The part of the ledger that chunks with first slots in a range touch: literal bounds, so that no other is read. */
function touched(places: LoadPlaces, dataset: Dataset, { first, last }: SlotRange): string {
  const table = tableName(places.tables, loadTables[dataset.name].name);
  return `(SELECT relay, first_slot, generation, covered FROM ${table} WHERE first_slot BETWEEN ${first} AND ${last})`;
}

/** Raises what keeps the transaction from being right: nothing that would conflict, or another ledger. */
function check(places: LoadPlaces, dataset: Dataset, range: SlotRange): string {
  const guard = tableName(places.staging, guardTable(dataset));
  return `SELECT IF(
  (SELECT COUNT(*) FROM ${guard}) = 0,
  ERROR(${sqlText(GUARD_EMPTY)}),
  IF(COUNT(*) = 0, 0, ERROR(${sqlText(LEDGER_MOVED)}))
) AS checked
FROM UNNEST(@chunks) AS chunk
LEFT JOIN ${touched(places, dataset, range)} AS ledger
  ON ledger.relay = chunk.relay AND ledger.first_slot = chunk.first_slot
WHERE COALESCE(ledger.generation, 0) != chunk.known_generation`;
}

/** A statement a UTC day, since each bills every partition between its bounds. */
function deletes(
  places: LoadPlaces,
  network: Network,
  dataset: Dataset,
  changes: readonly LedgerChange[],
): string[] {
  const days = new Map<number, { readonly relay: string; first: number; last: number }[]>();
  for (const { after, remove } of changes)
    for (const slot of remove) {
      const day = Math.floor(slotStartMs(network, slot) / DAY_MS);
      const runs = days.get(day) ?? [];
      days.set(day, runs);
      const run = runs.at(-1);
      if (run?.relay === after.chunk.relay && run.last + 1 === slot) run.last = slot;
      else runs.push({ relay: after.chunk.relay, first: slot, last: slot });
    }
  return [...days].map(([day, runs]) => {
    const each = runs.map(
      ({ relay, first, last }) => `(relay = ${sqlText(relay)} AND slot BETWEEN ${first} AND ${last})`,
    );
    return `DELETE FROM ${tableName(places.tables, dataset.name)}
WHERE block_timestamp >= ${sqlTime(day * DAY_MS)} AND block_timestamp < ${sqlTime((day + 1) * DAY_MS)}
  AND (${each.join(" OR ")})`;
  });
}

const DAY_MS = 86_400_000;

function insertRows(
  places: LoadPlaces,
  dataset: Dataset,
  range: SlotRange,
  changes: readonly LedgerChange[],
  stagingTable: string,
): string {
  const columns = lakeColumns(dataset);
  const chunkFirst = `staged.slot - MOD(staged.slot, ${dataset.chunkSlots})`;
  const has = (bits: string): string => `SUBSTR(${bits}, staged.slot - chunk.first_slot + 1, 1) = '1'`;
  const lacking = `NOT IFNULL(${has("ledger.covered")}, FALSE)`;
  const replaced = changes.some(({ remove }) => remove.length > 0);
  const rows = `SELECT ${columnList(columns, "staged")}, COUNT(*) AS copies
FROM ${tableName(places.staging, stagingTable)} AS staged
JOIN UNNEST(@chunks) AS chunk
  ON chunk.relay = staged.relay AND chunk.first_slot = ${chunkFirst}
LEFT JOIN ${touched(places, dataset, range)} AS ledger
  ON ledger.relay = staged.relay AND ledger.first_slot = ${chunkFirst}
WHERE ${has("chunk.wanted")}
  AND ${replaced ? `(${lacking} OR ${replacedSlots(changes)})` : lacking}
GROUP BY ${columnList(columns, "staged")}`;
  const settled = dataset.columns.some(({ name }) => name === "reorged");
  const last = range.last + dataset.chunkSlots - 1;
  const select = settled
    ? `SELECT ${columnList(columns)}, copies, ${reorgedSql(places.tables, { ...range, last })} AS reorged\nFROM (${rows})`
    : rows;
  return `INSERT INTO ${tableName(places.tables, dataset.name)} (${columnList(dataset.columns)})\n${select}`;
}

/** The slots whose rows have just been deleted: the ledger still has them. */
function replacedSlots(changes: readonly LedgerChange[]): string {
  const each = changes.flatMap(({ after, remove }) =>
    remove.length === 0
      ? []
      : [`(staged.relay = ${sqlText(after.chunk.relay)} AND staged.slot IN (${remove.join(", ")}))`],
  );
  return each.join(" OR ");
}

/**
 * Whether a payload is reorged, as far as the canonical blocks of a range tell. By hash, never by number: a block of the same
 * number on another branch isn't canonical.
 */
export function reorgedSql(place: DatasetPlace, { first, last }: SlotRange): string {
  const known = `FROM ${tableName(place, canonicalBlocksTable.name)} WHERE slot BETWEEN ${first} AND ${last}`;
  return `CASE
  WHEN block_hash IN (SELECT block_hash ${known} AND block_hash IS NOT NULL) THEN FALSE
  WHEN slot IN (SELECT slot ${known}) THEN TRUE
END`;
}

/** Replaces the ledger's rows of the chunks; by MERGE it would be one statement, but says no more. */
function replaceLedger(
  places: LoadPlaces,
  dataset: Dataset,
  { first, last }: SlotRange,
  changes: readonly LedgerChange[],
): string[] {
  const { name, columns } = loadTables[dataset.name];
  const table = tableName(places.tables, name);
  const remove = `DELETE FROM ${table} AS ledger
WHERE ledger.first_slot BETWEEN ${first} AND ${last} AND EXISTS (
  SELECT 1 FROM UNNEST(@chunks) AS chunk
  WHERE chunk.relay = ledger.relay AND chunk.first_slot = ledger.first_slot
)`;
  const insert = `INSERT INTO ${table} (${columnList(columns)})
SELECT ${columnList(columns, "chunk")} FROM UNNEST(@chunks) AS chunk`;
  return changes.some(({ before }) => before !== undefined) ? [remove, insert] : [insert];
}

/** What the ledger has of a relay or of ranges, as far as is needed to see which objects are others; and its errors. */
export function generationsQuery(place: DatasetPlace, dataset: Dataset, part: LedgerPart): Query {
  const where =
    "relay" in part
      ? `relay = ${sqlText(part.relay)}`
      : part.ranges.map(({ first, last }) => `first_slot BETWEEN ${first} AND ${last}`).join(" OR ");
  return {
    sql: `SELECT ${STATE_COLUMNS}
FROM ${tableName(place, loadTables[dataset.name].name)} WHERE ${where || "FALSE"}`,
  };
}

/** The whole ledger rows of some chunks of a dataset. */
export function ledgerQuery(
  place: DatasetPlace,
  dataset: Dataset,
  chunks: readonly { readonly relay: string; readonly first: number }[],
): Query {
  const { name, columns } = loadTables[dataset.name];
  const first = Math.min(...chunks.map((chunk) => chunk.first));
  const last = Math.max(...chunks.map((chunk) => chunk.first));
  return {
    sql: `SELECT ${columnList(columns, "ledger")}
FROM ${tableName(place, name)} AS ledger
JOIN UNNEST(@chunks) AS chunk ON ledger.relay = chunk.relay AND ledger.first_slot = chunk.first_slot
WHERE ledger.first_slot BETWEEN ${first} AND ${last}`,
    parameters: {
      chunks: {
        fields: { relay: "STRING", first_slot: "INT64" },
        rows: chunks.map((chunk) => ({ relay: chunk.relay, first_slot: chunk.first })),
      },
    },
  };
}

/** Empties a dataset's table and ledger in one transaction. */
export function emptyScript(places: LoadPlaces, dataset: Dataset): Query {
  const tables = [dataset.name, loadTables[dataset.name].name].map((name) => tableName(places.tables, name));
  const statements = [
    "BEGIN TRANSACTION",
    ...guarded(places, dataset),
    ...tables.map((table) => `TRUNCATE TABLE ${table}`),
    "COMMIT TRANSACTION",
  ];
  return { sql: `${statements.join(";\n")};` };
}

/**
 * Takes rows and ledger of the chunks in runs of whole chunks out of a dataset's tables. Rows are bounded by their time too, so
 * that no other partition is read.
 */
export function forgetScript(
  places: LoadPlaces,
  network: Network,
  dataset: Dataset,
  chunks: readonly SlotRange[],
): Query {
  const within = (column: string, { first, last }: SlotRange) => `${column} BETWEEN ${first} AND ${last}`;
  const statements = chunks.flatMap((run) => [
    `DELETE FROM ${tableName(places.tables, dataset.name)}
WHERE block_timestamp >= ${sqlTime(slotStartMs(network, run.first))}
  AND block_timestamp <= ${sqlTime(slotStartMs(network, run.last))} AND ${within("slot", run)}`,
    `DELETE FROM ${tableName(places.tables, loadTables[dataset.name].name)} WHERE ${within("first_slot", run)}`,
  ]);
  return {
    sql: ["BEGIN TRANSACTION", ...guarded(places, dataset), ...statements, "COMMIT TRANSACTION"]
      .map((statement) => `${statement};`)
      .join("\n"),
  };
}

/**
 * Takes the rows of whole days out of a table. By itself, not in a transaction: BigQuery then drops whole partitions without reading
 * them. https://docs.cloud.google.com/bigquery/docs/using-dml-with-partitioned-tables
 */
export function pruneStatement({ tables }: LoadPlaces, dataset: Dataset, beforeMs: number): Query {
  return {
    sql: `DELETE FROM ${tableName(tables, dataset.name)} WHERE block_timestamp < ${sqlTime(beforeMs)}`,
  };
}
