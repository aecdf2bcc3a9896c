import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { type Clock, systemClock } from "../../chain/clock.ts";
import { UserError } from "../../errors.ts";
import { lakeContract, type LakeFixture } from "../lake.contract.ts";
import { type FolderOptions, FolderStore, openFolderLake, type SeamPoint } from "./folder.ts";
import { joinBlocks } from "../gzip.ts";
import { isBad, type Lake } from "../lake.ts";
import { encodeMeta } from "../meta.ts";
import { openLake } from "../objectLake.ts";
import { ownerId, ownerState } from "./owner.ts";
import {
  addedRows,
  addRow,
  bidsChunk,
  flipped,
  lakeNetwork,
  quarantined,
  startScript,
} from "../lake.testing.ts";

const opener = [new URL("folder.ts", import.meta.url).href, "openFolderLake"] as const;
const child = new URL("folderChild.testing.ts", import.meta.url);
const OBJECT = "simulated-1/bids/relay=alpha/0000000064-0000000095.ndjson.gz";
const RELAY_FOLDER = "simulated-1/bids/relay=alpha";

async function newFolder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "lake-"));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

const open = (path: string, options?: FolderOptions): Lake => openFolderLake(path, lakeNetwork.name, options);

/** Every file, whoever's, under a folder. */
async function files(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [] : [entry.name])).sort();
}

async function listed(lake: Lake): Promise<number> {
  let count = 0;
  for await (const _ of lake.list("bids", "alpha", { first: 0, last: 1000 })) count++;
  return count;
}

/** Lets another process write there, and end itself with SIGKILL when it reaches a point. */
async function killAt(t: ExecutionContext, path: string, point: SeamPoint): Promise<void> {
  const [, signal]: unknown[] = await once(startScript(child, ["kill", path, point]), "exit");
  t.is(signal, "SIGKILL", `${point} wasn't reached`);
}

/** The id of a process that ran on this host and doesn't any more. */
function deadOwner(): string {
  const [pid, , ...rest] = ownerId().split("-");
  return [pid, "1", ...rest].join("-"); // this pid, but started at another time: it has since gone to another process
}

lakeContract("folder", async (t): Promise<LakeFixture> => {
  const store = new FolderStore(await newFolder(t));
  return {
    store,
    opener,
    damage: async (object, change) =>
      writeFile(store.locate(object), change(await readFile(store.locate(object)))),
    remove: (object) => rm(store.locate(object)),
  };
});

const seams: Record<SeamPoint, { done: boolean }> = {
  "chunk-temporary": { done: false },
  "chunk-replace": { done: false },
  "chunk-replaced": { done: true },
  "quarantine-temporary": { done: false },
  "quarantine-write": { done: false },
  "quarantine-written": { done: true },
  "horizon-temporary": { done: false },
  "horizon-write": { done: false },
  "horizon-written": { done: true },
  "lock-break": { done: false },
};

for (const [point, { done }] of Object.entries(seams) as [SeamPoint, { done: boolean }][])
  test(`folder: a writer killed at ${point} leaves nothing that stops or stays behind the next`, async (t) => {
    const path = await newFolder(t);
    if (point === "lock-break") {
      await killAt(t, path, "chunk-replace");
      // Killed while it removes a dead writer's lock; and the next, while it removes that one's.
      await killAt(t, path, point);
      await killAt(t, path, point);
      t.true((await files(path)).filter((name) => name.startsWith(".lock-break-")).length > 1);
    } else await killAt(t, path, point);

    if (!point.endsWith("written") || point === "quarantine-written")
      t.true((await files(path)).some((name) => name.startsWith(".")));
    const lake = open(path);
    t.deepEqual(await addedRows(lake), point === "chunk-replaced" ? ["7/7"] : []);
    const quarantine = await lake.readQuarantine(bidsChunk);
    t.is(quarantine.lines.length, point === "quarantine-written" ? 1 : 0);
    const horizon = await lake.readHorizon("bids", "alpha");
    t.is(horizon?.oldest_slot, point === "horizon-written" ? 7 : undefined);

    await addRow(lake, 1, 1);
    await lake.writeQuarantine(bidsChunk, [quarantined(71, "x")], quarantine.generation);
    await lake.writeHorizon("bids", "alpha", { oldest_slot: 1, asked_at: "2026-01-01T00:00:00.000Z" });
    t.deepEqual(await addedRows(lake), done && point.startsWith("chunk") ? ["1/1", "7/7"] : ["1/1"]);
    const object = "0000000064-0000000095.ndjson.gz";
    t.deepEqual(await files(path), [object, object, "horizon.json"]);
  });

test("folder: a reader that only lists sees through and clears what killed writers left", async (t) => {
  const path = await newFolder(t);
  await addRow(open(path), 1, 1);
  for (const point of ["quarantine-write", "chunk-replace"] as const) await killAt(t, path, point);
  t.true((await files(path)).length > 4);
  t.is(await listed(open(path)), 1);
  t.deepEqual(await files(path), ["0000000064-0000000095.ndjson.gz"]);
});

test("folder: processes that meet a dead writer's lock at once lose no update", async (t) => {
  const path = await newFolder(t);
  const lake = open(path);
  await addRow(lake, 0, 0);
  for (let round = 0; round < 3; round++) {
    await symlink(deadOwner().replace(/.{8}$/, `0000000${round}`), join(path, RELAY_FOLDER, ".lock"));
    const [module, exported] = opener;
    const writers = [1, 2, 3].map((writer) =>
      startScript(new URL("../contractChild.testing.ts", import.meta.url), [
        module,
        exported,
        path,
        String(10 * round + writer),
        "4",
      ]),
    );
    const ends = await Promise.all(writers.map((writer) => once(writer, "exit")));
    t.deepEqual(
      ends.map(([code]: unknown[]) => code),
      [0, 0, 0],
    );
  }
  t.is((await addedRows(lake)).length, 1 + 3 * 3 * 4);
  t.deepEqual(await files(path), ["0000000064-0000000095.ndjson.gz"]);
});

// By itself, before the others: between their turns a reader would hardly meet the writer.
test.serial("folder: readers see a whole object and never none while it is replaced", async (t) => {
  const path = await newFolder(t);
  const lake = open(path);
  await addRow(lake, 0, 0);
  const [module, exported] = opener;
  const writer = startScript(new URL("../contractChild.testing.ts", import.meta.url), [
    module,
    exported,
    path,
    "1",
    "40",
  ]);
  const end = once(writer, "exit");
  let seen = { generation: 0, rows: 0 };
  let reads = 0;
  for (; writer.exitCode === null; reads++) {
    const found = await open(path).read(bidsChunk);
    if (!found) return t.fail("the name vanished");
    const now = { generation: found.stored.generation, rows: found.stored.meta.rows };
    t.true(now.generation >= seen.generation && now.rows >= seen.rows);
    t.is(now.rows > seen.rows, now.generation > seen.generation);
    seen = now;
    // What knows nothing of the lake reads it too.
    const plain = gunzipSync(await readFile(join(path, OBJECT))).toString();
    t.true(plain.split("\n").length - 1 >= seen.rows);
  }
  t.deepEqual(await end, [0, null]);
  t.log(`${reads} reads`);
  t.true(reads > 10);
});

test("folder: files of other makers are left alone while they may be needed", async (t) => {
  const path = await newFolder(t);
  await addRow(open(path), 1, 1);
  const [pid, start, , boot, ...rest] = ownerId().split("-");
  const foreign = [pid, start, "00000000", boot, ...rest].join("-");
  t.is(ownerState(foreign), "unknown");
  const temporary = (owner: string, count: number): string => `.x.ndjson.gz.${owner}.${count}.tmp`;
  const mine = temporary(ownerId(), 999);
  const kept = [".DS_Store", ".x.tmp", mine, temporary(foreign, 1), "notes.txt"];
  const old = temporary(foreign, 2);
  for (const name of [...kept, old, temporary(deadOwner(), 3)])
    await writeFile(join(path, RELAY_FOLDER, name), "");
  const longAgo = Date.now() / 1000 - 2 * 86_400;
  for (const name of [old, mine]) await utimes(join(path, RELAY_FOLDER, name), longAgo, longAgo);
  t.is(await listed(open(path)), 1);
  t.deepEqual(await files(path), [...kept, "0000000064-0000000095.ndjson.gz"].sort());
});

test("folder: an owner is dead when its process, its pid's start or its boot is gone", async (t) => {
  const [pid = "", start = "", host = "", boot = "", namespace = "", random = ""] = ownerId().split("-");
  const state = (...parts: string[]): string => ownerState(parts.join("-"));
  t.is(state(pid, start, host, boot, namespace, random), "alive");
  t.is(state(pid, start, host, boot, namespace, "00000000"), "alive");
  t.is(state(pid, "1", host, boot, namespace, random), "dead");
  t.is(state("4194304", start, host, boot, namespace, random), "dead"); // beyond any pid
  t.is(state(pid, start, host, "00000000", namespace, random), "dead");
  t.is(state(pid, start, "00000000", boot, namespace, random), "unknown");
  t.is(state(pid, start, host, boot, "1", random), "unknown");
  t.is(ownerState("something"), "unknown");
  // A process that has ended and whose parent hasn't asked for its end.
  const parent = spawn("sh", ["-c", "sleep 0.1 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => parent.kill("SIGKILL"));
  const [line]: unknown[] = await once(createInterface({ input: parent.stdout }), "line");
  const zombie = String(line);
  for (let tries = 0; tries < 200 && state(zombie, "0", host, boot, namespace, random) === "alive"; tries++)
    await systemClock.sleep(10);
  t.notThrows(() => process.kill(Number(zombie), 0));
  t.is(state(zombie, "0", host, boot, namespace, random), "dead");
  t.is(state(String(parent.pid), "0", host, boot, namespace, random), "alive");
});

/** A clock on which waiting takes no time. */
function quickClock(during: (waited: number) => Promise<void> = async () => {}): Clock {
  let waited = 0;
  return {
    ...systemClock,
    monotonic: () => waited,
    sleep: async (ms) => {
      waited += ms;
      await during(waited);
    },
  };
}

test("folder: a living writer's lock is waited for, and named when it stays", async (t) => {
  const path = await newFolder(t);
  await addRow(open(path), 1, 1);
  const before = await readFile(join(path, OBJECT));
  const lock = join(path, RELAY_FOLDER, ".lock");
  const refusals: [string, RegExp][] = [
    [
      ownerId().replace(/.{8}$/, "00000000"),
      new RegExp(`\\.lock has been held by process ${process.pid} for 60 s: end process`),
    ],
    [
      ownerId().replace(/-[0-9a-f]{8}-/, "-00000000-"),
      /of another host or container.*remove the file, and run again/,
    ],
    ["\u001b[31mother", /held by something that isn't this program \(\\u001b\[31mother\)/],
  ];
  for (const [holder, message] of refusals) {
    await symlink(holder, lock);
    await t.throwsAsync(addRow(open(path, { clock: quickClock() }), 2, 2), {
      instanceOf: UserError,
      message,
    });
    await rm(lock);
  }
  await writeFile(lock, "");
  await t.throwsAsync(addRow(open(path, { clock: quickClock() }), 2, 2), {
    instanceOf: UserError,
    message: /not a link/,
  });
  t.deepEqual(await readFile(join(path, OBJECT)), before);
  await rm(lock);

  await symlink(ownerId().replace(/.{8}$/, "00000000"), lock);
  const clock = quickClock(async (waited) => {
    if (waited > 50_000) await rm(lock, { force: true });
  });
  await addRow(open(path, { clock }), 2, 2);
  t.deepEqual(await addedRows(open(path)), ["1/1", "2/2"]);
  t.deepEqual(await files(path), ["0000000064-0000000095.ndjson.gz"]);
});

test("folder: a disk that fills up costs nothing that was written before", async (t) => {
  const path = await newFolder(t);
  await addRow(open(path), 1, 1);
  const before = await readFile(join(path, OBJECT));
  for (const point of ["chunk-temporary", "chunk-replace"] as const) {
    const seam = (reached: SeamPoint): void => {
      if (reached === point) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    };
    const error = await t.throwsAsync(addRow(open(path, { seam }), 2, 2), {
      instanceOf: UserError,
      message: /0000000064-0000000095\.ndjson\.gz: the disk is full; free some space and run again/,
    });
    t.is(error?.exitCode, 1);
    t.deepEqual(await readFile(join(path, OBJECT)), before);
    t.deepEqual(await files(path), ["0000000064-0000000095.ndjson.gz"]);
  }

  // The real thing, where this system lets its users mount a small disk.
  const unshare = ["unshare", "--user", "--map-root-user", "--mount"];
  if (spawnSync("unshare", [...unshare.slice(1), "true"]).status !== 0)
    return t.log("no mount namespaces here");
  const disk = await newFolder(t);
  const mounted = [...unshare, "sh", "-c", `mount -t tmpfs -o size=256k none '${disk}' && exec "$@"`, "sh"];
  const said = JSON.parse(await text(startScript(child, ["fill", disk], mounted).stdout)) as Record<
    string,
    unknown
  >;
  t.is(said["error"], "UserError");
  t.regex(String(said["message"]), /the disk is full; free some space/);
  t.like(said, { same: true, files: 1 });
  t.true(Number(said["rows"]) > 0);
});

test("folder: a path that can't hold a lake is refused in one line", async (t) => {
  const path = await newFolder(t);
  const file = join(path, "file");
  await writeFile(file, "mine");
  for (const place of [file, join(file, "lake")]) {
    const error = await t.throwsAsync(addRow(open(place), 1, 1), { instanceOf: UserError });
    t.regex(
      error?.message ?? "",
      /^can't (read|write) [^\n]*a file lies where a folder should be; move it away, or choose another --lake$/,
    );
    await t.throwsAsync(listed(open(place)), { instanceOf: UserError });
    await t.throwsAsync(open(place).relays("bids"), { instanceOf: UserError });
  }
  t.is(await readFile(file, "utf8"), "mine");
  for (const place of ["", "a*b", "a?b"])
    t.is(t.throws(() => open(place), { instanceOf: UserError })?.exitCode, 2);
  await t.throwsAsync(addRow(open(join(path, "x".repeat(300))), 1, 1), {
    instanceOf: UserError,
    message: /too long/,
  });
});

test.serial("folder: without the right to write, reading goes on and writing says so", async (t) => {
  const path = await newFolder(t);
  await addRow(open(path), 1, 1);
  await killAt(t, path, "chunk-replace");
  const before = await files(path);
  const user = process.geteuid?.() ?? 0;
  const locked = join(path, RELAY_FOLDER);
  await chmod(path, 0o755);
  // Permissions don't bind root: it becomes nobody for a moment (serial tests run alone).
  if (user === 0) process.seteuid?.(65_534);
  else await chmod(locked, 0o555);
  try {
    t.deepEqual(await addedRows(open(path)), ["1/1"]);
    t.is(await listed(open(path)), 1);
    await t.throwsAsync(addRow(open(path), 2, 2), {
      instanceOf: UserError,
      message:
        /can't write .*: no permission; give this user the right to write there, or choose another --lake/,
    });
  } finally {
    if (user === 0) process.seteuid?.(0);
    else await chmod(locked, 0o755);
  }
  t.deepEqual(await files(path), before);
});

/** A gzip file with this in place of its metadata. */
function gzippedWith(json: string, plain: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(json.length);
  const field = Buffer.concat([Buffer.from("MB"), length, Buffer.from(json)]);
  const total = Buffer.alloc(2);
  total.writeUInt16LE(field.length);
  return Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 4, 255]).subarray(0, 10),
    total,
    field,
    gzipSync(plain).subarray(10),
  ]);
}

test("folder: what lies under a chunk's name and isn't a chunk is bad, and can be replaced knowingly", async (t) => {
  const path = await newFolder(t);
  const lake = open(path);
  await addRow(lake, 1, 1);
  const whole = await readFile(join(path, OBJECT));
  const head = await lake.head(bidsChunk);
  if (!head || isBad(head)) return t.fail("not written");
  const plain = gunzipSync(whole);
  const values = encodeMeta(head.meta);
  const extra = (json: string) => gzippedWith(json, plain);
  const named = Buffer.from(gzipSync(plain));
  named[3] = 8;
  const cases: [string, Buffer, RegExp][] = [
    ["empty", Buffer.alloc(0), /cut short/],
    ["plain text", plain, /not a gzip file/],
    ["gzipped anew", gzipSync(plain), /holds no metadata/],
    ["gzipped with its name", named, /another program/],
    ["cut in the fixed header", whole.subarray(0, 9), /cut short/],
    ["cut in the metadata", whole.subarray(0, 40), /cut short/],
    ["not JSON", extra("{"), /can't be read/],
    ["a number", extra(JSON.stringify({ ...values, rows: 1, generation: "5" })), /can't be read/],
    ["a list", extra("[]"), /can't be read/],
    ["no generation", extra(JSON.stringify(values)), /no generation/],
    ["generation 0", extra(JSON.stringify({ ...values, generation: "0" })), /no generation/],
    ["generation 1e3", extra(JSON.stringify({ ...values, generation: "1e3" })), /no generation/],
    ["wrong checksum", extra(JSON.stringify({ ...values, generation: "5", crc: "0" })), /checksum/],
  ];
  for (const [name, bytes, fault] of cases) {
    await writeFile(join(path, OBJECT), bytes);
    const bad = await lake.head(bidsChunk);
    if (!bad || !isBad(bad)) return t.fail(`taken: ${name}`);
    t.regex(bad.fault, fault);
    t.true(bad.generation > 0 && Number.isSafeInteger(bad.generation));
    await t.throwsAsync(lake.read(bidsChunk), { message: bad.fault });
  }
  await writeFile(join(path, OBJECT), extra(JSON.stringify({ ...values, generation: "5" })));
  t.deepEqual(await addedRows(lake), ["1/1"]);

  await writeFile(join(path, OBJECT), plain);
  const bad = await lake.head(bidsChunk);
  const store = new FolderStore(path);
  const generation = await store.write(
    OBJECT,
    joinBlocks([]),
    { ...values, rows: "0" },
    bad?.generation ?? 0,
  );
  t.true(generation > (bad?.generation ?? 0));
  t.is((await openLake(store, lakeNetwork.name).read(bidsChunk))?.stored.generation, generation);

  await rm(join(path, OBJECT));
  await mkdir(join(path, OBJECT));
  const folder = await lake.head(bidsChunk);
  t.regex(folder && isBad(folder) ? folder.fault : "", /not a file/);
  await rm(join(path, OBJECT), { recursive: true });
  if (spawnSync("mkfifo", [join(path, OBJECT)]).status !== 0) return;
  const pipe = await lake.head(bidsChunk);
  t.regex(pipe && isBad(pipe) ? pipe.fault : "", /not a file/);
});

test("folder: one flipped bit anywhere in a file never covers a slot that it didn't cover", async (t) => {
  const path = await newFolder(t);
  const lake = open(path);
  await addRow(lake, 1, 1);
  const whole = await readFile(join(path, OBJECT));
  const good = await lake.head(bidsChunk);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
      await writeFile(join(path, OBJECT), flipped(whole, at, 1 << bit));
      const head = await lake.head(bidsChunk);
      if (head && isBad(head)) t.true(head.generation > 0);
      else t.deepEqual(head, good);
    }),
    { numRuns: 300 },
  );
});

test("folder: DuckDB reads a chunk past its metadata, whatever the folder is called", async (t) => {
  const path = join(await newFolder(t), 'it\'s {my} "lake", 50% \\ é\u2028');
  const lake = open(path);
  for (const turn of [1, 2, 3]) await addRow(lake, 1, turn);
  const file = lake.locate(OBJECT).replaceAll("'", "''");
  t.true((await stat(lake.locate(OBJECT))).isFile());
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const read = await connection.runAndReadAll(
    `SELECT slot, value FROM read_json('${file}', format = 'newline_delimited',
       columns = {slot: 'BIGINT', value: 'VARCHAR'}) ORDER BY slot`,
  );
  t.deepEqual(read.getRows(), [
    [65n, "1"],
    [66n, "2"],
    [67n, "3"],
  ]);
  connection.closeSync();
});
