import type { Dataset } from "../../datasets/dataset.ts";
import type { BigQueryApi } from "./bigqueryApi.ts";
import { ApiError, isConflict, isNotFound } from "./bigqueryErrors.ts";
import type { BigQueryJobs, Query } from "./bigqueryJobs.ts";
import { GUARD_EMPTY, guardColumn, guardTable, type LoadPlaces } from "./bigqueryLoadSql.ts";
import { tableName } from "./bigquerySql.ts";

/** What working on the tables of a warehouse takes. */
export interface BigQueryParts {
  readonly api: BigQueryApi;
  readonly jobs: BigQueryJobs;
  readonly places: LoadPlaces;
}

/** True where a transaction failed because a dataset's guard isn't there or has no row. */
export function isGuardMissing(error: unknown, dataset: Dataset): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error.message.includes(GUARD_EMPTY)) return true;
  return (
    (isNotFound(error) || /not found/i.test(error.message)) && error.message.includes(guardTable(dataset))
  );
}

const ATTEMPTS = 40;

/** Runs a transaction that may be repeated, again while others are faster. */
export async function runGuarded(parts: BigQueryParts, dataset: Dataset, query: Query): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await parts.jobs.run(query);
      return;
    } catch (error) {
      if (attempt >= ATTEMPTS) throw error;
      if (isGuardMissing(error, dataset)) await ensureGuard(parts, dataset);
      else if (isConflict(error)) await parts.api.pause(Math.min(attempt, 4));
      else throw error;
    }
  }
}

/** Makes the guard and its row where they aren't; two rows do no harm. */
export async function ensureGuard({ api, jobs, places }: BigQueryParts, dataset: Dataset): Promise<void> {
  const { project, dataset: datasetId } = places.staging;
  const name = guardTable(dataset);
  try {
    await api.ask({
      method: "POST",
      path: `/datasets/${datasetId}/tables`,
      body: {
        tableReference: { projectId: project, datasetId, tableId: name },
        description: `Every transaction on table ${dataset.name} updates this row, so that two of them conflict`,
        schema: { fields: [{ name: guardColumn, type: "TIMESTAMP", mode: "NULLABLE" }] },
        // The dataset's tables expire; this one is as lasting as the warehouse.
        expirationTime: String(Date.UTC(9999, 0, 1)),
      },
    });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
  }
  await jobs.run(guardRow(places, dataset));
}

/** The query that puts the one row into a guard table. */
export function guardRow(places: LoadPlaces, dataset: Dataset): Query {
  const guard = tableName(places.staging, guardTable(dataset));
  return {
    sql: `INSERT INTO ${guard} (${guardColumn})
SELECT CURRENT_TIMESTAMP() FROM UNNEST([1]) WHERE NOT EXISTS (SELECT 1 FROM ${guard})`,
  };
}
