import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateRawSync, crc32 } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { systemClock } from "../chain/clock.ts";
import { findNetwork, type Network } from "../chain/networks.ts";
import { silentLog } from "../log.ts";
import { directoryOf } from "../relays/directory.ts";
import type { Relay } from "../relays/relay.ts";
import { openDuckDbImports } from "../warehouse/duckdb/duckdbImport.ts";
import { importFile, type Imported, type ImportRun } from "./importFile.ts";
import { ImportLake } from "./importLake.ts";
import type { ArchiveSource } from "./source.ts";

const found = findNetwork("mainnet", 1);
if (!found) throw new Error("no mainnet");
export const mainnet = found;

/** What was recorded of real archives; absent in a plain checkout. */
export const realData = join(import.meta.dirname, "../../../shared/realdata");
export const hasRealData = existsSync(realData);

/** A lake and a warehouse in a folder of their own. */
export interface ImportWorld {
  readonly folder: string;
  readonly warehouse: string;
  run(source: ArchiveSource, more?: Partial<ImportRun>): ImportRun;
  /** Writes a file, and returns its path. */
  file(name: string, content: Uint8Array | string): Promise<string>;
  /** Writes a Parquet file of a SELECT. */
  parquet(name: string, select: string): Promise<string>;
  /** Imports a file under its own name. */
  take(source: ArchiveSource, path: string, more?: Partial<ImportRun>): Promise<Imported>;
  /** Rows of a query over the warehouse; the numbers that JSON can't hold as text. */
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/** `network`: mainnet without it; the names of its relays. */
export async function importWorld(
  network: Network = mainnet,
  relays: readonly Pick<Relay, "name" | "url">[] = directoryOf("mainnet"),
  at?: string,
): Promise<ImportWorld> {
  const folder = at ?? (await mkdtemp(join(tmpdir(), "etl-imports-")));
  const warehouse = join(folder, "w.duckdb");
  const run: ImportWorld["run"] = (source, more) => ({
    source,
    scope: { network, nowMs: Date.UTC(2026, 10, 1), relays },
    lake: new ImportLake(join(folder, "lake"), network.name),
    engine: openDuckDbImports(warehouse, network, { clock: systemClock, log: silentLog }),
    ...more,
  });
  return {
    folder,
    warehouse,
    run,
    async file(name, content) {
      const path = join(folder, "given", name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return path;
    },
    async parquet(name, select) {
      const path = join(folder, "given", name);
      await mkdir(dirname(path), { recursive: true });
      await inDuckDb(":memory:", `COPY (${select}) TO '${path}' (FORMAT parquet)`);
      return path;
    },
    take(source, path, more) {
      const given = { path, sourceFile: source.nameOf(path), url: null, etag: null, linked: false };
      return importFile(run(source, more), given);
    },
    query: (sql) => inDuckDb(warehouse, sql),
  };
}

async function inDuckDb(path: string, sql: string): Promise<Record<string, unknown>[]> {
  const options = path === ":memory:" ? {} : { access_mode: "READ_ONLY" };
  const instance = await DuckDBInstance.create(path, options);
  try {
    const connection = await instance.connect();
    const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson();
    connection.closeSync();
    return rows;
  } finally {
    instance.closeSync();
  }
}

/** The bids of one slot as the Flashbots relay answered them; skips aloud what needs them where they aren't there. */
export async function recordedBids(): Promise<Record<string, string | boolean>[]> {
  const path = join(realData, "flashbots__builder_blocks_received__slot7567001.json");
  return JSON.parse(await readFile(path, "utf8")) as Record<string, string | boolean>[];
}

/** Lines of CSV with their header. */
export function csvOf(
  header: readonly string[],
  rows: readonly Readonly<Record<string, string | boolean>>[],
): string {
  const lines = rows.map((row) => header.map((name) => String(row[name] ?? "")).join(","));
  return [header.join(","), ...lines, ""].join("\n");
}

/** A zip archive of one file, as Info-ZIP writes it; `wide`: in the form for over 4 GiB. */
export function zipOf(
  name: string,
  content: string,
  { wide = false, declared = content.length } = {},
): Buffer {
  const packed = deflateRawSync(content);
  const crc = crc32(content);
  const file = Buffer.from(name);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt32LE(crc, 14);
  local.writeUInt16LE(file.length, 26);
  const extra = Buffer.alloc(wide ? 28 : 0);
  if (wide) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    extra.writeBigUInt64LE(BigInt(declared), 4);
    extra.writeBigUInt64LE(BigInt(packed.length), 12);
  }
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(wide ? 0xffff_ffff : packed.length, 20);
  entry.writeUInt32LE(wide ? 0xffff_ffff : declared, 24);
  entry.writeUInt16LE(file.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(wide ? 0xffff_ffff : 0, 42);
  const body = Buffer.concat([local, file, packed]);
  const directory = Buffer.concat([entry, file, extra]);
  return Buffer.concat([body, directory, ends(body.length, directory.length, wide)]);
}

function ends(offset: number, bytes: number, wide: boolean): Buffer {
  const end64 = Buffer.alloc(wide ? 76 : 0);
  if (wide) {
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeBigUInt64LE(1n, 24);
    end64.writeBigUInt64LE(1n, 32);
    end64.writeBigUInt64LE(BigInt(bytes), 40);
    end64.writeBigUInt64LE(BigInt(offset), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(offset + bytes), 64);
    end64.writeUInt32LE(1, 72);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(wide ? 0xffff : 1, 8);
  end.writeUInt16LE(wide ? 0xffff : 1, 10);
  end.writeUInt32LE(wide ? 0xffff_ffff : bytes, 12);
  end.writeUInt32LE(wide ? 0xffff_ffff : offset, 16);
  return Buffer.concat([end64, end]);
}
