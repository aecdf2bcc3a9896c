import { Table, type TableArgs } from "@pulumi/gcp/bigquery/table.js";
import {
  type ComponentResourceOptions,
  type Input,
  interpolate,
  type Output,
  type Resource,
} from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import type { BigQueryView } from "../runtime/warehouse/bigquery/bigqueryViews.ts";
import { EtlComponent, type Transform, transformed } from "./component.ts";
import { PROTECTION } from "./protection.ts";

export interface DatasetViewArgs {
  readonly stack: StackContext;
  /** Id of the dataset that holds it. */
  readonly dataset: Input<string>;
  readonly definition: BigQueryView;
  /** The tables and views that it reads; BigQuery refuses a view over what isn't there. */
  readonly reads: readonly Resource[];
  readonly transform?: { readonly view?: Transform<TableArgs> };
}

/** A view. */
export class DatasetView extends EtlComponent {
  /** `project.dataset.view` */
  readonly fullName: Output<string>;

  constructor(name: string, args: DatasetViewArgs, opts?: ComponentResourceOptions) {
    const { stack, dataset, definition, reads, transform = {} } = args;
    super("DatasetView", name, stack, opts);
    const view = new Table(
      this.child("view"),
      transformed<TableArgs>(
        {
          datasetId: dataset,
          tableId: definition.name,
          description: definition.description,
          // Unset would mean legacy SQL.
          view: { query: definition.query, useLegacySql: false },
          labels: stack.labels,
          ...PROTECTION.view.flags(),
        },
        transform.view,
      ),
      this.options("view", { dependsOn: [...reads] }),
    );
    this.fullName = interpolate`${stack.project}.${view.datasetId}.${view.tableId}`;
    this.registerOutputs({ fullName: this.fullName });
  }
}
