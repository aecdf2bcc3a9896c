import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import test, { type ExecutionContext } from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { systemClock } from "../../runtime/chain/clock.ts";
import { DATASET_NAMES } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { isBad, type StoredChunk } from "../../runtime/lake/lake.ts";
import { silentLog } from "../../runtime/log.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { textOf } from "../../runtime/warehouse/cells.ts";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";
import { endedCommand } from "./command.ts";

/**
 * What the release before left: `run --relay lapwing --last 8 --now 1759999820` at commit 954e995. Taken back to it by hand once:
 * what this program had added was covered and loaded for it, and its `run` went on.
 */
const RELEASE = new URL("fixtures/release-954e995.tar.gz", import.meta.url);
const OLD = { first: 4_999_928, last: 4_999_935 };
const NOW = "1759999916";
const PLACES = ["--lake", "lake", "--warehouse", "simulated-1.duckdb"];

async function restored(t: ExecutionContext): Promise<string> {
  const folder = await newFolder(t);
  await promisify(execFile)("tar", ["-xzf", RELEASE.pathname, "-C", folder]);
  return folder;
}

const ended = (folder: string, args: readonly string[]) => endedCommand(folder, args, NOW);

function warehouseIn(folder: string) {
  return openDuckDb(join(folder, "simulated-1.duckdb"), simulatedNetwork(1), {
    clock: systemClock,
    log: silentLog,
  });
}

/** By table: its columns with their types, in their order. Read by DuckDB itself: the program wants a load first. */
async function columnsIn(folder: string): Promise<Map<string, string[]>> {
  const file = await DuckDBInstance.create(join(folder, "simulated-1.duckdb"), { access_mode: "READ_ONLY" });
  const connection = await file.connect();
  const result = await connection.runAndReadAll(
    `SELECT table_name, column_name || ' ' || data_type AS held FROM duckdb_columns()
WHERE NOT internal ORDER BY table_name, column_index`,
  );
  const tables = new Map<string, string[]>();
  for (const [name, column] of result.getRows())
    tables.set(textOf(name as string), [
      ...(tables.get(textOf(name as string)) ?? []),
      textOf(column as string),
    ]);
  connection.closeSync();
  file.closeSync();
  return tables;
}

async function chunksIn(folder: string): Promise<StoredChunk[]> {
  const lake = openFolderLake(join(folder, "lake"), "simulated-1");
  const found: StoredChunk[] = [];
  for (const name of DATASET_NAMES)
    for (const relay of await lake.relays(name))
      for await (const entry of lake.list(name, relay, { first: 0, last: 9_999_999_999 }))
        if (!isBad(entry)) found.push(entry);
  return found;
}

test("the lake and the DuckDB file of the release before are whole, and go on", async (t) => {
  t.timeout(240_000);
  const folder = await restored(t);
  const before = await ended(folder, [
    "coverage",
    "--json",
    "--format",
    "json",
    "--relay",
    "lapwing",
    "--lake",
    "lake",
  ]);
  const rows = JSON.parse(before.out) as { covered: number; rows: number; missing_ranges: number[][] }[];
  t.deepEqual(
    rows.map(({ covered }) => covered),
    [8, 8],
    before.said,
  );
  const held = rows.reduce((sum, { rows }) => sum + rows, 0);
  const { code, out, said } = await ended(folder, [
    "run",
    "--relay",
    "lapwing",
    "--last",
    "16",
    "--json",
    "--quiet",
    ...PLACES,
  ]);
  t.is(code, 0, said);
  const run = JSON.parse(out) as {
    loaded_rows: number;
    coverage: { covered: number; missing: number; rows: number; first_slot: number }[];
  };
  t.deepEqual(
    run.coverage.map(({ first_slot, covered, missing }) => [first_slot, covered, missing]),
    [
      [OLD.first, 16, 0],
      [OLD.first, 16, 0],
    ],
  );
  const all = run.coverage.reduce((sum, { rows }) => sum + rows, 0);
  t.is(run.loaded_rows, all - held, "what the release before loaded isn't loaded again");
  const warehouse = warehouseIn(folder);
  t.deepEqual(
    await warehouse.query(
      "SELECT ((SELECT sum(copies) FROM bids) + (SELECT sum(copies) FROM payloads))::BIGINT AS rows_held",
    ),
    [{ rows_held: String(all) }],
  );
  await warehouse.close();
});

test("what this program writes can be taken back to the release before: its columns come first, as they were, and chunks have its version", async (t) => {
  t.timeout(240_000);
  const folder = await restored(t);
  const [tables, chunks] = [await columnsIn(folder), await chunksIn(folder)];
  t.true(tables.size > 5 && chunks.length === 2);
  const { code, said } = await ended(folder, [
    "run",
    "--relay",
    "lapwing",
    "--last",
    "16",
    "--quiet",
    ...PLACES,
  ]);
  t.is(code, 0, said);
  const after = await columnsIn(folder);
  for (const [table, columns] of tables)
    t.deepEqual(after.get(table)?.slice(0, columns.length), columns, table);
  const later = await chunksIn(folder);
  let replaced = 0;
  for (const { object, meta, generation } of chunks) {
    const now = later.find((chunk) => chunk.object === object);
    t.true(now !== undefined && now.generation >= generation, object);
    if (now && now.generation > generation) replaced++;
    t.deepEqual(Object.keys(now?.meta ?? {}), Object.keys(meta), object);
    for (const slot of meta.covered.slots()) t.true(now?.meta.covered.has(slot), `${object}, slot ${slot}`);
  }
  t.is(replaced, 1, "the chunk of payloads has grown, that of bids was whole");
});
