import { chunkRange } from "../datasets/chunks.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { BadObjectError, type Lake } from "../lake/lake.ts";
import { refusedRows } from "../lake/quarantine.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import type { Queried } from "../warehouse/sql/rowsOfEach.ts";
import { type Scope, relayIn } from "../warehouse/sql/scope.ts";
import type { Refusals } from "./section.ts";
import { numberIn, textIn } from "../warehouse/sql/values.ts";

/** Objects that are read, the newest first: a report doesn't read a whole lake. */
const MOST_OBJECTS = 500;

/** The chunks that have quarantined rows, newest first. */
export function refusedChunksSql(d: SqlDialect, scope: Scope): string {
  return `SELECT dataset, relay, first_slot FROM loads
WHERE quarantined > 0 AND last_slot >= ${scope.range.first} AND first_slot <= ${scope.range.last}${relayIn(d, scope)}
ORDER BY first_slot DESC, dataset, relay`;
}

/** Counts the rows of the lake's quarantine in a range by relay and reason. The ledger says which chunks have any. */
export async function readRefusals(
  warehouse: Queried,
  d: SqlDialect,
  lake: Lake,
  scope: Scope,
): Promise<Refusals> {
  const { first, last } = scope.range;
  const chunks = await warehouse.query(refusedChunksSql(d, scope));
  const counts = new Map<string, { dataset: DatasetName; relay: string; reason: string; rows: number }>();
  for (const row of chunks.slice(0, MOST_OBJECTS)) {
    const dataset = textIn(row, "dataset") as DatasetName;
    const relay = textIn(row, "relay");
    const range = chunkRange(datasets[dataset], numberIn(row, "first_slot"));
    const lines = await quarantineOf(lake, { dataset, relay, ...range });
    for (const line of lines) {
      if (line.slot < first || line.slot > last) continue;
      const key = JSON.stringify([dataset, relay, line.reason]);
      const known = counts.get(key) ?? { dataset, relay, reason: line.reason, rows: 0 };
      known.rows += line.copies;
      counts.set(key, known);
    }
  }
  return { rows: [...counts.values()], unread: Math.max(0, chunks.length - MOST_OBJECTS) };
}

/** A quarantine that can't be read is the collector's to report: the page goes on with what it has. */
async function quarantineOf(lake: Lake, chunk: Parameters<Lake["readQuarantine"]>[0]) {
  try {
    return refusedRows((await lake.readQuarantine(chunk)).lines);
  } catch (error) {
    if (!(error instanceof BadObjectError)) throw error;
    return [{ slot: chunk.first, reason: "the quarantine itself can't be read", copies: 1 }];
  }
}
