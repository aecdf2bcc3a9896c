import type { Network } from "../../chain/networks.ts";
import { printable, UserError } from "../../errors.ts";
import type { BigQueryApi } from "./bigqueryApi.ts";
import { ApiError, isNotFound } from "./bigqueryErrors.ts";
import { type BigQueryTable, bigqueryTables } from "./bigqueryTables.ts";
import { bigqueryRoutines, bigqueryViews, type ViewSettings } from "./bigqueryViews.ts";

/** The label by which a dataset says whose warehouse it is. */
const NETWORK_LABEL = "network";
/** Staging tables that a loader left are gone after a day. */
const STAGING_MS = 24 * 3_600_000;

interface DatasetResource {
  readonly location?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** How the datasets, tables and views are made. */
export interface CreateOptions {
  /** Where a dataset that isn't there yet is made (US). */
  readonly location?: string;
  /** Days that view `delivered` looks back (28). */
  readonly days?: number;
  /** False: queries of bids and payloads need not name their days (true). */
  readonly requirePartitionFilter?: boolean;
}

/** Looks at the warehouse's dataset: where it lies. Throws UserError when it isn't a warehouse of this network. */
export async function recognize(
  api: BigQueryApi,
  url: string,
  dataset: string,
  network: Network,
): Promise<{ location: string }> {
  const path = `/datasets/${dataset}`;
  const { location, labels = {} } = await api.ask<DatasetResource>({ method: "GET", path });
  const owner = labels[NETWORK_LABEL];
  const shown = printable(url, 300);
  if (owner === undefined)
    throw new UserError(
      `${shown} isn't a warehouse of this program: its dataset has no label "${NETWORK_LABEL}"; choose another --warehouse, or make an empty dataset one by \`load --create\``,
      { exitCode: 2 },
    );
  if (owner !== network.name)
    throw new UserError(
      `${shown} is the warehouse of network ${printable(owner)}, not of ${network.name}; choose another --warehouse`,
      { exitCode: 2 },
    );
  return { location: location ?? "US" };
}

/**
 * Makes what isn't there yet of a warehouse: both datasets, tables, columns, views and the table function. What is there stays as
 * it is, but views and function are brought up to this version.
 */
export async function createWarehouse(
  api: BigQueryApi,
  settings: ViewSettings & { readonly staging: string; readonly url: string },
  options: CreateOptions,
): Promise<void> {
  const { dataset, staging, network, project } = settings;
  const { location = "US", requirePartitionFilter = true, days } = options;
  const labels = { [NETWORK_LABEL]: network.name };
  await createDataset(api, dataset, {
    location,
    labels,
    description: `MEV-Boost bids and payloads of ${network.name}`,
    storageBillingModel: "PHYSICAL",
    maxTimeTravelHours: "48",
  });
  await claim(api, dataset, labels);
  const { location: found } = await recognize(api, settings.url, dataset, network);
  await createDataset(api, staging, {
    location: found,
    labels,
    description: `Tables under way into ${dataset}`,
    defaultTableExpirationMs: String(STAGING_MS),
  });
  for (const table of bigqueryTables()) {
    const resource = {
      ...tableResource(project, dataset, table),
      requirePartitionFilter: table.requirePartitionFilter && requirePartitionFilter,
    };
    if (!(await create(api, `/datasets/${dataset}/tables`, resource))) await addColumns(api, dataset, table);
  }
  const views = { ...settings, ...(days === undefined ? {} : { days }) };
  for (const { name, description, query } of bigqueryViews(views)) {
    const view = {
      tableReference: { projectId: project, datasetId: dataset, tableId: name },
      description,
      view: { query, useLegacySql: false },
    };
    if (!(await create(api, `/datasets/${dataset}/tables`, view)))
      await api.ask({ method: "PATCH", path: `/datasets/${dataset}/tables/${name}`, body: view });
  }
  for (const routine of bigqueryRoutines(views)) {
    const body = {
      routineReference: { projectId: project, datasetId: dataset, routineId: routine.name },
      routineType: "TABLE_VALUED_FUNCTION",
      language: "SQL",
      description: routine.description,
      arguments: routine.arguments.map(({ name, typeKind }) => ({ name, dataType: { typeKind } })),
      definitionBody: routine.body,
    };
    if (!(await create(api, `/datasets/${dataset}/routines`, body)))
      await api.ask({ method: "PUT", path: `/datasets/${dataset}/routines/${routine.name}`, body });
  }
}

async function createDataset(api: BigQueryApi, datasetId: string, resource: object): Promise<void> {
  const body = { datasetReference: { projectId: api.project, datasetId }, ...resource };
  await create(api, "/datasets", body);
}

/** Labels a dataset that is there without a label, if it is empty: somebody made it for this. */
async function claim(
  api: BigQueryApi,
  dataset: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const path = `/datasets/${dataset}`;
  const { labels: before = {} } = await api.ask<DatasetResource>({ method: "GET", path });
  if (before[NETWORK_LABEL] !== undefined) return;
  const { tables = [] } = await api.ask<{ tables?: unknown[] }>({ method: "GET", path: `${path}/tables` });
  if (tables.length === 0)
    await api.ask({ method: "PATCH", path, body: { labels: { ...before, ...labels } } });
}

/** False where there is one of that name already. */
async function create(api: BigQueryApi, path: string, body: object): Promise<boolean> {
  try {
    await api.ask({ method: "POST", path, body });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return false;
    throw error;
  }
}

interface Field {
  readonly name: string;
}

/** Adds the columns that a table lacks because an earlier version made it; its rows have NULL in them. */
async function addColumns(api: BigQueryApi, dataset: string, table: BigQueryTable): Promise<void> {
  const path = `/datasets/${dataset}/tables/${table.name}`;
  const { schema } = await api.ask<{ schema?: { fields?: readonly Field[] } }>({ method: "GET", path });
  const there = schema?.fields ?? [];
  const names = new Set(there.map(({ name }) => name));
  const lacking = (JSON.parse(table.schema) as Field[]).filter(({ name }) => !names.has(name));
  if (lacking.length === 0) return;
  await api.ask({ method: "PATCH", path, body: { schema: { fields: [...there, ...lacking] } } });
}

function tableResource(projectId: string, datasetId: string, table: BigQueryTable): object {
  const { name, description, schema, partition, rangePartitioning: range, clustering } = table;
  const text = ({ start, end, interval }: NonNullable<typeof range>) => ({
    start: String(start),
    end: String(end),
    interval: String(interval),
  });
  return {
    tableReference: { projectId, datasetId, tableId: name },
    description,
    schema: { fields: JSON.parse(schema) as unknown },
    ...(partition === undefined ? {} : { timePartitioning: { type: "DAY", field: partition } }),
    ...(range === undefined ? {} : { rangePartitioning: { field: range.field, range: text(range) } }),
    ...(clustering.length === 0 ? {} : { clustering: { fields: clustering } }),
  };
}

/** True where a table is there. */
export async function hasTable(api: BigQueryApi, dataset: string, table: string): Promise<boolean> {
  try {
    await api.ask({ method: "GET", path: `/datasets/${dataset}/tables/${table}` });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Drops a table, if it is there. */
export async function dropTable(api: BigQueryApi, dataset: string, table: string): Promise<void> {
  try {
    await api.ask({ method: "DELETE", path: `/datasets/${dataset}/tables/${table}` });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
