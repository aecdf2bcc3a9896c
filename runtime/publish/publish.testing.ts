import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { type Network, simulatedNetwork } from "../chain/networks.ts";
import { type SlotRange, slotsOfDay } from "../chain/slots.ts";
import { DATASET_NAMES, type DatasetName, datasets, publishedColumns } from "../datasets/dataset.ts";
import { duckdbDdl } from "../datasets/schema.ts";
import { rowTables } from "../datasets/tables.ts";
import { openFolderFiles } from "../lake/folder/folderFiles.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { isBad, type Lake } from "../lake/lake.ts";
import { recordsOf } from "../warehouse/duckdb/duckdbCells.ts";
import { ParquetParts } from "../warehouse/duckdb/parquetParts.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { newFolder, put, rowOf } from "../warehouse/warehouse.testing.ts";
import type { RelayDay } from "./catalog.ts";
import { type DayOutcome, publish } from "./publish.ts";

/** What the tests of publishing share: days of a lake, a place for their files, and these as tables. */

export const publishedNetwork: Network = simulatedNetwork(1);
export const DAY_MS = 86_400_000;
/** 2025-10-09. */
export const DAY = Date.UTC(2025, 9, 9) / DAY_MS;
export const dayRange: SlotRange = slotsOfDay(publishedNetwork, DAY);
export const nextRange: SlotRange = slotsOfDay(publishedNetwork, DAY + 1);
/** A week after the second of the days. */
export const LATE_MS = (DAY + 9) * DAY_MS;

/** Slots with so many bids each, of builders and values that tell them apart. */
export function bidsOf(first: number, counts: readonly number[], add = 0) {
  const rowsAt = (slot: number, count: number) =>
    Array.from({ length: count }, (_, number) => rowOf(slot, number + add));
  return new Map(counts.map((count, index) => [first + index, rowsAt(first + index, count)] as const));
}

/** A lake of two relays' bids in two days, some equal, some slots empty, and one chunk that lies in both days. */
export async function twoDays(lake: Lake): Promise<void> {
  const border = dayRange.last;
  const twice = rowOf(border, 1);
  const some = new Map([
    ...bidsOf(border - 2, [3, 0, 2, 1, 4]),
    [border, [twice, rowOf(border, 0), twice]] as const,
  ]);
  await put(lake, publishedNetwork, "bids", "one", { rows: some });
  await put(lake, publishedNetwork, "bids", "two", { rows: bidsOf(dayRange.first + 32, [2, 5, 0, 1]) });
  await put(lake, publishedNetwork, "bids", "two", { rows: bidsOf(dayRange.first + 640, [1, 1]) });
  await put(lake, publishedNetwork, "payloads", "two", { rows: bidsOf(dayRange.first + 640, [1, 0, 1]) });
}

/** What is had of a day where every slot that isn't covered is missing. */
export function countedIn(lake: Lake) {
  return async (dataset: DatasetName, range: SlotRange): Promise<RelayDay[]> => {
    const days: RelayDay[] = [];
    const slots = range.last - range.first + 1;
    for (const relay of await lake.relays(dataset)) {
      const count = { covered: 0, suspect: 0 };
      for await (const entry of lake.list(dataset, relay, range)) {
        if (isBad(entry)) continue;
        const inside = [...entry.meta.covered.slots()].filter(
          (slot) => slot >= range.first && slot <= range.last,
        );
        count.covered += inside.length;
        count.suspect += inside.filter((slot) => entry.meta.suspect.has(slot)).length;
      }
      const rest = { missing: slots - count.covered, unproven: 0, unavailable: 0 };
      days.push({ relay, state: "active", slots, ...count, ...rest });
    }
    return days;
  };
}

/** A lake with a place for its files. */
export async function newPlace(t: ExecutionContext) {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), publishedNetwork.name);
  const store = openFolderFiles(join(folder, "published"));
  const source = { lake, network: publishedNetwork };
  const published = async (more: Partial<Parameters<typeof publish>[0]> = {}): Promise<DayOutcome[]> => {
    const openParts = () => ParquetParts.open();
    const options = { ...source, store, nowMs: LATE_MS, coverage: countedIn(lake), openParts, ...more };
    const range = { first: dayRange.first, last: nextRange.last };
    return publish(options, ["payloads", "bids"], range);
  };
  return { folder, lake, store, source, out: join(folder, "published"), published };
}

/** The published files of a folder as the tables of a warehouse, to be asked and no more. */
export async function tablesOf(t: ExecutionContext, out: string): Promise<Warehouse> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  t.teardown(() => {
    connection.closeSync();
    instance.closeSync();
  });
  for (const name of DATASET_NAMES) {
    const files = `${out}/*/${name}/*/*.parquet`;
    const found = await recordsOf(connection, `SELECT file FROM glob('${files}')`);
    const times = publishedColumns(datasets[name]).filter(({ type }) => type === "TIMESTAMP");
    const replaced = times
      .map(({ name: column }) => `"${column}" AT TIME ZONE 'UTC' AS "${column}"`)
      .join(", ");
    if (found.length > 0)
      await connection.run(
        `CREATE VIEW ${name} AS SELECT * REPLACE (${replaced}) FROM read_parquet('${files}', hive_partitioning = false)`,
      );
    else for (const statement of duckdbDdl(rowTables[name])) await connection.run(statement);
  }
  return { query: (sql: string) => recordsOf(connection, sql) } as Partial<Warehouse> as Warehouse;
}
