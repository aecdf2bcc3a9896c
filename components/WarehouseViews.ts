import { Routine } from "@pulumi/gcp/bigquery/routine.js";
import type { ComponentResourceOptions, Output, Resource } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import type { Network } from "../runtime/chain/networks.ts";
import { bigqueryRoutines, bigqueryViews } from "../runtime/warehouse/bigquery/bigqueryViews.ts";
import { EtlComponent } from "./component.ts";
import type { Datasets } from "./Datasets.ts";
import { DatasetView } from "./DatasetView.ts";

export interface WarehouseViewsArgs {
  readonly stack: StackContext;
  readonly network: Network;
  readonly datasets: Datasets;
  /** Days that views over rows look back. */
  readonly days: number;
  /** The components whose tables the views read. */
  readonly reads: readonly Resource[];
}

/** The views over all datasets, and the table functions for the days that they don't show. */
export class WarehouseViews extends EtlComponent {
  /** `project.dataset.view` */
  readonly loads: Output<string>;
  readonly coverage: Output<string>;
  readonly delivered: Output<string>;
  readonly slots: Output<string>;

  constructor(name: string, args: WarehouseViewsArgs, opts?: ComponentResourceOptions) {
    const { stack, network, datasets, days, reads } = args;
    super("WarehouseViews", name, stack, opts);
    const place = { project: stack.project, dataset: stack.names.dataset("private"), network, days };
    const views = new Map(
      bigqueryViews(place).map((definition) => [
        definition.name,
        new DatasetView(
          this.child(definition.name.replaceAll("_", "-")),
          { stack, dataset: datasets.private, definition, reads },
          { parent: this },
        ),
      ]),
    );
    for (const routine of bigqueryRoutines(place)) {
      new Routine(
        this.child(routine.name.replaceAll("_", "-")),
        {
          datasetId: datasets.private,
          routineId: routine.name,
          routineType: "TABLE_VALUED_FUNCTION",
          language: "SQL",
          description: routine.description,
          definitionBody: routine.body,
          arguments: routine.arguments.map((argument) => ({
            name: argument.name,
            dataType: JSON.stringify({ typeKind: argument.typeKind }),
          })),
        },
        this.options("view", { dependsOn: [...reads] }),
      );
    }
    const fullName = (view: string) => {
      const made = views.get(view);
      if (!made) throw new RangeError(`the warehouse has no view ${view}`);
      return made.fullName;
    };
    this.loads = fullName("loads");
    this.coverage = fullName("coverage");
    this.delivered = fullName("delivered");
    this.slots = fullName("slots");
    const { loads, coverage, delivered, slots } = this;
    this.registerOutputs({ loads, coverage, delivered, slots });
  }
}
