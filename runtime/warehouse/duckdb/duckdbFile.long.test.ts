import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import test from "ava";
import { systemClock } from "../../chain/clock.ts";
import { VirtualClock } from "../../chain/virtualClock.ts";
import { DATASET_NAMES } from "../../datasets/dataset.ts";
import { loadTables } from "../../datasets/tables.ts";
import type { Lake } from "../../lake/lake.ts";
import { ownerId } from "../../lake/folder/owner.ts";
import { lakeNetwork } from "../../lake/lake.testing.ts";
import { open, place } from "./duckdb.testing.ts";
import { expectedTableRows, put, relayNamed, rowOf, tableRows } from "../warehouse.testing.ts";

function startChild(
  lake: Lake,
  path: string,
  point: string,
  deed: "kill" | "hold",
  before: readonly string[] = [],
): ChildProcessByStdio<Writable, Readable, null> {
  const script = fileURLToPath(new URL("loadChild.testing.ts", import.meta.url));
  const line = [
    ...before,
    process.execPath,
    `--import=${import.meta.resolve("tsx")}`,
    script,
    lake.url,
    path,
    point,
    deed,
  ];
  return spawn(line[0] ?? "", line.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
}

/** Waits for a child's end; its first line. */
async function ended(
  child: ChildProcessByStdio<Writable, Readable, null>,
): Promise<[line: string, signal: unknown]> {
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exit = once(child, "exit");
  const first = await lines.next();
  const [, signal] = (await exit) as [unknown, unknown];
  return [String(first.value ?? ""), signal];
}

test("a load that is killed at any of its points leaves what the next one makes whole, and nothing else", async (t) => {
  for (const point of ["load-staged", "load-transaction", "load-committed"]) {
    const { lake, folder, path } = await place(t);
    const [, signal] = await ended(startChild(lake, path, point, "kill"));
    t.is(signal, "SIGKILL", point);
    const warehouse = open(path);
    const before = (await warehouse.query("SELECT 1 FROM bids")).length;
    t.is(before, point === "load-committed" ? 12 : 0, point);
    const { rows } = await warehouse.load(lake, []);
    t.is(rows, 12 - before, point);
    t.deepEqual(await tableRows(warehouse, "bids"), await expectedTableRows(lake, "bids"));
    t.deepEqual(await readdir(folder), ["one.duckdb"], point);
  }
});

test("what a process left that died while it made or used a warehouse is swept, what a living one is making isn't", async (t) => {
  const { lake, folder, path } = await place(t);
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  const living = `.one.duckdb.${ownerId()}0.new`;
  await mkdir(join(folder, "one.duckdb.tmp"), { recursive: true });
  await writeFile(join(folder, "one.duckdb.tmp", "duckdb_temp_storage_DEFAULT-0.tmp"), "spilled");
  await writeFile(join(folder, `.one.duckdb.${ownerId().replace(/^\d+/, String(gone))}.new`), "half");
  await writeFile(join(folder, living), "other");
  await open(path).load(lake, []);
  t.deepEqual((await readdir(folder)).sort(), [living, "one.duckdb"]);
});

test("a file that another process has open is waited for a minute, then its holder is named", async (t) => {
  const { lake, path } = await place(t);
  await open(path).load(lake, []);
  await put(lake, lakeNetwork, "bids", "two", { rows: new Map([[1, [rowOf(1, 1)]]]) });
  const child = startChild(lake, path, "load-transaction", "hold");
  t.teardown(() => child.kill("SIGKILL"));
  await once(createInterface(child.stdout), "line");
  const clock = new VirtualClock(Date.now());
  for (const call of [() => open(path, clock).load(lake, []), () => open(path, clock).query("SELECT 1")]) {
    const start = clock.monotonic();
    const error = await t.throwsAsync(call(), { name: "UserError" });
    t.like(error, { exitCode: 1 });
    t.regex(
      error?.message ?? "",
      new RegExp(`in use by .*PID ${child.pid}.*the lake is complete: run \`load\``),
    );
    t.true(clock.monotonic() - start >= 60_000 && clock.monotonic() - start < 62_000);
  }
  // Once the other lets go, the one who waits goes on.
  let asked = false;
  const waiting = open(path, {
    ...systemClock,
    async sleep() {
      if (asked) return systemClock.sleep(5);
      asked = true;
      child.stdin.end();
      await once(child, "exit");
    },
  });
  t.is((await waiting.load(lake, [])).rows, 0);
  t.is((await waiting.query("SELECT 1 FROM bids")).length, 13);
});

test("a file that another process reads is told with its holder, without DuckDB's own advice", async (t) => {
  const { lake, path } = await place(t);
  await open(path).load(lake, []);
  const script = `import { DuckDBInstance } from "@duckdb/node-api";
    const instance = await DuckDBInstance.create(process.argv[1], { access_mode: "READ_ONLY" });
    console.log("reading");
    for await (const _ of process.stdin);
    instance.closeSync();`;
  const reader = spawn(process.execPath, ["--input-type=module", "-e", script, path]);
  t.teardown(() => reader.kill("SIGKILL"));
  await once(createInterface(reader.stdout), "line");
  const error = await t.throwsAsync(open(path, new VirtualClock(Date.now())).load(lake, []), {
    name: "UserError",
  });
  t.regex(
    error?.message ?? "",
    new RegExp(
      `one\\.duckdb is in use by \\S+ \\(PID ${reader.pid}\\)[^;.]*; the lake is complete: run \`load\` when`,
    ),
  );
});

test("a file that isn't a warehouse of this program is refused in one line and stays as it is", async (t) => {
  const { lake, folder, path } = await place(t, 1);
  await open(path).load(lake, []);
  const at = (name: string) => join(folder, name);
  await writeFile(at("text"), "not a database\n".repeat(1000));
  await writeFile(at("empty"), "");
  await cp(path, at("cut"));
  await truncate(at("cut"), 6000);
  const alter = async (name: string, statement: string, from?: string) => {
    if (from !== undefined) await cp(from, at(name));
    const instance = await DuckDBInstance.create(at(name));
    const connection = await instance.connect();
    await connection.run(statement);
    connection.closeSync();
    instance.closeSync();
  };
  await alter("foreign", "CREATE TABLE bids (a INTEGER)");
  await alter("alike", "CREATE TABLE warehouse_info (network VARCHAR)");
  await alter("newer", "UPDATE warehouse_info SET version = 2", path);
  await alter("other", "UPDATE warehouse_info SET network = 'hoodi'", path);
  for (const name of ["text", "empty", "cut", "foreign", "alike", "newer", "other"]) {
    const before = await readFile(at(name));
    for (const call of [() => open(at(name)).load(lake, []), () => open(at(name)).query("SELECT 1")]) {
      const error = await t.throwsAsync(call(), { name: "UserError" }, name);
      t.regex(error?.message ?? "", /^[^\n]*(move it away|another --warehouse)[^\n]*$/, name);
      t.true(error?.message.includes(at(name)), name);
    }
    t.true(before.equals(await readFile(at(name))), name);
  }
  t.is((await readdir(folder)).length, 8);
});

test("a file of an earlier version says what to do when it is read, and a load adds what its tables lack", async (t) => {
  const { lake, path } = await place(t);
  await open(path).load(lake, []);
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  for (const statement of [
    "DROP TABLE rereads",
    ...DATASET_NAMES.flatMap((name) =>
      ["unproven", "quarantined_slots"].map((column) => `ALTER TABLE ${name}_loads DROP COLUMN ${column}`),
    ),
    "CREATE OR REPLACE VIEW loads AS SELECT 'bids' AS dataset, * FROM bids_loads UNION ALL SELECT 'payloads' AS dataset, * FROM payloads_loads",
  ])
    await connection.run(statement);
  connection.closeSync();
  instance.closeSync();

  const warehouse = open(path);
  const refused = {
    name: "UserError",
    message: /before this version's table rereads, column bids_loads\.unproven.*; run `load`/,
  };
  await t.throwsAsync(warehouse.query("SELECT 1 FROM bids"), refused);
  await t.throwsAsync(warehouse.coverage(), refused);
  await put(lake, lakeNetwork, "bids", "two", { rows: new Map([[1, [rowOf(1, 1)]]]), unproven: [2] });
  const { rows, unchanged } = await warehouse.load(lake, [relayNamed("one")]);
  t.deepEqual([rows, unchanged], [1, 4]);
  const ledger = await warehouse.query("SELECT relay, unproven FROM loads ORDER BY relay, first_slot");
  t.deepEqual(
    ledger.map(({ relay, unproven }) => [relay, unproven]),
    [...Array.from({ length: 4 }, () => ["one", null]), ["two", `001${"0".repeat(29)}`]],
  );
  t.true((await warehouse.coverage()).length > 0);
  t.deepEqual(await warehouse.query("SELECT * FROM rereads"), []);
  t.deepEqual(await tableRows(warehouse, "bids"), await expectedTableRows(lake, "bids"));
  const made = await warehouse.query(
    "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'bids_loads'",
  );
  t.is(made.at(-1)?.["column_name"], loadTables.bids.columns.at(-1)?.name);
  t.is(made.at(-1)?.["comment"], loadTables.bids.columns.at(-1)?.description);
});

test("a path where no file can be is refused in one line", async (t) => {
  const { lake, folder, path } = await place(t, 1);
  await t.throwsAsync(open(path).query("SELECT 1"), {
    name: "UserError",
    message: /there is no warehouse.*run `load`/,
  });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "file"), "");
  const refused = { name: "UserError", message: /^[^\n]*--warehouse[^\n]*$/ };
  await t.throwsAsync(open(folder).load(lake, []), refused);
  await t.throwsAsync(open(join(folder, "file", "one.duckdb")).load(lake, []), refused);
  await t.throwsAsync(open("/proc/one.duckdb").load(lake, []), refused);
});

test("damage inside the file is told in one line with the remedy", async (t) => {
  const { lake, path } = await place(t, 8, 2000);
  await open(path).load(lake, []);
  const bytes = await readFile(path);
  for (let at = 3 * 4096; at < bytes.length; at += 2048) bytes[at] = (bytes[at] ?? 0) ^ 255;
  await writeFile(path, bytes);
  const error = await t.throwsAsync(open(path).query("SELECT * FROM bids"), { name: "UserError" });
  t.regex(error?.message ?? "", /^[^\n]*damaged[^\n]*move it away and run `load`[^\n]*$/);
});

test("a full disk is told in one line; the tables stay as they were and the next load goes on", async (t) => {
  const { lake, path } = await place(t, 1);
  await open(path).load(lake, []);
  const { size } = await stat(path);
  for (let slot = 32; slot < 32 * 40; slot += 32) {
    const rows = Array.from({ length: 200 }, (_, number) => rowOf(slot, number));
    await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[slot, rows]]) });
  }
  // A limit on the size of files fails as a full disk does.
  const limit = ["bash", "-c", `trap '' XFSZ; ulimit -f ${Math.ceil(size / 1024)}; exec "$0" "$@"`];
  const [line] = await ended(startChild(lake, path, "never", "hold", limit));
  t.regex(line, /^UserError: can't use the warehouse .*the disk is full; free some space and run `load`/);
  const warehouse = open(path);
  t.is((await warehouse.query("SELECT 1 FROM bids")).length, 3);
  await warehouse.load(lake, []);
  t.deepEqual(await tableRows(warehouse, "bids"), await expectedTableRows(lake, "bids"));
});

test("a disk that is full while a warehouse is made is told as such, leaves nothing, and with room the next load makes it", async (t) => {
  t.timeout(240_000);
  const { lake, folder, path } = await place(t);
  // From too little for the log to all but the last page: where it fails in between is DuckDB's matter.
  for (const kilobytes of [100, 400, 776]) {
    const limit = ["bash", "-c", `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$0" "$@"`];
    const [line] = await ended(startChild(lake, path, "never", "hold", limit));
    t.regex(
      line,
      /^UserError: can't use the warehouse .*: the disk is full; free some space/,
      `${kilobytes}`,
    );
    t.deepEqual(await readdir(folder), [], `${kilobytes}`);
  }
  const warehouse = open(path);
  await warehouse.load(lake, []);
  t.deepEqual(await tableRows(warehouse, "bids"), await expectedTableRows(lake, "bids"));
  t.deepEqual(await readdir(folder), ["one.duckdb"]);
});
