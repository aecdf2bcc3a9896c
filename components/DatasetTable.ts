import { Table, type TableArgs } from "@pulumi/gcp/bigquery/table.js";
import { type ComponentResourceOptions, type Input, interpolate, type Output } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { type BigQueryTable, bigqueryTables } from "../runtime/warehouse/bigquery/bigqueryTables.ts";
import { EtlComponent, type Transform, transformed, validate } from "./component.ts";
import { PROTECTION } from "./protection.ts";

export interface DatasetTableArgs {
  readonly stack: StackContext;
  /** Id of the dataset that holds it. */
  readonly dataset: Input<string>;
  /** Name of one of the warehouse's tables; columns, partitions and clusters follow from its definition. */
  readonly table: string;
  readonly transform?: { readonly table?: Transform<TableArgs> };
}

/** A table of the warehouse, from the definition that the codecs and the loader use. */
export class DatasetTable extends EtlComponent {
  /** `table` */
  readonly tableId: Output<string>;
  /** `project.dataset.table` */
  readonly fullName: Output<string>;

  constructor(name: string, args: DatasetTableArgs, opts?: ComponentResourceOptions) {
    const { stack, dataset, transform = {} } = args;
    const definition = bigqueryTables().find((table) => table.name === args.table);
    validate("DatasetTable", [
      [
        "table",
        definition !== undefined,
        `no such table; there are ${bigqueryTables()
          .map((table) => table.name)
          .join(", ")}`,
      ],
    ]);
    super("DatasetTable", name, stack, opts);
    const table = new Table(
      this.child("table"),
      transformed<TableArgs>(
        {
          datasetId: dataset,
          ...tableArgs(definition as BigQueryTable),
          labels: stack.labels,
          ...PROTECTION.table.flags(stack.protect),
        },
        transform.table,
      ),
      this.options("table"),
    );
    this.tableId = table.tableId;
    this.fullName = interpolate`${stack.project}.${table.datasetId}.${table.tableId}`;
    this.registerOutputs({ tableId: this.tableId, fullName: this.fullName });
  }
}

/** A definition as the provider takes it. */
function tableArgs(definition: BigQueryTable): Omit<TableArgs, "datasetId"> {
  const { name, description, schema, partition, rangePartitioning, clustering, requirePartitionFilter } =
    definition;
  return {
    tableId: name,
    description,
    schema,
    ...(partition === undefined ? {} : { timePartitioning: { type: "DAY", field: partition } }),
    ...(rangePartitioning === undefined ? {} : { rangePartitioning: rangeOf(rangePartitioning) }),
    ...(clustering.length === 0 ? {} : { clusterings: [...clustering] }),
    ...(requirePartitionFilter ? { requirePartitionFilter } : {}),
  };
}

function rangeOf({ field, start, end, interval }: NonNullable<BigQueryTable["rangePartitioning"]>) {
  return { field, range: { start, end, interval } };
}
