import { type Network, SECONDS_PER_SLOT, SLOTS_PER_EPOCH } from "../../chain/networks.ts";
import { joinedRuns, type SlotRange, slotStartMs } from "../../chain/slots.ts";
import { payloads } from "../../datasets/payloads.ts";
import { canonicalBlocksTable, loadTables, rowTables } from "../../datasets/tables.ts";
import { printable, UserError } from "../../errors.ts";
import type { Query } from "./bigqueryJobs.ts";
import { guarded, type LoadPlaces, reorgedSql } from "./bigqueryLoadSql.ts";
import { columnName, type DatasetPlace, sqlTime, tableName } from "./bigquerySql.ts";
import type { CanonicalTable } from "../../chain/canonicalChain.ts";

const DAY_MS = 86_400_000;

/** The first slots of payload chunks that were loaded since a moment, or of all. Reads the ledger alone. */
export function loadedChunksQuery(place: DatasetPlace, loadedSince: number | undefined): Query {
  const since = loadedSince === undefined ? "" : ` WHERE loaded_at >= ${sqlTime(loadedSince)}`;
  return {
    sql: `SELECT DISTINCT first_slot FROM ${tableName(place, loadTables.payloads.name)}${since} ORDER BY first_slot`,
  };
}

/** Days, by number since 1970, as runs: both inclusive. */
export type DayRun = SlotRange;

/** The days of chunks, as runs. */
export function dayRuns(network: Network, firstSlots: readonly number[]): DayRun[] {
  const dayOf = (slot: number) => Math.floor(slotStartMs(network, slot) / DAY_MS);
  return joinedRuns(
    firstSlots.map((slot) => ({ first: dayOf(slot), last: dayOf(slot + payloads.chunkSlots - 1) })),
  );
}

const within = (column: string, runs: readonly DayRun[]): string =>
  runs
    .map(
      ({ first, last }) =>
        `(${column} >= ${sqlTime(first * DAY_MS)} AND ${column} < ${sqlTime((last + 1) * DAY_MS)})`,
    )
    .join(" OR ");

/** The slots, ascending, of payloads of these days that aren't settled. */
export function unsettledQuery(place: DatasetPlace, runs: readonly DayRun[]): Query {
  return {
    sql: `SELECT DISTINCT slot FROM ${tableName(place, rowTables.payloads.name)}
WHERE (${within("block_timestamp", runs)}) AND reorged IS NULL
ORDER BY slot`,
  };
}

/** The newest settled slot of a table of blocks, looked for from a slot on: two epochs behind its newest block. */
export function progressQuery(network: Network, source: CanonicalTable, from: number): Query {
  const { table, timestamp } = sourceNames(source);
  return {
    sql: `SELECT DIV((UNIX_SECONDS(MAX(${timestamp})) - ${network.genesis}), ${SECONDS_PER_SLOT}) - ${2 * SLOTS_PER_EPOCH} AS settled
FROM ${table}
WHERE ${timestamp} >= ${sqlTime(slotStartMs(network, from))}`,
  };
}

/** Brings the blocks of a range of slots from a table into canonical_blocks, and settles the payloads of the range. */
export function settleFromTable(
  places: LoadPlaces,
  network: Network,
  source: CanonicalTable,
  range: SlotRange,
): Query {
  const { table, timestamp, hash } = sourceNames(source);
  const { first, last } = range;
  const canonical = tableName(places.tables, canonicalBlocksTable.name);
  return script(places, network, range, {
    sql: `INSERT INTO ${canonical} (slot, block_hash)
SELECT wanted.slot, block.block_hash
FROM (SELECT slot FROM UNNEST(GENERATE_ARRAY(${first}, ${last})) AS slot) AS wanted
LEFT JOIN (
  SELECT DIV((UNIX_SECONDS(${timestamp}) - ${network.genesis}), ${SECONDS_PER_SLOT}) AS slot, LOWER(${hash}) AS block_hash
  FROM ${table}
  WHERE ${timestamp} >= ${sqlTime(slotStartMs(network, first))} AND ${timestamp} < ${sqlTime(slotStartMs(network, last + 1))}
) AS block
  ON block.slot = wanted.slot
WHERE wanted.slot NOT IN (SELECT slot FROM ${canonical} WHERE slot BETWEEN ${first} AND ${last})`,
  });
}

/** The same with blocks that a chain told, which need not be of all slots of the range. */
export function settleFromBlocks(
  places: LoadPlaces,
  network: Network,
  range: SlotRange,
  blocks: ReadonlyMap<number, string | null>,
): Query {
  const { first, last } = range;
  const canonical = tableName(places.tables, canonicalBlocksTable.name);
  return script(places, network, range, {
    sql: `INSERT INTO ${canonical} (slot, block_hash)
SELECT block.slot, block.block_hash
FROM UNNEST(@blocks) AS block
WHERE block.slot NOT IN (SELECT slot FROM ${canonical} WHERE slot BETWEEN ${first} AND ${last})`,
    parameters: {
      blocks: {
        fields: { slot: "INT64", block_hash: "STRING" },
        rows: Array.from(blocks, ([slot, block_hash]) => ({ slot, block_hash })),
      },
    },
  });
}

function script(places: LoadPlaces, network: Network, range: SlotRange, insert: Query): Query {
  const { first, last } = range;
  const canonical = tableName(places.tables, canonicalBlocksTable.name);
  const update = `UPDATE ${tableName(places.tables, rowTables.payloads.name)} SET reorged = ${reorgedSql(places.tables, range)}
WHERE block_timestamp >= ${sqlTime(slotStartMs(network, first))} AND block_timestamp < ${sqlTime(slotStartMs(network, last + 1))}
  AND reorged IS NULL AND slot IN (SELECT slot FROM ${canonical} WHERE slot BETWEEN ${first} AND ${last})`;
  const statements = [
    "BEGIN TRANSACTION",
    ...guarded(places, payloads),
    insert.sql,
    update,
    "COMMIT TRANSACTION",
  ];
  return { ...insert, sql: `${statements.join(";\n")};` };
}

/** Throws UserError on names that aren't. */
export function sourceNames({ table, timestamp_column: timestamp, hash_column: hash }: CanonicalTable) {
  if (!/^[A-Za-z0-9_:.-]+\.\w+\.\w+$/.test(table))
    throw new UserError(`not a table of blocks: "${printable(table)}"; give project.dataset.table`, {
      exitCode: 2,
    });
  for (const column of [timestamp, hash])
    if (!/^\w+$/.test(column))
      throw new UserError(`not a column of ${table}: "${printable(column)}"`, { exitCode: 2 });
  return { table: `\`${table}\``, timestamp: columnName(timestamp), hash: columnName(hash) };
}
