import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import test, { type ExecutionContext } from "ava";
import { fixedDateClock } from "../../runtime/chain/clock.ts";
import { slotStartMs } from "../../runtime/chain/slots.ts";
import {
  datasets,
  lakeColumns,
  DATASET_NAMES,
  type DatasetName,
  forEachDataset,
} from "../../runtime/datasets/dataset.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import { lakeNetwork } from "../../runtime/lake/lake.testing.ts";
import { silentLog } from "../../runtime/log.ts";
import { openBigQuery } from "../../runtime/warehouse/bigquery/bigquery.ts";
import { exportFromBigQuery } from "../../runtime/warehouse/bigquery/bigqueryExport.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { parameterType, type ScalarType } from "../../runtime/warehouse/bigquery/bigqueryParameters.ts";
import {
  expectedTableRows,
  newFolder,
  put,
  relayNamed,
  rowOf,
  tableRows,
} from "../../runtime/warehouse/warehouse.testing.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { type Catalog, refusals, type Statement, warehouseCatalog } from "../googlesql/analyzer.ts";
import { startBoth } from "./bigqueryServers.ts";
import { type Passing, type Proxy, startProxy } from "./proxy.ts";

const servers = await startBoth();
test.after.always(() => servers.close());

const NOW = slotStartMs(lakeNetwork, 10_000);
const clock = fixedDateClock(NOW);
const rows = (slot: number, ...numbers: number[]) =>
  new Map([[slot, numbers.map((number) => rowOf(slot, number))]]);

/** A lake and a warehouse that has its tables, behind a proxy that keeps what is sent. */
async function start(t: ExecutionContext) {
  t.timeout(600_000);
  const proxy = await startProxy(servers.bigQuery.endpoint);
  t.teardown(() => proxy.close());
  const lake = await servers.lakes.open(t, lakeNetwork.name);
  const url = servers.newWarehouse();
  const open = (create = false): Warehouse =>
    openBigQuery(url, lakeNetwork, {
      clock,
      log: silentLog,
      emulator: proxy.endpoint,
      ...(create ? { create: { requirePartitionFilter: false } } : {}),
    });
  const warehouse = open(true);
  await warehouse.query("SELECT 1");
  const since = async (work: () => Promise<unknown>): Promise<Passing[]> => {
    const before = proxy.requests.length;
    await work();
    return proxy.requests.slice(before);
  };
  return { proxy, lake, url, warehouse, open, since };
}

interface SentJob {
  readonly jobReference: { readonly jobId: string; readonly location?: string };
  readonly configuration: {
    readonly load?: {
      readonly sourceUris: string[];
      readonly destinationTable: { readonly tableId: string };
    };
    readonly query?: {
      readonly query: string;
      readonly useLegacySql?: boolean;
      readonly maximumBytesBilled?: string;
      readonly queryParameters?: SentParameter[];
    };
    readonly labels?: Readonly<Record<string, string>>;
  };
}

interface SentParameter {
  readonly name: string;
  readonly parameterType: {
    readonly arrayType: {
      readonly structTypes: readonly {
        readonly name: string;
        readonly type: { readonly type: ScalarType };
      }[];
    };
  };
}

const isJob = ({ method, path }: Passing): boolean => method === "POST" && path.endsWith("/jobs");
const jobsOf = (requests: readonly Passing[]): SentJob[] =>
  requests.filter(isJob).map(({ json }) => JSON.parse(json) as SentJob);
const loadsOf = (requests: readonly Passing[]) => jobsOf(requests).filter((job) => job.configuration.load);
const textsOf = (requests: readonly Passing[]): string[] =>
  jobsOf(requests).flatMap(({ configuration: { query } }) => query?.query ?? []);

async function agrees(t: ExecutionContext, warehouse: Warehouse, lake: Lake): Promise<void> {
  for (const dataset of ["bids", "payloads"] as const)
    t.deepEqual(await tableRows(warehouse, dataset), await expectedTableRows(lake, dataset), dataset);
}

/** The statements among jobs and the tables that jobs load into; every job names location, price limit and network. */
function sentStatements(t: ExecutionContext, jobs: readonly SentJob[]) {
  const staged = forEachDataset(() => new Set<string>());
  const statements: Statement[] = [];
  for (const { jobReference, configuration } of jobs) {
    const { load, query, labels } = configuration;
    t.is(jobReference.location, "US");
    t.deepEqual(labels, { network: lakeNetwork.name });
    if (load) {
      const { tableId } = load.destinationTable;
      staged[stagedDataset(tableId)].add(tableId);
    }
    if (!query) continue;
    t.is(query.useLegacySql, false);
    t.is(query.maximumBytesBilled, "200000000000");
    const parameters = (query.queryParameters ?? []).map(({ name, parameterType: { arrayType } }) => {
      const fields = Object.fromEntries(arrayType.structTypes.map((field) => [field.name, field.type.type]));
      return [name, parameterType({ fields })] as const;
    });
    statements.push({
      name: jobReference.jobId,
      sql: query.query,
      parameters: Object.fromEntries(parameters),
    });
  }
  return { staged, statements };
}

test("what is sent: jobs name location, price limit and network; an ordinary load changes no row; GoogleSQL takes all of it", async (t) => {
  const { proxy, lake, url, warehouse, since } = await start(t);
  const [, , project = "", dataset = ""] = url.split("/");
  for (let slot = 0; slot < 96; slot += 32)
    await put(lake, lakeNetwork, "bids", "heron", { rows: rows(slot, 1, 2) });
  await put(lake, lakeNetwork, "payloads", "heron", { rows: rows(0, 1) });

  const ordinary = textsOf(await since(() => warehouse.load(lake, [relayNamed("heron")])));
  await put(lake, lakeNetwork, "bids", "heron", { rows: new Map([...rows(64, 1, 2), ...rows(65, 3)]) });
  const grown = textsOf(await since(() => warehouse.load(lake, [relayNamed("heron")])));
  for (const text of [...ordinary, ...grown]) {
    t.notRegex(text, /(DELETE\s+FROM|UPDATE|MERGE(\s+INTO)?|TRUNCATE\s+TABLE)\s+`[^`]*\.(bids|payloads)`/i);
    for (const statement of text.split(";\n").filter((each) => /^INSERT INTO `[^`]*\.bids`/.test(each))) {
      const read = [...statement.matchAll(/(?:FROM|JOIN) `[^`]+\.(\w+)`/g)].map(([, name]) => name);
      t.deepEqual(
        read.map((name) => name?.replace(/^etl_load_.*/, "staging")),
        ["staging", "bids_loads"],
      );
      t.regex(statement, /bids_loads` WHERE first_slot BETWEEN \d+ AND \d+/);
    }
  }
  t.is([...ordinary, ...grown].filter((text) => /INSERT INTO `[^`]*\.bids`/.test(text)).length, 2);

  // Ticks over settled slots: nothing but questions, none of them to bids or payloads.
  for (let tick = 0; tick < 3; tick++)
    for (const text of textsOf(await since(() => warehouse.load(lake, [relayNamed("heron")]))))
      t.regex(text, /^SELECT (?![^]*`[^`]*\.(bids|payloads)`)/);

  await put(lake, lakeNetwork, "bids", "heron", { rows: rows(0, 9), revised: [0], revision: 1 });
  const held = await since(() => warehouse.load(lake, [], { replace: false }));
  t.false(textsOf(held).some((text) => text.includes("DELETE")));
  const revised = textsOf(await since(() => warehouse.load(lake, [])));
  const deletes = revised
    .flatMap((text) => text.split(";\n"))
    .filter((text) => text.startsWith("DELETE FROM"));
  const [ofBids = ""] = deletes.filter((text) => text.includes(".bids`"));
  t.regex(
    ofBids,
    /^DELETE FROM `[^`]+\.bids`\nWHERE block_timestamp >= TIMESTAMP '2023-11-14 00:00:00\+00' AND block_timestamp < TIMESTAMP '2023-11-15 00:00:00\+00'\n {2}AND \(\(relay = 'heron' AND slot BETWEEN 0 AND 0\)\)$/,
  );
  await agrees(t, warehouse, lake);

  const chain = {
    settled: () => Promise.resolve(100),
    blocks: (slots: readonly number[]) => Promise.resolve(new Map(slots.map((slot) => [slot, null]))),
  };
  await warehouse.settle(chain);
  await warehouse.coverage();
  await warehouse.load(lake, [], { rebuild: true });

  const { staged, statements } = sentStatements(t, jobsOf(proxy.requests));
  const settings = { project, dataset, network: lakeNetwork };
  const tables = forEachDataset(({ name }) => [...staged[name]]);
  const catalog = warehouseCatalog(settings, `${dataset}_staging`, tables);
  // The test's own questions leave the dataset out.
  const bare: Catalog = Object.fromEntries(
    ["bids", "payloads"].map((name) => [name, catalog[`${project}.${dataset}.${name}`] ?? []]),
  );
  t.deepEqual(await refusals({ ...catalog, ...bare }, statements), []);
  t.true(statements.length > 25);
});

test("a load job is found by its id: its table is used while it is there, and made anew when it is gone", async (t) => {
  const { proxy, lake, warehouse, open, since } = await start(t);
  await put(lake, lakeNetwork, "bids", "heron", { rows: rows(0, 1, 2) });
  // A loader that dies behind its load job: the transaction never gets through.
  proxy.rule = (request) =>
    isJob(request) && request.json.includes("BEGIN TRANSACTION")
      ? { kind: "status", status: 400, when: "before" }
      : undefined;
  await t.throwsAsync(warehouse.load(lake, []), { name: "UserError" });
  proxy.rule = () => undefined;
  const again = await since(() => open().load(lake, []));
  t.deepEqual(
    again
      .filter(isJob)
      .map(({ json, status }) => [json.includes("sourceUris"), status])
      .filter(([isLoad]) => isLoad),
    [[true, 409]],
  );
  await agrees(t, warehouse, lake);

  // The same objects once more: the job is known, but its table has been dropped.
  const rebuilt = await since(() => open().load(lake, [], { rebuild: true }));
  const ids = loadsOf(rebuilt).map(({ jobReference: { jobId } }) => jobId);
  t.is(ids.length, 2);
  t.is(ids[1], `${ids[0]}_1`);
  await agrees(t, warehouse, lake);
  t.deepEqual(await stagingTables(proxy, warehouse), DATASET_NAMES.map((name) => `${name}_guard`).toSorted());
});

test("answers that are lost after the deed, and servers that fail before or after it, cost and double nothing", async (t) => {
  const { proxy, lake, warehouse, open } = await start(t);
  let count = 0;
  for (const [index, fault] of (
    [
      { kind: "loseAnswer" },
      { kind: "status", status: 503, when: "after" },
      { kind: "status", status: 500, when: "before" },
      { kind: "status", status: 429, when: "before" },
    ] as const
  ).entries()) {
    await put(lake, lakeNetwork, "bids", "heron", { rows: rows(32 * index, 1, 2) });
    await put(lake, lakeNetwork, "payloads", "heron", { rows: rows(320 * index, 1) });
    const befallen = new Set<string>();
    // Each kind of request once: jobs by what they do, questions by their path.
    proxy.rule = ({ method, path, json }) => {
      const kind = `${method} ${path.replace(/etl_\w+|[0-9a-f-]{36}/g, "…")} ${/BEGIN|SELECT|sourceUris/.exec(json)?.[0]}`;
      if (befallen.has(kind)) return undefined;
      befallen.add(kind);
      count++;
      return fault;
    };
    const summary = await open().load(lake, [relayNamed(`r${index}`)]);
    t.deepEqual([summary.rows, summary.failed], [3, []], fault.kind);
    proxy.rule = () => undefined;
    await agrees(t, warehouse, lake);
  }
  t.true(count >= 20, `${count} faults`);
  t.log(`${count} faults`);
});

test("an object that is replaced between its load job's start and end is left for the next load", async (t) => {
  const { proxy, lake, warehouse } = await start(t);
  for (const slot of [0, 32, 64]) await put(lake, lakeNetwork, "bids", "heron", { rows: rows(slot, 1) });
  proxy.rule = async (request) => {
    if (!isJob(request) || !request.json.includes("sourceUris")) return undefined;
    proxy.rule = () => undefined;
    // The job reads the new rows; what is known of the object is still the old.
    await put(lake, lakeNetwork, "bids", "heron", { rows: rows(32, 2, 3), revised: [32], revision: 1 });
    return undefined;
  };
  const first = await warehouse.load(lake, []);
  t.deepEqual([first.rows, first.left, first.failed], [2, 1, []]);
  const second = await warehouse.load(lake, []);
  t.deepEqual([second.rows, second.left], [2, 0]);
  await agrees(t, warehouse, lake);
});

test("an object that BigQuery refuses gets its ledger row, and the others go in, whether it is named or not", async (t) => {
  const { lake, warehouse } = await start(t);
  const bad = [64, 160];
  for (let slot = 0; slot < 192; slot += 32) {
    await put(lake, lakeNetwork, "bids", "heron", { rows: rows(slot, 1) });
  }
  // Lines that the lake takes, with a time that doesn't exist: put in by way of lines of other clocks.
  for (const slot of bad) {
    const row = rowOf(slot, 1, { timestamp_ms: "1700000000000" });
    await put(lake, lakeNetwork, "bids", "heron", { rows: new Map([[slot, [row]]]) });
    const object = `${lakeNetwork.name}/bids/relay=heron/${String(slot).padStart(10, "0")}-${String(slot + 31).padStart(10, "0")}.ndjson.gz`;
    await rewritten(lake, object);
  }
  const summary = await warehouse.load(lake, []);
  t.is(summary.rows, 4);
  t.deepEqual(summary.failed.length, 2);
  for (const { object, error } of summary.failed) {
    t.true(error.includes(lake.locate(object)), error);
    t.regex(error, /can't be loaded: .*; move it away and its slots will be asked again$/);
  }
  const again = await warehouse.load(lake, []);
  t.deepEqual([again.rows, again.unchanged, again.failed], [0, 6, summary.failed]);
});

test("reorged is settled from a table of blocks, by hash, and only two epochs behind its newest block", async (t) => {
  const { lake, url, warehouse } = await start(t);
  const [, , project, dataset] = url.split("/");
  const slots = [10, 11, 12, 200];
  await put(lake, lakeNetwork, "payloads", "heron", {
    rows: new Map(slots.map((slot) => [slot, [rowOf(slot, 1), rowOf(slot, 2)]])),
  });
  await warehouse.load(lake, []);
  const block = (slot: number, hash: unknown) =>
    `STRUCT(TIMESTAMP_SECONDS(${lakeNetwork.genesis + 12 * slot}) AS timestamp, '${String(hash)}' AS block_id)`;
  const head = [...Array(3).keys()].map((each) => block(80 + each, `0x${"f".repeat(64)}`));
  // In slot 10 the first payload's block; in 11 another; 12 is missed; 200 isn't known yet.
  const known = [block(10, rowOf(10, 1)["block_hash"]), block(11, `0x${"e".repeat(64)}`), ...head];
  await warehouse.query(
    `CREATE TABLE \`${project}.${dataset}.told_blocks\` AS SELECT * FROM UNNEST([${known.join(", ")}])`,
  );
  const table = `${project}.${dataset}.told_blocks`;
  const source = { table, timestamp_column: "timestamp", hash_column: "block_id" };
  await warehouse.settle(source);
  const settled = async () =>
    (await warehouse.query("SELECT slot, value, reorged FROM payloads ORDER BY slot, value")).map(
      ({ slot, value, reorged }) => [slot, value, reorged],
    );
  const expected = [
    ["10", "1", false],
    ["10", "2", true],
    ["11", "1", true],
    ["11", "2", true],
    ["12", "1", true],
    ["12", "2", true],
    ["200", "1", null],
    ["200", "2", null],
  ];
  t.deepEqual(await settled(), expected);
  t.deepEqual(
    await warehouse.query(
      "SELECT slot, block_hash FROM canonical_blocks WHERE slot IN (10, 12) ORDER BY slot",
    ),
    [
      { slot: "10", block_hash: rowOf(10, 1)["block_hash"] },
      { slot: "12", block_hash: null },
    ],
  );
  // Again, and after a reload of what was settled: the same.
  await warehouse.settle(source);
  const count = await warehouse.query(
    "SELECT COUNT(*) AS n, COUNT(DISTINCT slot) AS slots FROM canonical_blocks",
  );
  t.is(count[0]?.["n"], count[0]?.["slots"]);
  await put(lake, lakeNetwork, "payloads", "heron", {
    rows: new Map(slots.map((slot) => [slot, [rowOf(slot, 1), rowOf(slot, 2)]])),
    revised: [10],
    revision: 1,
  });
  await warehouse.load(lake, []);
  t.deepEqual(await settled(), expected);
  await warehouse.load(lake, [], { rebuild: true });
  t.deepEqual(await settled(), expected);
});

test("who has no dataset, no credentials or no permission is told in one line what to do", async (t) => {
  const { proxy, lake, url } = await start(t);
  const missing = openBigQuery(`${url}_not`, lakeNetwork, {
    clock,
    log: silentLog,
    emulator: proxy.endpoint,
  });
  await t.throwsAsync(missing.load(lake, []), { name: "UserError", message: /^[^\n]*load --create[^\n]*$/ });
  const denied = openBigQuery(url, lakeNetwork, { clock, log: silentLog, emulator: proxy.endpoint });
  const errors = [{ reason: "accessDenied" }];
  proxy.rule = () => ({
    kind: "answer",
    status: 403,
    json: { error: { code: 403, message: "Access Denied", errors } },
  });
  await t.throwsAsync(denied.query("SELECT 1"), {
    name: "UserError",
    message: /^[^\n]*no permission[^\n]*$/,
  });
  proxy.rule = () => undefined;
  // The dataset is no warehouse of anybody's.
  const plain = `etl_${randomBytes(6).toString("hex")}`;
  await denied.query(`CREATE SCHEMA \`${plain}\``);
  const [, , project] = url.split("/");
  const foreign = openBigQuery(`bigquery://${project}/${plain}`, lakeNetwork, {
    clock,
    log: silentLog,
    emulator: proxy.endpoint,
  });
  await t.throwsAsync(foreign.query("SELECT 1"), {
    name: "UserError",
    message: /^[^\n]*no label "network"[^\n]*$/,
  });
  for (const bad of ["bigquery://project", "bigquery://project/data-set", "bigquery://project/d?x=1"])
    t.throws(() => openBigQuery(bad, lakeNetwork, { clock, log: silentLog }), {
      name: "UserError",
      message: /^[^\n]*bigquery:\/\/PROJECT\/DATASET[^\n]*$/,
    });
});

test("tables of an earlier version are told in one line with what to do, and --create adds what they lack", async (t) => {
  const { lake, warehouse, open } = await start(t);
  await put(lake, lakeNetwork, "bids", "heron", { rows: rows(0, 1) });
  await warehouse.load(lake, []);
  for (const view of ["loads", "coverage", "delivered"]) await warehouse.query(`DROP VIEW ${view}`);
  await warehouse.query("ALTER TABLE bids_loads DROP COLUMN unproven");
  await warehouse.query("DROP TABLE rereads");
  await put(lake, lakeNetwork, "bids", "heron", { rows: rows(32, 1), unproven: [33] });
  await t.throwsAsync(open().load(lake, []), { name: "UserError", message: /^[^\n]*load --create[^\n]*$/ });

  const { rows: loaded, unchanged } = await open(true).load(lake, []);
  t.deepEqual([loaded, unchanged], [1, 1]);
  t.deepEqual(
    (await warehouse.query("SELECT unproven FROM loads ORDER BY first_slot")).map(({ unproven }) => unproven),
    [null, `01${"0".repeat(30)}`],
  );
  t.deepEqual(await warehouse.query("SELECT * FROM rereads"), []);
  await agrees(t, warehouse, lake);
});

test("an export writes the very files that a DuckDB warehouse of the same lake writes", async (t) => {
  const { proxy, lake, url, warehouse } = await start(t);
  const folder = await newFolder(t);
  // A day's border lies between; one slot's value has 29 digits, one row stands twice.
  const slots = [530, 533, 534, 535, 900];
  for (const dataset of ["bids", "payloads"] as const)
    for (const slot of slots) {
      const value = slot === 534 ? { value: "98765432109876543210987654321" } : {};
      const row = rowOf(slot, 1, value);
      const relay = `r${slot}`;
      await put(lake, lakeNetwork, dataset, relay, { rows: new Map([[slot, [row, row, rowOf(slot, 2)]]]) });
    }
  const relays = slots.map((slot) => relayNamed(`r${slot}`));
  await warehouse.load(lake, relays);
  const duckDb = openDuckDb(join(folder, "one.duckdb"), lakeNetwork, { clock, log: silentLog });
  await duckDb.load(lake, relays);
  const exporting = openBigQuery(url, lakeNetwork, {
    clock,
    log: silentLog,
    emulator: proxy.endpoint,
    exporter: exportFromBigQuery,
  });
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  for (const range of [{}, { slots: { first: 533, last: 600 }, relays: ["r533", "r535"] }]) {
    const options = { datasets: ["bids", "payloads"] as const, partial: true, ...range };
    const outs = [join(folder, "a"), join(folder, "b")] as const;
    const [ours, theirs] = [await exporting.export(outs[0], options), await duckDb.export(outs[1], options)];
    t.true(theirs.files.length > 0);
    const named = ({ files, incomplete }: typeof ours, out: string) => ({
      files: files.map((file) => ({ ...file, path: file.path.slice(out.length) })),
      incomplete,
    });
    t.deepEqual(named(ours, outs[0]), named(theirs, outs[1]));
    for (const [index, { path }] of ours.files.entries()) {
      const rowsIn = async (file = "") =>
        (await connection.runAndReadAll(`SELECT * FROM '${file}' ORDER BY ALL`)).getRowObjectsJson();
      t.deepEqual(await rowsIn(path), await rowsIn(theirs.files[index]?.path));
    }
  }
  connection.closeSync();
  instance.closeSync();
});

test("the cost of the busiest day's load is told", (t) => {
  // Mainnet's busiest days, by archives of June 2026, over all relays; bytes as BigQuery counts them.
  const perSlot = 16_200;
  const bytesOf = { STRING: 0, INT64: 8, NUMERIC: 16, TIMESTAMP: 8, BOOL: 1, FLOAT64: 8 } as const;
  const row = rowOf(13_000_000, 1);
  const bytes = lakeColumns(datasets.bids).reduce((sum, { name, type }) => {
    const text = name === "relay" ? "ultrasound" : row[name];
    return sum + bytesOf[type] + (type === "STRING" && typeof text === "string" ? 2 + text.length : 0);
  }, 0);
  const perDay = 7200 * perSlot * bytes;
  const dollars = (perDay / 2 ** 40) * 6.25;
  t.log(
    `${7200 * perSlot} rows of ${bytes} bytes: ${(perDay / 1e9).toFixed(0)} GB through staging, ${dollars.toFixed(2)} dollars`,
  );
  t.true(bytes > 400 && bytes < 600 && dollars < 0.5);
});

async function stagingTables(proxy: Proxy, warehouse: Warehouse): Promise<string[]> {
  const [, , project = "", dataset = ""] = warehouse.url.split("/");
  const answer = await fetch(
    `${proxy.endpoint}/bigquery/v2/projects/${project}/datasets/${dataset}_staging/tables`,
  );
  const { tables = [] } = (await answer.json()) as { tables?: { tableReference: { tableId: string } }[] };
  return tables.map(({ tableReference: { tableId } }) => tableId).sort();
}

/** Turns the times of an object's rows into ones that no calendar has, and leaves all else as it is. */
async function rewritten(lake: Lake, object: string): Promise<void> {
  const { gunzipSync, gzipSync } = await import("node:zlib");
  await servers.lakes.damage(lake, object, (stored) =>
    gzipSync(gunzipSync(stored).toString("utf8").replaceAll('"timestamp":"2023-11', '"timestamp":"2023-99')),
  );
}

/** The dataset that a staging table is for, by its name. */
function stagedDataset(tableId: string): DatasetName {
  const name = DATASET_NAMES.find((each) => tableId.startsWith(`etl_load_${each}`));
  if (!name) throw new Error(`${tableId} is for no dataset`);
  return name;
}
