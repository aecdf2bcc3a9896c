import type { DuckDBConnection } from "@duckdb/node-api";
import { SLOTS_AT_ONCE, type CanonicalChain } from "../../chain/canonicalChain.ts";
import { integerOf } from "../cells.ts";
import { canonicalBlocksTable } from "../../datasets/tables.ts";
import { rowsOf } from "./duckdbCells.ts";
import { insertRows, settleReorged } from "./duckdbLoadSql.ts";
import type { SettleOptions, SettleSummary } from "../warehouse.ts";

const { name: canonical } = canonicalBlocksTable;

/** Asks the chain for the slots of unsettled payloads, a transaction each thousand. */
export async function settleFromChain(
  connection: DuckDBConnection,
  chain: CanonicalChain,
  { loadedSince }: SettleOptions,
): Promise<SettleSummary> {
  const settled = await chain.settled();
  const recent =
    loadedSince === undefined
      ? ""
      : `AND EXISTS (SELECT 1 FROM payloads_loads AS ledger WHERE ledger.relay = payloads.relay
          AND slot BETWEEN first_slot AND last_slot AND loaded_at >= epoch_ms(${Math.trunc(loadedSince)}::BIGINT))`;
  const rows = await rowsOf(
    connection,
    `SELECT DISTINCT slot FROM payloads
      WHERE reorged IS NULL AND slot <= ${settled} AND slot NOT IN (SELECT slot FROM ${canonical}) ${recent}
      ORDER BY slot`,
  );
  const slots = rows.map(([slot]) => integerOf(slot));
  for (let at = 0; at < slots.length; at += SLOTS_AT_ONCE) {
    const blocks = await chain.blocks(slots.slice(at, at + SLOTS_AT_ONCE));
    const asked = slots.slice(at, at + SLOTS_AT_ONCE).filter((slot) => blocks.has(slot));
    if (asked.length === 0) continue;
    await connection.run("BEGIN");
    await connection.run(
      insertRows(
        canonicalBlocksTable,
        asked.map((slot) => [slot, blocks.get(slot) ?? null]),
      ),
    );
    await connection.run(settleReorged);
    await connection.run("COMMIT");
  }
  return { blocks: slots.length };
}
