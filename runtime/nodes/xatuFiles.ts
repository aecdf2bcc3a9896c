import { existsSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { quotedText } from "../datasets/schema.ts";
import { messageOf, printable, UserError } from "../errors.ts";

/**
 * Parquet files of ethpandaops' xatu below a folder that has a folder a table, as their own layout has (facts: xatu-data's
 * schema). Close it when done.
 */
export interface XatuFiles {
  /** Whether there is a folder of a table. */
  has(table: string): boolean;
  /** What stands for a table in a statement. */
  from(table: string): string;
  /** Makes a temporary table for later queries. */
  run(sql: string): Promise<void>;
  /** The rows of a query, as JSON has them. Throws UserError. */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): void;
}

/** What exceeds that is put on disk; with it a process that verifies a day of mainnet's size stays below 512 MB (bench/verify.ts). */
const MEMORY = "256MB";

/** FixedString comes as a BLOB, String as text: both as lower-case text. */
export const xatuText = (column: string) => `lower(decode(CAST(${column} AS BLOB)))`;

/** Throws UserError where the folder of a table that is needed is missing. */
export async function openXatuFiles(folder: string, tables: readonly string[]): Promise<XatuFiles> {
  const has = (table: string) => existsSync(join(folder, table));
  for (const table of tables)
    if (!has(table))
      throw new UserError(
        `${printable(folder)} has no folder ${table}: put xatu's parquet files there, a folder a table`,
        { exitCode: 2 },
      );
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: MEMORY,
    // Beside the data and not where the program was started, which may be full or not to be written to.
    temp_directory: join(folder, ".spill"),
  });
  const connection = await instance.connect();
  return {
    has,
    from: (table) => `read_parquet(${quotedText(join(folder, table, "**/*.parquet"))}, union_by_name = true)`,
    async run(sql) {
      await connection.run(sql);
    },
    async query(sql) {
      try {
        return (await connection.runAndReadAll(sql)).getRowObjectsJson();
      } catch (error) {
        throw new UserError(
          `xatu's files in ${printable(folder)} can't be read: ${printable(messageOf(error), 300)}`,
        );
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** An integer of 128 or 256 bits from the hex of its little-endian bytes; "" is 0. */
export function littleEndian(bytes: string): bigint {
  return bytes === "" ? 0n : BigInt(`0x${Buffer.from(bytes, "hex").reverse().toString("hex")}`);
}
