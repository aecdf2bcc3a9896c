import { relaysTable } from "../datasets/tables.ts";
import type { Lake } from "../lake/lake.ts";
import type { Relay } from "../relay/relay.ts";
import type { BigQueryApi } from "./bigqueryApi.ts";
import { isConflict } from "./bigqueryErrors.ts";
import type { BigQueryJobs, Query } from "./bigqueryJobs.ts";
import type { ScalarType } from "./bigqueryParameters.ts";
import { columnList, columnName, type DatasetPlace, tableName } from "./bigquerySql.ts";
import { textOf } from "./cells.ts";
import { type RelayValues, relayRows } from "./relayRows.ts";

const ATTEMPTS = 20;

/**
 * Brings table relays up to date, and writes only what has changed in it; relays that aren't named stay as they were. Returns
 * the horizons that can't be read.
 */
export async function loadRelaysIntoBigQuery(
  api: BigQueryApi,
  jobs: BigQueryJobs,
  place: DatasetPlace,
  lake: Lake,
  relays: readonly Relay[],
): Promise<{ object: string; error: string }[]> {
  for (let attempt = 1; ; attempt++) {
    const before = new Map<string, string>();
    for (const row of await jobs.run(relaysQuery(place)))
      before.set(textOf(row["name"]), textOf(row["line"]));
    const { rows, failed } = await relayRows(lake, relays, new Set(before.keys()));
    const changed = rows.filter(
      (row) => before.get(String(row[0])) !== JSON.stringify(row.map((value) => value?.toString() ?? null)),
    );
    if (changed.length === 0) return failed;
    try {
      await jobs.run(relaysMerge(place, changed));
      return failed;
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
      await api.pause(Math.min(attempt, 4));
    }
  }
}

const { name: table, columns } = relaysTable;

/** Table relays, each row as one JSON text, by which it is compared. */
export function relaysQuery(place: DatasetPlace): Query {
  const texts = columns.map(({ name }) => `CAST(${columnName(name)} AS STRING)`);
  return {
    sql: `SELECT ${columnName("name")}, TO_JSON_STRING([${texts.join(", ")}]) AS line FROM ${tableName(place, table)}`,
  };
}

export function relaysMerge(place: DatasetPlace, rows: readonly RelayValues[]): Query {
  const set = columns
    .filter(({ name }) => name !== "name")
    .map(({ name }) => `${columnName(name)} = relay.${columnName(name)}`);
  return {
    sql: `MERGE INTO ${tableName(place, table)} AS listed
USING (SELECT ${columnList(columns, "each_relay")} FROM UNNEST(@relays) AS each_relay) AS relay
  ON listed.name = relay.name
WHEN MATCHED THEN UPDATE SET ${set.join(", ")}
WHEN NOT MATCHED THEN INSERT (${columnList(columns)}) VALUES (${columnList(columns, "relay")})`,
    parameters: {
      relays: {
        fields: Object.fromEntries(
          columns.map(({ name, type }): [string, ScalarType] => [
            name,
            type === "INT64" ? "INT64" : "STRING",
          ]),
        ),
        rows: rows.map((row) =>
          Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null])),
        ),
      },
    },
  };
}
