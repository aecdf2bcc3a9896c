import { constants } from "node:fs";
import { type FileHandle, open, opendir, readdir, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Clock, systemClock } from "../../chain/clock.ts";
import { codeOf, printable, UserError } from "../../errors.ts";
import { folderError, replaceFile, TEMPORARY_NAME } from "./files.ts";
import { type GzipBody, gzipMember } from "../gzip.ts";
import { BadObjectError, type Lake, StaleGenerationError } from "../lake.ts";
import { breakIfDead, LOCK_NAME, type LockOptions, withFolderLock } from "./lock.ts";
import { encodeExtra, parseMemberHeader } from "../member.ts";
import { openLake } from "../objectLake.ts";
import { ownerState } from "./owner.ts";
import { OBJECT_LIMITS, type ObjectEntry, type ObjectStore } from "../store.ts";

/**
 * The moments of a write at which a crash test stops the process: the temporary file is complete; under the
 * lock, right before the rename; right behind it, with the lock still held; and right before a dead holder's
 * lock is removed.
 */
export type SeamPoint =
  | `chunk-${"temporary" | "replace" | "replaced"}`
  | `quarantine-${"temporary" | "write" | "written"}`
  | `horizon-${"temporary" | "write" | "written"}`
  | "lock-break";

export interface FolderOptions {
  /** Called at each of these moments; in production there is none. */
  readonly seam?: (point: SeamPoint) => void | Promise<void>;
  /** For waiting only. */
  readonly clock?: Clock;
}

/**
 * Opens (and need not yet have) the lake of a network in a folder. Throws UserError when the path can't be
 * one.
 */
export function openFolderLake(path: string, network: string, options: FolderOptions = {}): Lake {
  return openLake(new FolderStore(path, options), network);
}

/** Headers are read this many at a time. */
const HEADS_AT_ONCE = 32;
/** Names of a folder are read this many at a time. */
const NAMES_AT_ONCE = 1024;
/** More than the header of any chunk's object, so that one read is enough. */
const HEADER_BYTES = 4096;
/**
 * Temporary files of a host or container that can't be seen from here are swept when they are this old, ms.
 */
const FOREIGN_AGE_MS = 24 * 3_600_000;
/** Who writes these means many folders, or forgot that a shell leaves a pattern as it is where nothing matches. */
const PATTERN = /[*?]/;

/**
 * Objects as files of a folder, for the processes of one host. Metadata and generation lie in the gzip header
 * of the file itself, so the two can't come apart and a reader needs no lock. Names that begin with a dot are
 * the store's own.
 */
export class FolderStore implements ObjectStore {
  readonly url: string;
  readonly #root: string;
  readonly #seam: (point: SeamPoint) => void | Promise<void>;
  readonly #lock: LockOptions;
  readonly #swept = new Set<string>();

  constructor(path: string, options: FolderOptions = {}) {
    this.url = path;
    this.#root = resolve(path);
    if (path === "" || PATTERN.test(path))
      throw new UserError(
        `a lake can't lie in "${printable(path)}": a lake is one folder, without * and ? in its path; choose another --lake`,
        { exitCode: 2 },
      );
    this.#seam = options.seam ?? (() => {});
    this.#lock = { clock: options.clock ?? systemClock, beforeBreak: () => this.#seam("lock-break") };
  }

  async folders(prefix: string): Promise<string[]> {
    const folder = this.locate(prefix);
    const entries = await this.#reading(folder, () => readdir(folder, { withFileTypes: true }));
    const names = (entries ?? [])
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map((entry) => entry.name);
    const held = await Promise.all(names.map((name) => this.#holdsObjects(join(folder, name))));
    return names.filter((_, index) => held[index]).sort();
  }

  async *list(prefix: string, start: string, end: string): AsyncGenerator<ObjectEntry, void, undefined> {
    const folder = this.locate(prefix);
    // The system has no way of asking for a part of a folder's names: all are looked at, those in the range are kept.
    const isInRange = (name: string) => start <= prefix + name && prefix + name < end;
    const names = (await this.#names(folder, isInRange)).map((name) => prefix + name).sort();
    for (let at = 0; at < names.length; at += HEADS_AT_ONCE) {
      const entries = await Promise.all(names.slice(at, at + HEADS_AT_ONCE).map((name) => this.head(name)));
      for (const entry of entries) if (entry) yield entry;
    }
  }

  async head(name: string): Promise<ObjectEntry | undefined> {
    return this.#opened(name, async (file) => headOf(name, file));
  }

  async read(name: string): Promise<{ entry: ObjectEntry; body?: Buffer } | undefined> {
    await this.#sweepOnce(dirname(this.locate(name)));
    return this.#opened(name, async (file) => {
      const entry = await headOf(name, file);
      return "fault" in entry ? { entry } : { entry, body: await readFrom(file, entry.bytes) };
    });
  }

  async write(
    name: string,
    body: GzipBody,
    metadata: Readonly<Record<string, string>>,
    ifGeneration: number,
  ): Promise<number> {
    const path = this.locate(name);
    // The machine's time and not the run's, which may stand still: a generation must grow even where the file
    // before it was removed.
    const generation = Math.max(ifGeneration + 1, Date.now() * 1000);
    const extra = encodeExtra({ generation: String(generation), ...metadata });
    const [complete, before, after] = seamsOf(name);
    await this.#sweepOnce(dirname(path));
    await replaceFile(path, Buffer.concat(gzipMember(body, extra)), async (swap) => {
      await this.#seam(complete);
      await withFolderLock(dirname(path), this.#lock, async () => {
        const current = (await this.head(name))?.generation ?? 0;
        if (current !== ifGeneration)
          throw new StaleGenerationError(`${path} is of generation ${current}, not ${ifGeneration} any more`);
        await this.#seam(before);
        await swap();
        await this.#seam(after);
      });
    });
    return generation;
  }

  async readText(name: string, limit: number): Promise<string | undefined> {
    return this.#opened(name, async (file) => {
      const { size } = await file.stat();
      if (size > limit)
        throw new BadObjectError(
          name,
          `${this.locate(name)} is over ${limit} bytes; move it away and run again`,
        );
      return (await readFrom(file, size)).toString("utf8");
    });
  }

  async writeText(name: string, text: string): Promise<void> {
    const path = this.locate(name);
    const [complete, before, after] = seamsOf(name);
    await this.#sweepOnce(dirname(path));
    await replaceFile(path, Buffer.from(text), async (swap) => {
      await this.#seam(complete);
      await this.#seam(before);
      await swap();
      await this.#seam(after);
    });
  }

  async tidy(prefix: string): Promise<void> {
    await this.#names(this.locate(prefix));
  }

  locate(name: string): string {
    return join(this.#root, name);
  }

  /** The objects' names in a folder that are wanted. What dead writers left there is removed on the way. */
  async #names(folder: string, isWanted: (name: string) => boolean = () => false): Promise<string[]> {
    const names: string[] = [];
    const own: string[] = [];
    await this.#reading(folder, async () => {
      // Names as they come: a relay's folder may hold hundreds of thousands, and a shard's are a few.
      for await (const { name } of await opendir(folder, { bufferSize: NAMES_AT_ONCE })) {
        if (name.startsWith(".")) own.push(name);
        else if (isWanted(name)) names.push(name);
      }
    });
    this.#swept.add(folder);
    for (const name of own) await this.#sweep(join(folder, name));
    return names;
  }

  async #holdsObjects(folder: string): Promise<boolean> {
    const found = await this.#reading(folder, async () => {
      // Names as they come: a relay's folder may hold hundreds of thousands.
      for await (const { name } of await opendir(folder)) if (!name.startsWith(".")) return true;
      return false;
    });
    return found ?? false;
  }

  /** Folders that are only written or read by name are swept when this process first meets them. */
  async #sweepOnce(folder: string): Promise<void> {
    if (!this.#swept.has(folder)) await this.#names(folder);
  }

  async #sweep(path: string): Promise<void> {
    const owner = TEMPORARY_NAME.exec(basename(path))?.[1];
    try {
      if (LOCK_NAME.test(basename(path))) await breakIfDead(path, this.#lock);
      else if (owner !== undefined) {
        const state = ownerState(owner);
        const left =
          state === "dead" ||
          (state === "unknown" && (await stat(path)).mtimeMs < Date.now() - FOREIGN_AGE_MS);
        if (left) await unlink(path);
      }
    } catch (error) {
      // Gone by itself, or a reader who may not write: then it is for the next writer.
      if (!["ENOENT", "EACCES", "EPERM", "EROFS"].includes(codeOf(error) ?? "")) throw error;
    }
  }

  /** Runs `work` on an object's open file; undefined when there is none. */
  async #opened<T>(name: string, work: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
    const path = this.locate(name);
    return this.#reading(path, async () => {
      // Not blocking: a pipe under an object's name would otherwise be waited for.
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        return await work(file);
      } finally {
        await file.close();
      }
    });
  }

  async #reading<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw folderError(error, "read", path);
    }
  }
}

function seamsOf(name: string): readonly [SeamPoint, SeamPoint, SeamPoint] {
  if (name.endsWith(".json")) return ["horizon-temporary", "horizon-write", "horizon-written"];
  return name.includes("/quarantine/")
    ? ["quarantine-temporary", "quarantine-write", "quarantine-written"]
    : ["chunk-temporary", "chunk-replace", "chunk-replaced"];
}

/** Reads an object's generation and metadata from the file's header. */
async function headOf(name: string, file: FileHandle): Promise<ObjectEntry> {
  const info = await file.stat({ bigint: true });
  const bytes = Number(info.size);
  // A file that no writer of ours made has no generation; its time of change stands in, so that a mended one
  // counts as new.
  const stranger = { name, generation: Number(info.mtimeNs / 1000n), bytes };
  if (!info.isFile()) return { ...stranger, fault: "it is not a file" };
  if (bytes > OBJECT_LIMITS.stored) return { ...stranger, fault: `it is over ${OBJECT_LIMITS.stored} bytes` };
  let header = parseMemberHeader(await readFrom(file, Math.min(bytes, HEADER_BYTES)));
  if ("needs" in header && header.needs <= bytes)
    header = parseMemberHeader(await readFrom(file, header.needs));
  if ("needs" in header) return { ...stranger, fault: "it is cut short" };
  if ("fault" in header) return { ...stranger, fault: header.fault };
  if (!header.values) return { ...stranger, fault: "its gzip header holds no metadata" };
  const { generation: text, ...metadata } = header.values;
  const generation = Number(text);
  if (!Number.isSafeInteger(generation) || generation < 1 || text !== String(generation))
    return { ...stranger, fault: "its metadata has no generation" };
  return { name, generation, bytes, metadata };
}

/** The first `length` bytes of a file, or all when it has fewer. */
async function readFrom(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(buffer, at, length - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return buffer.subarray(0, at);
}
