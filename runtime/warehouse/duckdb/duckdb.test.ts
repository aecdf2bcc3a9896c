import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import test, { type ExecutionContext } from "ava";
import { textOf } from "../cells.ts";
import { fixedDateClock } from "../../chain/clock.ts";
import { type Network, simulatedNetwork } from "../../chain/networks.ts";
import { type SlotRange, slotAt, slotStartMs } from "../../chain/slots.ts";
import { DATASET_NAMES, datasets, lakeColumns } from "../../datasets/dataset.ts";
import { bigquerySchema, DUCKDB_TYPES, duckdbDdl, lakeReadColumns } from "../../datasets/schema.ts";
import { allTables, rowTables } from "../../datasets/tables.ts";
import { type View, views } from "../../datasets/views.ts";
import type { Lake } from "../../lake/lake.ts";
import { openFolderLake } from "../../lake/folder/folder.ts";
import { lakeNetwork } from "../../lake/lake.testing.ts";
import { silentLog } from "../../log.ts";
import type { Warehouse } from "../warehouse.ts";
import { openDuckDb } from "./duckdb.ts";
import { open, place } from "./duckdb.testing.ts";
import { insertObjects, slotsPredicate } from "./duckdbLoadSql.ts";
import { expectedTableRows, newFolder, put, relayNamed, rowOf, tableRows } from "../warehouse.testing.ts";

test("one definition gives the DuckDB table, the BigQuery schema and what is read from the lake", async (t) => {
  const { lake, path } = await place(t, 1);
  const warehouse = open(path);
  await warehouse.load(lake, []);
  const types = {
    STRING: "VARCHAR",
    INT64: "BIGINT",
    NUMERIC: "DECIMAL(38,0)",
    TIMESTAMP: "TIMESTAMP",
    BOOL: "BOOLEAN",
    FLOAT64: "DOUBLE",
  };
  for (const table of allTables) {
    const columns = await warehouse.query(
      `SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE table_name = '${table.name}' ORDER BY column_index`,
    );
    t.deepEqual(
      columns,
      bigquerySchema(table).map(({ name, type, mode, description }) => ({
        column_name: name,
        data_type: types[type],
        is_nullable: mode === "NULLABLE",
        comment: description,
      })),
    );
    t.true(table.columns.every(({ description }) => description.length > 0));
    t.false(/PRIMARY KEY|UNIQUE|INDEX/.test(duckdbDdl(table).join()));
  }
  t.deepEqual(await warehouse.query("SELECT * FROM duckdb_indexes()"), []);
  for (const name of DATASET_NAMES) {
    const dataset = datasets[name];
    const read = [...lakeReadColumns(dataset).matchAll(/"(\w+)": /g)].map(([, column]) => column);
    t.deepEqual(
      read,
      lakeColumns(dataset).map((column) => column.name),
    );
    const wei = dataset.columns.filter(({ type }) => type === "NUMERIC").map((column) => column.name);
    t.true(wei.length > 0);
    for (const column of wei) t.true(lakeReadColumns(dataset).includes(`"${column}": 'VARCHAR'`));
    for (const repeats of [false, true]) {
      const what = { paths: ["it's"], compression: "gzip", predicate: undefined, repeats } as const;
      const sql = insertObjects(dataset, what);
      for (const column of wei)
        t.true(sql.includes(`"${column}"::HUGEINT::DECIMAL(38,0) AS "${column}"`), column);
      t.notRegex(sql, /DOUBLE|FLOAT/);
      t.true(sql.includes("['it''s']"));
      t.is(sql.includes("GROUP BY ALL"), repeats);
    }
  }
});

test("each view has the columns and types that its definition says", async (t) => {
  const { lake, path } = await place(t, 1);
  const warehouse = open(path);
  await warehouse.load(lake, []);
  for (const { name, columns } of Object.values<View>(views))
    t.deepEqual(
      await warehouse.query(
        `SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '${name}' ORDER BY column_index`,
      ),
      columns.map((column) => ({
        column_name: column.name,
        data_type: DUCKDB_TYPES[column.type],
      })),
      name,
    );
});

test("a file whose views are an earlier version's can be read, and the next load makes them anew", async (t) => {
  const { lake, path } = await place(t, 1);
  await open(path).load(lake, []);
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run("DROP VIEW bids_readable");
  await connection.run("CREATE OR REPLACE VIEW delivered AS SELECT relay, slot, value FROM payloads");
  connection.closeSync();
  instance.closeSync();
  const believed = "SELECT count(believed) AS known FROM delivered";
  t.deepEqual(await open(path).query("SELECT count(*) AS relays FROM relays"), [{ relays: "1" }]);
  await t.throwsAsync(open(path).query(believed), { message: /believed/ });
  await open(path).load(lake, []);
  t.deepEqual(await open(path).query(believed), [{ known: "0" }]);
  t.deepEqual(await open(path).query("SELECT count(*) AS bids FROM bids_readable"), [{ bids: "3" }]);
});

test("slots become runs, however they lie", (t) => {
  t.is(slotsPredicate([]), "false");
  t.is(
    slotsPredicate([
      { relay: "b", slots: [7] },
      { relay: "a", slots: [1, 2, 3, 9] },
      { relay: "a", slots: [10] },
    ]),
    "slot BETWEEN 1 AND 10 AND ((relay = 'a' AND slot BETWEEN 1 AND 3) OR (relay = 'a' AND slot BETWEEN 9 AND 10) OR (relay = 'b' AND slot BETWEEN 7 AND 7))",
  );
});

test("payloads are settled by block hash, and a reload leaves that as it is", async (t) => {
  const { lake, path } = await place(t, 0);
  const rows = (slots: readonly number[]) =>
    new Map(slots.map((slot) => [slot, [rowOf(slot, 1), rowOf(slot, 2)]]));
  await put(lake, lakeNetwork, "payloads", "one", { rows: rows([1, 2, 3]) });
  const warehouse = open(path);
  await warehouse.load(lake, []);
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  // In slot 1 the first payload's block; in slot 2 none; slot 3 isn't known yet; slot 9 has a hash of slot 3's.
  await connection.run(`INSERT INTO canonical_blocks VALUES (1, '${rowOf(1, 1)["block_hash"]}'), (2, NULL)`);
  connection.closeSync();
  instance.closeSync();
  const settled = [
    { slot: "1", value: "1", reorged: false },
    { slot: "1", value: "2", reorged: true },
    { slot: "2", value: "1", reorged: true },
    { slot: "2", value: "2", reorged: true },
    { slot: "3", value: "1", reorged: null },
    { slot: "3", value: "2", reorged: null },
  ];
  const read = () => warehouse.query("SELECT slot, value, reorged FROM payloads ORDER BY slot, value");
  await warehouse.load(lake, []);
  t.deepEqual(await read(), settled);
  await put(lake, lakeNetwork, "payloads", "one", { rows: rows([1, 2, 3]), revised: [1], revision: 1 });
  await warehouse.load(lake, []);
  t.deepEqual(await read(), settled);
  await warehouse.load(lake, [], { rebuild: true });
  t.deepEqual(await read(), settled);
});

test("a lake is read wherever it lies, also where DuckDB would take its path for a pattern", async (t) => {
  const { lake, folder } = await place(t, 1);
  const located = (root: string): Lake => {
    const locate = (object: string) => join(root, object);
    return Object.assign(Object.create(lake) as Lake, {
      url: root,
      network: lake.network,
      relays: lake.relays.bind(lake),
      list: lake.list.bind(lake),
      head: lake.head.bind(lake),
      read: lake.read.bind(lake),
      readRereads: lake.readRereads.bind(lake),
      locate,
    });
  };
  await mkdir(folder, { recursive: true });
  const names = ["o'lake", "l*ke", "l[a]ke", "l[ke", "l{a,b}ke", "l\\ke", "l?ke", "**"];
  for (const [index, name] of names.entries()) {
    await symlink(lake.url, join(folder, name));
    const warehouse = open(join(folder, `${index}.duckdb`));
    t.is((await warehouse.load(located(join(folder, name)), [])).rows, 3, name);
    t.deepEqual(await tableRows(warehouse, "bids"), await expectedTableRows(lake, "bids"), name);
  }
  // Where the engine can't go by itself, the rows come through a temporary file.
  const bucket = Object.assign(located(folder), { locate: (object: string) => `gs://bucket/${object}` });
  const remote = open(join(folder, "c.duckdb"));
  t.is((await remote.load(bucket, [])).rows, 3);
  t.deepEqual(await tableRows(remote, "bids"), await expectedTableRows(lake, "bids"));
});

const BIG = "98765432109876543210987654321";

/** Two bids in each slot, one of them of a value that no float holds. */
async function fillBids(lake: Lake, of: Network, relay: string, { first, last }: SlotRange): Promise<void> {
  const chunks = new Map<number, Map<number, ReturnType<typeof rowOf>[]>>();
  for (let slot = first; slot <= last; slot++) {
    const rows = chunks.get(slot - (slot % 32)) ?? new Map();
    chunks.set(slot - (slot % 32), rows.set(slot, [rowOf(slot, 2, { value: BIG }), rowOf(slot, 1)]));
  }
  for (const rows of chunks.values()) await put(lake, of, "bids", relay, { rows });
}

/** Every column has its type, wei are exact, and rows are in order. */
async function isExact(t: ExecutionContext, warehouse: Warehouse, path: string): Promise<void> {
  const parquet = `'${path.replaceAll("'", "''")}'`;
  const schema = await warehouse.query(
    `SELECT name, duckdb_type, logical_type FROM parquet_schema(${parquet}) WHERE num_children IS NULL`,
  );
  t.deepEqual(
    schema.map(({ name }) => name),
    rowTables.bids.columns.map(({ name }) => name),
  );
  const typeOf = (name: string) => schema.find((column) => column["name"] === name)?.["duckdb_type"];
  t.is(typeOf("value"), "DECIMAL(38,0)");
  t.is(typeOf("slot"), "BIGINT");
  t.is(typeOf("block_timestamp"), "TIMESTAMP WITH TIME ZONE");
  t.deepEqual(await warehouse.query(`SELECT DISTINCT compression FROM parquet_metadata(${parquet})`), [
    { compression: "ZSTD" },
  ]);
  const rows = await warehouse.query(
    `SELECT concat_ws(' ', relay, slot, builder_pubkey) AS place, value::VARCHAR AS value FROM ${parquet}`,
  );
  const places = rows.map(({ place: each }) => textOf(each));
  t.deepEqual(places, places.toSorted());
  t.is(rows.filter(({ value }) => value === BIG).length, 80);
}

test("a Parquet file a complete day: exact wei, UTC, in order; other days only when asked for", async (t) => {
  const network = simulatedNetwork(1);
  const border = slotAt(network, Date.UTC(2023, 10, 16) - 1) + 1;
  const root = await newFolder(t);
  const lake = openFolderLake(join(root, "lake"), network.name);
  const relays = [
    relayNamed("one", { collectFrom: border - 40 }),
    relayNamed("two", { collectFrom: border - 40 }),
  ];
  const fill = (relay: string, first: number, last: number) =>
    fillBids(lake, network, relay, { first, last });
  await fill("one", border - 40, border + 50);
  await fill("two", border - 40, border + 10);
  const now = slotStartMs(network, border + 100);
  const warehouse = openDuckDb(join(root, "one.duckdb"), network, {
    clock: fixedDateClock(now),
    log: silentLog,
  });
  await warehouse.load(lake, relays);
  const out = join(root, "it's out");
  const file = (name: string) => join(out, network.name, "bids", name);
  const summary = await warehouse.export(out, { datasets: DATASET_NAMES, partial: false });
  t.deepEqual(summary, {
    files: [{ path: file("2023-11-15.parquet"), rows: 160, complete: true }],
    incomplete: [{ dataset: "bids", day: "2023-11-16", missing: 40 }],
    pruned: [],
  });
  t.deepEqual(await readdir(file("..")), ["bids"]);
  t.deepEqual(await readdir(file(".")), ["2023-11-15.parquet"]);

  await isExact(t, warehouse, file("2023-11-15.parquet"));
  await warehouse.export(out, { datasets: ["bids"], partial: true });
  t.deepEqual((await readdir(file("."))).sort(), ["2023-11-15.parquet", "2023-11-16.partial.parquet"]);
  // One day later nothing is missing: the file of the part goes.
  await fill("two", border + 11, border + 50);
  await fill("one", border - 40, border + 7199);
  await fill("two", border - 40, border + 7199);
  const later = openDuckDb(join(root, "one.duckdb"), network, {
    clock: fixedDateClock(slotStartMs(network, border + 7250)),
    log: silentLog,
  });
  await later.load(lake, relays);
  t.deepEqual((await later.export(out, { datasets: ["bids"], partial: false })).incomplete, []);
  t.deepEqual((await readdir(file("."))).sort(), ["2023-11-15.parquet", "2023-11-16.parquet"]);
  // A day of which only a part is asked for isn't complete.
  const slots = { first: border, last: border + 9 };
  const part = await later.export(join(root, "part"), {
    datasets: ["bids"],
    relays: ["two"],
    slots,
    partial: true,
  });
  t.deepEqual(
    part.files.map(({ rows: count, complete }) => [count, complete]),
    [[20, false]],
  );
  await writeFile(join(root, "blocked"), "");
  await t.throwsAsync(later.export(join(root, "blocked"), { datasets: ["bids"], partial: true }), {
    name: "UserError",
    message: /^[^\n]*--out[^\n]*$/,
  });
});
