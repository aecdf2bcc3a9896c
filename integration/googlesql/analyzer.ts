import { spawnSync } from "node:child_process";
import { datasets, lakeColumns } from "../../runtime/datasets/dataset.ts";
import { loadTables } from "../../runtime/datasets/tables.ts";
import { guardColumn, guardTable } from "../../runtime/warehouse/bigquery/bigqueryLoadSql.ts";
import { bigqueryTables } from "../../runtime/warehouse/bigquery/bigqueryTables.ts";
import type { ViewSettings } from "../../runtime/warehouse/bigquery/bigqueryViews.ts";
import { provideGoogleSql } from "../cloud/tools.ts";

/** A statement or script, with the type of each parameter. */
export interface Statement {
  readonly name: string;
  readonly sql: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Tables by their full name: columns with their types. */
export type Catalog = Readonly<Record<string, readonly (readonly [name: string, type: string])[]>>;

/** A statement that GoogleSQL refuses. */
export interface Refusal {
  readonly name: string;
  readonly error: string;
}

/** What the analyzer refuses of some statements. */
export async function refusals(catalog: Catalog, statements: readonly Statement[]): Promise<Refusal[]> {
  const program = await provideGoogleSql();
  const { status, stdout, stderr } = spawnSync(program, {
    input: JSON.stringify({ tables: catalog, statements }),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`the GoogleSQL analyzer failed: ${stderr}`);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Refusal);
}

/** A warehouse's tables as they are made, its view loads, its guards, and staging tables of each dataset with the given names. */
export function warehouseCatalog(
  { project, dataset }: ViewSettings,
  staging: string,
  stagingTables: Readonly<Record<keyof typeof datasets, readonly string[]>>,
): Catalog {
  const tables = bigqueryTables().map(({ name, schema }) => {
    const fields = JSON.parse(schema) as { name: string; type: string }[];
    return [
      `${project}.${dataset}.${name}`,
      fields.map((field) => [field.name, field.type] as const),
    ] as const;
  });
  const staged = Object.values(datasets).flatMap((dataset) => [
    [`${project}.${staging}.${guardTable(dataset)}`, [[guardColumn, "TIMESTAMP"] as const]] as const,
    ...stagingTables[dataset.name].map(
      (name) =>
        [
          `${project}.${staging}.${name}`,
          lakeColumns(dataset).map(({ name, type }) => [name, type] as const),
        ] as const,
    ),
  ]);
  const loads = [
    `${project}.${dataset}.loads`,
    [["dataset", "STRING"], ...loadTables.bids.columns.map(({ name, type }) => [name, type] as const)],
  ] as const;
  return Object.fromEntries([...tables, ...staged, loads]);
}
