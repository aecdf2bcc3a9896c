import type { DuckDBConnection } from "@duckdb/node-api";
import type { Chunk } from "../../datasets/chunks.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { nameList, quotedText } from "../../datasets/schema.ts";
import { loadTables } from "../../datasets/tables.ts";
import { recordsOf } from "./duckdbCells.ts";
import { type LedgerPart, LedgerRows, LedgerState, STATE_COLUMNS } from "../ledger.ts";

/** What the ledger has of a dataset. */
export async function ledgerState(
  connection: DuckDBConnection,
  dataset: Dataset,
  part: LedgerPart,
): Promise<LedgerState> {
  const where =
    "relay" in part
      ? `relay = ${quotedText(part.relay)}`
      : part.ranges.map(({ first, last }) => `first_slot BETWEEN ${first} AND ${last}`).join(" OR ");
  const sql = `SELECT ${STATE_COLUMNS} FROM ${loadTables[dataset.name].name} WHERE ${where || "false"}`;
  return new LedgerState(await recordsOf(connection, sql));
}

/** The ledger's rows of chunks, at least one. Throws UserError when one is damaged. */
export async function ledgerRows(
  connection: DuckDBConnection,
  dataset: Dataset,
  chunks: readonly Chunk[],
): Promise<LedgerRows> {
  const { name, columns } = loadTables[dataset.name];
  const keys = chunks.map(({ relay, first }) => `(${quotedText(relay)}, ${first})`);
  const sql = `SELECT ${nameList(columns)} FROM ${name} WHERE (relay, first_slot) IN (${keys.join(", ")})`;
  return new LedgerRows(dataset, await recordsOf(connection, sql));
}
