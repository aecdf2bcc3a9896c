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
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: MEMORY });
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

/**
 * A wide integer as text for `wideInteger`: the bytes of UInt128 and UInt256, which come as a BLOB, in hex; of any other type, since
 * those bytes would mean something else there, its digits behind a #.
 */
export const xatuWide = (column: string) =>
  `CASE typeof(${column}) WHEN 'BLOB' THEN hex(TRY_CAST(${column} AS BLOB)) ELSE '#' || CAST(${column} AS VARCHAR) END`;

/** The integer of such a text: little-endian bytes, or digits; "" is 0. Throws UserError. */
export function wideInteger(text: string): bigint {
  if (/^#\d+$/.test(text)) return BigInt(text.slice(1));
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text))
    throw new UserError(`xatu's files have ${printable(text.slice(1), 80)} where an integer is to be`);
  return text === "" ? 0n : BigInt(`0x${Buffer.from(text, "hex").reverse().toString("hex")}`);
}
