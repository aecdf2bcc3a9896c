import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { link, mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Clock } from "../../chain/clock.ts";
import type { Network } from "../../chain/networks.ts";
import { quotedText } from "../../datasets/schema.ts";
import { infoTable, WAREHOUSE_VERSION } from "../../datasets/tables.ts";
import { codeOf, messageOf, printable, UserError } from "../../errors.ts";
import { OWNER_PATTERN, ownerId, ownerState } from "../../lake/folder/owner.ts";
import type { Log } from "../../log.ts";
import { rowsOf } from "./duckdbCells.ts";
import { duckdbError, isReadError, lockHolder } from "./duckdbErrors.ts";
import { addLacking, lackingIn, layTables } from "./duckdbTables.ts";

/** How long a file that another process has open is waited for, and how often it is tried. */
const LOCK_WAIT_MS = 60_000;
const LOCK_POLL_MS = 500;

/** Settings of each opening: two cores and this much memory are enough for tables of any size. */
const SETTINGS = { threads: "2", memory_limit: "300MB", preserve_insertion_order: "false" };

/** DuckDB files begin with a checksum, and then this. */
const MAGIC = Buffer.from("DUCK");
const MAGIC_OFFSET = 8;

/** An open file: `connect` gives connections that are closed with it. */
export interface OpenFile {
  connect(): Promise<DuckDBConnection>;
}

/**
 * The last user of each file in this process, by path. DuckDB's locks are the process's: a second opening would succeed, and
 * closing either (or any other handle of the file) would give up the lock of both.
 */
const turns = new Map<string, Promise<unknown>>();

/**
 * A warehouse's DuckDB file, open only while it is worked with. It is looked at read-only first, so that a file that isn't a
 * warehouse of this network stays as it is.
 */
export class DuckDbFile {
  readonly path: string;
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(path: string, network: Network, clock: Clock, log: Log) {
    this.path = resolve(path);
    this.#network = network;
    this.#clock = clock;
    this.#log = log;
  }

  /** Works with the file, alone in this process; `write` makes it where there is none. Throws UserError. */
  async use<T>(mode: "read" | "write", work: (file: OpenFile) => Promise<T>): Promise<T> {
    const key = await realPath(this.path);
    const before = turns.get(key) ?? Promise.resolve();
    const turn = before.then(() => this.#work(mode, work));
    const settled = turn.then(
      () => {},
      () => {}, // the caller gets the error; the next in line only waits
    );
    turns.set(key, settled);
    void settled.then(() => {
      if (turns.get(key) === settled) turns.delete(key);
    });
    return turn;
  }

  async #work<T>(mode: "read" | "write", work: (file: OpenFile) => Promise<T>): Promise<T> {
    try {
      const deadline = this.#clock.monotonic() + LOCK_WAIT_MS;
      if (!(await this.#isThere())) {
        if (mode === "read")
          throw new UserError(`there is no warehouse at ${printable(this.path, 4096)}; run \`load\` first`);
        await this.#create();
      }
      await this.#opened("READ_ONLY", deadline, async (file) => this.#recognize(mode, await file.connect()));
      if (mode === "read") return await this.#opened("READ_ONLY", deadline, work);
      return await this.#opened("READ_WRITE", deadline, async (file) => {
        await this.#sweepSpill();
        await addLacking(await file.connect(), this.#network);
        return work(file);
      });
    } catch (error) {
      throw duckdbError(error, this.path);
    }
  }

  /** Throws UserError when something lies there that DuckDB would take for its own or for a new file. */
  async #isThere(): Promise<boolean> {
    let head: Buffer;
    try {
      if (!(await stat(this.path)).isFile())
        throw new UserError(`${printable(this.path, 4096)} is not a file; name a file with --warehouse`);
      const file = await open(this.path, "r");
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
        head = buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === "ENOENT") return false;
      throw systemError(error);
    }
    if (head.subarray(MAGIC_OFFSET, MAGIC_OFFSET + MAGIC.length).equals(MAGIC)) return true;
    throw new UserError(
      `${printable(this.path, 4096)} is damaged or not a DuckDB file; move it away and run \`load\`: it is made again from the lake`,
    );
  }

  async #recognize(mode: "read" | "write", connection: DuckDBConnection): Promise<void> {
    const { name, columns } = infoTable;
    const found = await rowsOf(
      connection,
      `SELECT column_name FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = ${quotedText(name)}`,
    );
    const names = new Set(found.map(([column]) => column));
    const path = printable(this.path, 4096);
    if (!columns.every((column) => names.has(column.name) || !column.required))
      throw new UserError(
        `${path} is a DuckDB file, but not a warehouse of this program; choose another --warehouse`,
      );
    const [info = []] = await rowsOf(connection, `SELECT network, version FROM ${name}`);
    const [network, version] = info;
    if (network !== this.#network.name)
      throw new UserError(
        `${path} is the warehouse of network ${printable(JSON.stringify(network))}, not of ${this.#network.name}; choose another --warehouse`,
        { exitCode: 2 },
      );
    if (version !== String(WAREHOUSE_VERSION))
      throw new UserError(
        `${path} was made by another version of this program; move it away and run \`load\`: it is made again from the lake`,
      );
    const lacking = mode === "read" ? await lackingIn(connection) : [];
    if (lacking.length > 0)
      throw new UserError(
        `${path} was made before this version's ${lacking.map(({ what }) => what).join(", ")}; run \`load\`, which adds what is new`,
      );
  }

  /** Makes the file under another name and gives it its own when it is whole, so that a kill leaves no half of one. */
  async #create(): Promise<void> {
    const folder = dirname(this.path);
    const temporary = join(folder, `.${basename(this.path)}.${ownerId()}.new`);
    try {
      await mkdir(folder, { recursive: true });
      await this.#sweepNew(folder);
      await rm(temporary, { force: true });
    } catch (error) {
      throw systemError(error);
    }
    try {
      await this.#make(temporary);
      await place(temporary, this.path);
    } finally {
      for (const path of [temporary, `${temporary}.wal`]) await rm(path, { force: true });
    }
  }

  async #make(path: string): Promise<void> {
    try {
      await opened(path, "READ_WRITE", async (file) =>
        layTables(await file.connect(), this.#network, this.#clock.now()),
      );
    } catch (error) {
      if (duckdbError(error, this.path) !== error || !isReadError(error)) throw error;
      const what = `no file can be made at ${printable(this.path, 4096)}`;
      throw new UserError(`${what}: ${printable(messageOf(error))}; choose another --warehouse`, {
        cause: error,
      });
    }
  }

  /** Removes what processes that died while they made a warehouse of this name have left. */
  async #sweepNew(folder: string): Promise<void> {
    const prefix = `.${basename(this.path)}.`;
    const rest = new RegExp(`^(${OWNER_PATTERN})\\.new(\\.wal)?$`);
    for (const name of await readdir(folder)) {
      const owner = name.startsWith(prefix) ? rest.exec(name.slice(prefix.length))?.[1] : undefined;
      if (owner !== undefined && ownerState(owner) === "dead") await rm(join(folder, name), { force: true });
    }
  }

  /** Removes what a process that died has spilled: the file is locked, so nobody else can be using it. */
  async #sweepSpill(): Promise<void> {
    await rm(`${this.path}.tmp`, { recursive: true, force: true });
  }

  async #opened<T>(
    mode: "READ_ONLY" | "READ_WRITE",
    deadline: number,
    work: (file: OpenFile) => Promise<T>,
  ): Promise<T> {
    for (let said = false; ; said = true) {
      try {
        return await opened(this.path, mode, work);
      } catch (error) {
        const holder = lockHolder(error);
        if (holder === undefined) throw error;
        if (this.#clock.monotonic() >= deadline)
          throw new UserError(
            `the warehouse ${printable(this.path, 4096)} is in use by ${holder}; the lake is complete: run \`load\` when that has ended`,
            { cause: error },
          );
        if (!said) this.#log.info({ path: this.path, holder }, "waiting for the warehouse, which is in use");
        await this.#clock.sleep(LOCK_POLL_MS);
      }
    }
  }
}

/** The one path of a file that several names may lead to; of one that isn't there yet, by its folder. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const folder = dirname(path);
    // What stands in the way shows when the file is opened.
    if (codeOf(error) !== "ENOENT" || folder === path) return path;
    return join(await realPath(folder), basename(path));
  }
}

async function opened<T>(
  path: string,
  mode: "READ_ONLY" | "READ_WRITE",
  work: (file: OpenFile) => Promise<T>,
): Promise<T> {
  // Loaded when needed: the native library takes longer to load than most commands take.
  const { DuckDBInstance: Instance } = await import("@duckdb/node-api");
  const connections: DuckDBConnection[] = [];
  let instance: DuckDBInstance | undefined;
  try {
    instance = await Instance.create(path, { ...SETTINGS, access_mode: mode });
    const database = instance;
    return await work({
      async connect() {
        const connection = await database.connect();
        connections.push(connection);
        return connection;
      },
    });
  } finally {
    for (const connection of connections) connection.closeSync();
    instance?.closeSync();
  }
}

/** Gives a file its name unless there is one of that name already, which then stays. */
async function place(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") return;
    // File systems without hard links: between two that make the file at once, the later one's stays.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP") throw systemError(error);
    await rename(from, to);
  }
}

/** A system error in DuckDB's words, so that one list explains both. */
function systemError(error: unknown): unknown {
  const words: Record<string, string> = {
    EACCES: "Permission denied",
    EPERM: "Permission denied",
    EROFS: "Read-only file system",
    ENOTDIR: "Not a directory",
    EEXIST: "Not a directory",
    ENOSPC: "No space left on device",
    EDQUOT: "Disk quota exceeded",
  };
  const text = words[codeOf(error) ?? ""];
  return text === undefined ? error : new Error(`${text}: ${messageOf(error)}`, { cause: error });
}
