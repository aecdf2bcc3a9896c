import { readFileSync } from "node:fs";
import { RunError } from "@pulumi/pulumi";
import { bigqueryTables } from "../runtime/warehouse/bigquery/bigqueryTables.ts";
import type { Registered } from "../components/components.testing.ts";

/** A table's columns as they were deployed: name, type and mode. */
export type Schemas = Readonly<Record<string, readonly Column[]>>;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
}

export const schemasUrl = new URL("golden/schemas.json", import.meta.url);

/** The columns of every table that was ever deployed. */
export function committedSchemas(): Schemas {
  return JSON.parse(readFileSync(schemasUrl, "utf8")) as Schemas;
}

/** The columns of the tables that a stack registers. */
export function schemasOf(registered: readonly Registered[]): Schemas {
  return Object.fromEntries(
    registered.flatMap(({ inputs }) => {
      const { tableId, schema } = inputs;
      if (typeof tableId !== "string" || typeof schema !== "string") return [];
      const columns = JSON.parse(schema) as Column[];
      return [[tableId, columns.map(({ name, type, mode }) => ({ name, type, mode }))]];
    }),
  );
}

/**
 * What of a change of schemas BigQuery would refuse, or make an empty table of; one line a fault. Columns may be
 * appended, and those must be nullable: rows that are there have no value for them.
 */
export function schemaFaults(before: Schemas, after: Schemas): string[] {
  return Object.entries(before).flatMap(([table, columns]) => {
    const now = after[table];
    if (!now) return [`table ${table} is gone`];
    const changed = columns.flatMap((column, index) => {
      const { name, type, mode } = column;
      const place = now[index];
      if (place?.name !== name) {
        const known = now.some((other) => other.name === name);
        return [`${table}.${name} ${known ? "has moved" : "is gone"}: columns may only be appended`];
      }
      if (place.type !== type) return [`${table}.${name} was ${type} and is ${place.type}`];
      // Letting go of a requirement is the one change that BigQuery makes in place.
      if (place.mode !== mode && place.mode !== "NULLABLE")
        return [`${table}.${name} was ${mode} and is ${place.mode}`];
      return [];
    });
    const appended = now.slice(columns.length).filter(({ mode }) => mode === "REQUIRED");
    return [
      ...changed,
      ...appended.map(({ name }) => `${table}.${name} is new and REQUIRED: it must be nullable`),
    ];
  });
}

/**
 * Throws RunError when a table has lost or changed a column that was deployed. The engine alone wouldn't notice: a column
 * that is merely gone is dropped in place, with what is in it, and neither `protect` nor `deletionProtection` stands in
 * the way of that.
 */
export function refuseLostColumns(): void {
  const now = bigqueryTables().map(({ name, schema }) => [name, JSON.parse(schema) as Column[]] as const);
  const faults = schemaFaults(committedSchemas(), Object.fromEntries(now));
  if (faults.length > 0)
    throw new RunError(`data would be lost:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
}
