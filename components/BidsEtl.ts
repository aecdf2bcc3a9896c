import type { ComponentResourceOptions, Output } from "@pulumi/pulumi";
import { DatasetEtl, type DatasetEtlArgs } from "./DatasetEtl.ts";

/** Collects and loads bids; also writes tables `relays` and `horizons`, which the views need, and `rereads`, for all datasets. */
export class BidsEtl extends DatasetEtl {
  /** `project.dataset.table` */
  readonly relaysTable: Output<string>;

  constructor(name: string, args: DatasetEtlArgs, opts?: ComponentResourceOptions) {
    const tables = ["bids", "bids_loads", "relays", "horizons", "rereads"];
    super({ type: "BidsEtl", service: "bids", tables }, name, args, opts);
    this.relaysTable = this.tableNamed("relays");
    this.registerOutputs({
      table: this.table,
      relaysTable: this.relaysTable,
      publicView: this.publicView,
      serviceUrl: this.serviceUrl,
    });
  }
}
