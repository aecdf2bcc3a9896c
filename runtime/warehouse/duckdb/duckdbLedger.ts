import type { DuckDBConnection } from "@duckdb/node-api";
import { integerOf, textOf } from "../cells.ts";
import { SlotBits } from "../../datasets/bits.ts";
import type { Chunk } from "../../datasets/chunks.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { quotedText } from "../../datasets/schema.ts";
import { loadTables } from "../../datasets/tables.ts";
import { UserError } from "../../errors.ts";
import { rowsOf } from "./duckdbCells.ts";
import type { LedgerRow } from "../ledger.ts";
import type { Value } from "../warehouse.ts";

/** The generations that the ledger has of a relay's objects, by first slot. */
export async function generationsOf(
  connection: DuckDBConnection,
  dataset: Dataset,
  relay: string,
): Promise<Map<number, number>> {
  const rows = await rowsOf(
    connection,
    `SELECT first_slot, generation FROM ${loadTables[dataset.name].name} WHERE relay = ${quotedText(relay)}`,
  );
  return new Map(rows.map(([slot, generation]) => [integerOf(slot), integerOf(generation)]));
}

/** The ledger's row for a chunk. Throws UserError when it is damaged. */
export async function ledgerRowOf(
  connection: DuckDBConnection,
  dataset: Dataset,
  chunk: Chunk,
): Promise<LedgerRow | undefined> {
  const [row] = await rowsOf(
    connection,
    `SELECT object, generation, revision, covered, suspect, "rows", quarantined, error, unproven
      FROM ${loadTables[dataset.name].name}
      WHERE relay = ${quotedText(chunk.relay)} AND first_slot = ${chunk.first}`,
  );
  if (!row) return undefined;
  const [object, generation, revision, covered, suspect, rows, quarantined, error, unproven] = row;
  const bits = (value: Value | undefined): SlotBits => {
    const parsed = SlotBits.parse(chunk.first, chunk.last - chunk.first + 1, textOf(value));
    if (!parsed)
      throw new UserError(
        `the ledger of ${chunk.relay} ${dataset.name} at slot ${chunk.first} is damaged; run \`load --rebuild\``,
      );
    return parsed;
  };
  return {
    chunk,
    object: textOf(object),
    generation: integerOf(generation),
    revision: integerOf(revision),
    covered: bits(covered),
    suspect: bits(suspect),
    rows: integerOf(rows),
    quarantined: integerOf(quarantined),
    error: error === null ? null : textOf(error),
    unproven: unproven === null ? null : bits(unproven),
  };
}
