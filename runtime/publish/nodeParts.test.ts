import { DuckDBInstance } from "@duckdb/node-api";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { DATASET_NAMES, type DatasetName, datasets, lakeColumns } from "../datasets/dataset.ts";
import type { Column } from "../datasets/definition.ts";
import { examples } from "../seeds.testing.ts";
import { recordsOf } from "../warehouse/duckdb/duckdbCells.ts";
import { ParquetParts } from "../warehouse/duckdb/parquetParts.ts";
import { NodeParts, pageCodec } from "./nodeParts.ts";
import { bidsOf, dayRange, newPlace, tablesOf, twoDays } from "./publish.testing.ts";
import { verifyPublished } from "./verify.ts";
import { expectedTableRows, newFolder, put, tableRows } from "../warehouse/warehouse.testing.ts";

/** What a lake's line may hold in a column, few values and many. */
function textFor({ type, field, name }: Column): fc.Arbitrary<string | boolean | null> {
  const digits = (most: bigint) => fc.bigInt({ min: 0n, max: most }).map(String);
  const some = (text: fc.Arbitrary<string>) => fc.oneof(fc.constantFrom("0x00", "0xff"), text);
  const value = {
    INT64: fc.oneof(digits(3n), digits(2n ** 63n - 1n)),
    NUMERIC: fc.oneof(digits(3n), digits(10n ** 29n - 1n)),
    TIMESTAMP: fc.oneof(
      fc.constant("2025-10-09T00:00:11.000Z"),
      fc
        .tuple(fc.integer({ min: 0, max: 4_000_000_000 }), fc.integer({ min: 0, max: 999_999 }))
        .map(([s, us]) => `${new Date(s * 1000).toISOString().slice(0, 19)}.${String(us).padStart(6, "0")}Z`),
    ),
    BOOL: fc.boolean(),
    FLOAT64: fc.constant("1.5"),
    STRING: some(
      name === "extra" || field?.format === "text"
        ? fc.string({ unit: "grapheme", maxLength: 300 })
        : fc.stringMatching(/^0x[0-9a-f]{8}$/),
    ),
  }[type];
  return fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) });
}

/** Slots of lines of a dataset: some empty of values, some with `copies`. */
function linesOfSlots(dataset: DatasetName): fc.Arbitrary<Buffer[]> {
  const columns = lakeColumns(datasets[dataset]);
  const row = fc.record(Object.fromEntries(columns.map((column) => [column.name, textFor(column)])));
  const line = fc
    .tuple(row, fc.option(fc.integer({ min: 2, max: 9 }), { nil: undefined }))
    .map(([cells, copies]) => `${JSON.stringify({ ...cells, copies })}\n`);
  return fc.array(
    fc.array(line, { minLength: 1, maxLength: 40 }).map((lines) => Buffer.from(lines.join(""))),
    { maxLength: 5 },
  );
}

async function duckdb(t: ExecutionContext) {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const parts = await ParquetParts.open();
  const folder = await newFolder(t);
  t.teardown(async () => {
    connection.closeSync();
    instance.closeSync();
    await parts.close();
  });
  const told = async (part: Buffer, query: (file: string) => string) => {
    const file = join(folder, "part");
    await writeFile(file, part);
    return recordsOf(connection, query(`'${file}'`));
  };
  return { parts, told };
}

test("a part has the rows, types and names that DuckDB's has, whatever the lines hold", async (t) => {
  const { parts, told } = await duckdb(t);
  const own = new NodeParts();
  const rows = (file: string) =>
    `SELECT COLUMNS(*)::VARCHAR FROM read_parquet(${file}, file_row_number = true) ORDER BY file_row_number`;
  const types = (file: string) => `DESCRIBE SELECT * FROM read_parquet(${file})`;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...DATASET_NAMES).chain((name) => fc.tuple(fc.constant(name), linesOfSlots(name))),
      async ([name, lines]) => {
        const [part, theirs] = [
          await own.part(datasets[name], lines),
          await parts.part(datasets[name], lines),
        ];
        for (const query of [rows, types]) t.deepEqual(await told(part, query), await told(theirs, query));
        t.true(part.equals(await own.part(datasets[name], lines)));
      },
    ),
    { numRuns: examples(40) },
  );
});

test("statistics bound what a row group holds, so that a query finds each row by its value", async (t) => {
  const { told } = await duckdb(t);
  const own = new NodeParts();
  await fc.assert(
    fc.asyncProperty(linesOfSlots("bids"), async (lines) => {
      const part = await own.part(datasets.bids, lines);
      const rows = lines.flatMap((slot) => slot.toString().trimEnd().split("\n"));
      for (const column of ["value", "gas_used", "block_hash", "extra"]) {
        const [first] = rows.map((row) => (JSON.parse(row) as Record<string, string | null>)[column]);
        if (typeof first !== "string") continue;
        const text = `'${first.replaceAll("'", "''")}'`;
        const equal = rows.filter((row) => (JSON.parse(row) as Record<string, unknown>)[column] === first);
        const typed = { value: `${text}::DECIMAL(38,0)`, gas_used: `${text}::BIGINT` }[column] ?? text;
        const query = (file: string) =>
          `SELECT count(*)::INTEGER AS n FROM read_parquet(${file}) WHERE ${column} = ${typed}`;
        t.deepEqual(await told(part, query), [{ n: equal.length }], `${column} ${first}`);
      }
    }),
    { numRuns: examples(40) },
  );
});

test("a part of more rows than a row group takes has several", async (t) => {
  const { told } = await duckdb(t);
  const line = (slot: number) =>
    Buffer.from(`{"relay":"one","slot":"${slot}","value":"${slot}"}\n`.repeat(1000));
  const part = await new NodeParts().part(
    datasets.bids,
    Array.from({ length: 70 }, (_, index) => line(index)),
  );
  const groups = (file: string) =>
    `SELECT row_group_num_rows::INTEGER AS n, stats_min_value AS least, stats_max_value AS most
     FROM parquet_metadata(${file}) WHERE path_in_schema = 'slot' ORDER BY row_group_id`;
  t.deepEqual(await told(part, groups), [
    { n: 65_536, least: "0", most: "65" },
    { n: 4464, least: "65", most: "69" },
  ]);
  t.deepEqual(await told(part, (file) => `SELECT sum(value)::INTEGER AS sum FROM read_parquet(${file})`), [
    { sum: (1000 * 69 * 70) / 2 },
  ]);
});

test("pages are Zstandard's where Node.js has it", async (t) => {
  const { told } = await duckdb(t);
  const part = await new NodeParts().part(datasets.bids, [Buffer.from('{"relay":"one","slot":"1"}\n')]);
  const [found] = await told(part, (file) => `SELECT DISTINCT compression FROM parquet_metadata(${file})`);
  t.is(found?.["compression"], pageCodec().number === 6 ? "ZSTD" : "GZIP");
});

test("days that it publishes are the lake's, verify, and are the same content as DuckDB's", async (t) => {
  const [own, other] = [await newPlace(t), await newPlace(t)];
  for (const { lake } of [own, other]) await twoDays(lake);
  const openParts = async () => new NodeParts();
  const [mine, theirs] = [await own.published({ openParts }), await other.published()];
  const told = (outcomes: typeof mine) =>
    outcomes.map(({ dataset, date, entry }) => [dataset, date, entry?.rows, entry?.content]);
  t.deepEqual(told(mine), told(theirs));
  const tables = await tablesOf(t, own.out);
  for (const dataset of ["bids", "payloads"] as const)
    t.deepEqual(await tableRows(tables, dataset), await expectedTableRows(own.lake, dataset));
  for await (const { differences } of verifyPublished(own.source, own.store)) t.deepEqual(differences, []);
  t.deepEqual(
    new Set((await own.published()).map(({ outcome }) => outcome)),
    new Set(["unchanged"]),
    "whoever wrote a day, the other finds it written",
  );
  await put(own.lake, own.source.network, "bids", "two", { rows: bidsOf(dayRange.first + 32, [2, 6, 0, 1]) });
  const [, changed] = await own.published({ openParts });
  t.deepEqual([changed?.outcome, changed?.entry?.revision], ["published", 1]);
});
