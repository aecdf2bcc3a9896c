// How the provider and the API treat the schema of a BigQuery table. Source of what is compared and of what can change in
// place: hashicorp/terraform-provider-google, google/services/bigquery/resource_bigquery_table.go
// (bigQueryTableSchemaDiffSuppress, resourceBigQueryTableSchemaIsChangeable).
import { canonical, textOrNone } from "./kind.ts";

interface Column {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly description?: string;
  readonly fields?: readonly Column[];
}

/** The API writes the older name of each type. */
const OLDER: Readonly<Record<string, string>> = {
  INT64: "INTEGER",
  FLOAT64: "FLOAT",
  BOOL: "BOOLEAN",
  STRUCT: "RECORD",
};

const columns = (schema: string): Column[] => JSON.parse(schema === "" ? "[]" : schema) as Column[];
const type = (column: Column) => OLDER[column.type.toUpperCase()] ?? column.type.toUpperCase();
const mode = (column: Column) => (column.mode ?? "NULLABLE").toUpperCase();

/** A schema as the API gives it back: older types, every mode, keys in another order. */
export function serverSchema(given: string): string {
  const form = (column: Column): unknown => ({
    ...(column.description === undefined ? {} : { description: column.description }),
    ...(column.fields === undefined ? {} : { fields: column.fields.map(form) }),
    mode: mode(column),
    name: column.name,
    type: type(column),
  });
  return JSON.stringify(columns(given).map(form));
}

/** Whether two schemas mean the same to the provider; it puts columns into the order of their names first. */
export function sameSchema(stands: unknown, wanted: unknown): boolean {
  const form = (column: Column): unknown => ({
    ...column,
    type: type(column),
    mode: mode(column),
    description: column.description ?? "",
    fields: (column.fields ?? []).map(form),
  });
  const meaning = (schema: string) =>
    canonical(
      columns(schema)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map(form),
    );
  return meaning(textOrNone(stands)) === meaning(textOrNone(wanted));
}

/**
 * Whether the provider changes one schema into the other in place. It does drop columns of the top level (by ALTER TABLE),
 * as long as none is added with it.
 */
export function changeable(stands: string, wanted: string): boolean {
  const now = new Map(columns(stands).map((column) => [column.name, column]));
  const then = new Map(columns(wanted).map((column) => [column.name, column]));
  const added = [...then.values()].filter(({ name }) => !now.has(name));
  if (added.some((column) => mode(column) === "REQUIRED")) return false;
  let dropped = 0;
  for (const [name, column] of now) {
    const next = then.get(name);
    if (!next) {
      dropped += 1;
      continue;
    }
    const relaxed = mode(column) === "REQUIRED" && mode(next) === "NULLABLE";
    if (type(column) !== type(next) || (mode(column) !== mode(next) && !relaxed)) return false;
  }
  return dropped === 0 || added.length === 0;
}
