import type { ColumnType } from "../../datasets/definition.ts";
import { bigquerySchema } from "../../datasets/schema.ts";
import { allTables, infoTable, type Table } from "../../datasets/tables.ts";

/** A table of the warehouse as BigQuery is to have it; the stack and `--create` make the same. */
export interface BigQueryTable {
  readonly name: string;
  readonly description: string;
  /** The columns as JSON in the very form in which the API gives them back, so that equal schemas are equal texts. */
  readonly schema: string;
  /** TIMESTAMP column by whose UTC day the table is partitioned. */
  readonly partition?: string;
  /** INT64 column of slots by which it is partitioned; both bounds and the interval are slots, the end is exclusive. */
  readonly rangePartitioning?: {
    readonly field: string;
    readonly start: number;
    readonly end: number;
    readonly interval: number;
  };
  /** Columns by which rows lie together, the first one first. */
  readonly clustering: readonly string[];
  /** Whether a query must say which days it means. */
  readonly requirePartitionFilter: boolean;
}

/** The types' names in the API's answers, which are the older ones. */
const API_TYPES: Readonly<Record<ColumnType, string>> = {
  STRING: "STRING",
  INT64: "INTEGER",
  NUMERIC: "NUMERIC",
  TIMESTAMP: "TIMESTAMP",
  BOOL: "BOOLEAN",
};

/** About a week a partition, until 2039 on mainnet: under the 10,000 partitions that a table may have. */
const SLOT_PARTITIONS = { start: 0, end: 50_000_000, interval: 50_000 };

/** The tables of a warehouse in BigQuery, in the order in which they are made. */
export function bigqueryTables(): BigQueryTable[] {
  // What warehouse_info says is in the dataset's label and in the text of the views.
  return allTables.filter((table) => table !== infoTable).map(bigqueryTable);
}

function bigqueryTable(table: Table): BigQueryTable {
  const { name, description, order = [], partition, slotPartition } = table;
  const fields = bigquerySchema(table).map((field) => ({ ...field, type: API_TYPES[field.type] }));
  return {
    name,
    description,
    schema: JSON.stringify(fields),
    ...(partition === undefined ? {} : { partition }),
    ...(slotPartition === undefined
      ? {}
      : { rangePartitioning: { field: slotPartition, ...SLOT_PARTITIONS } }),
    clustering: order,
    requirePartitionFilter: partition !== undefined,
  };
}
