import type { DuckDBConnection } from "@duckdb/node-api";
import { DATASET_NAMES, type DatasetName } from "../datasets/dataset.ts";
import { quotedText } from "../datasets/schema.ts";
import { relaysTable } from "../datasets/tables.ts";
import { BadObjectError, type Lake } from "../lake/lake.ts";
import type { Relay } from "../relay/relay.ts";
import { rowsOf, textOf } from "./cells.ts";
import { insertRows } from "./loadSql.ts";

/**
 * Brings table relays up to date: `relays` as they are in the directory, with their horizons; those that aren't named stay as
 * they were; those that only the lake knows are `off`. Returns the horizons that can't be read.
 */
export async function loadRelays(
  connection: DuckDBConnection,
  lake: Lake,
  relays: readonly Relay[],
): Promise<{ object: string; error: string }[]> {
  const failed: { object: string; error: string }[] = [];
  const horizon = async (dataset: DatasetName, relay: string): Promise<number | null> => {
    try {
      return (await lake.readHorizon(dataset, relay))?.oldest_slot ?? null;
    } catch (error) {
      if (!(error instanceof BadObjectError)) throw error;
      failed.push({ object: error.object, error: error.message });
      return null;
    }
  };
  const rows: (string | number | null)[][] = [];
  for (const relay of relays) {
    const named = [relay.name, relay.url, relay.pubkey, relay.filtering, relay.dialect, relay.state];
    const range = [relay.activeFrom, relay.activeTo, relay.collectFrom, relay.aliasOf];
    const horizons = [await horizon("bids", relay.name), await horizon("payloads", relay.name)];
    rows.push([...named, ...range, ...horizons]);
  }
  const { name: table } = relaysTable;
  const named = new Set(relays.map(({ name }) => name));
  const listed = await rowsOf(connection, `SELECT name FROM ${table}`);
  const known = new Set([...named, ...listed.map(([name]) => textOf(name))]);
  for (const dataset of DATASET_NAMES) {
    for (const name of await lake.relays(dataset)) {
      if (known.has(name)) continue;
      known.add(name);
      rows.push([name, null, null, null, null, "off", ...Array<null>(6).fill(null)]);
    }
  }
  if (rows.length === 0) return failed;
  await connection.run("BEGIN");
  if (named.size > 0)
    await connection.run(`DELETE FROM ${table} WHERE name IN (${[...named].map(quotedText).join(", ")})`);
  await connection.run(insertRows(relaysTable, rows));
  await connection.run("COMMIT");
  return failed;
}
