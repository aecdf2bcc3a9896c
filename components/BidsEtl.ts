import type { ComponentResourceOptions, Output } from "@pulumi/pulumi";
import { DatasetEtl, type DatasetEtlArgs } from "./DatasetEtl.ts";

/**
 * Collects and loads bids; also writes tables `relays` and `horizons`, which the views need, and `rereads`, for all datasets; and has
 * the tables of imports, which the views read.
 */
export class BidsEtl extends DatasetEtl {
  /** `project.dataset.table` */
  readonly relaysTable: Output<string>;

  constructor(name: string, args: DatasetEtlArgs, opts?: ComponentResourceOptions) {
    const imported = ["imports", "imported_bids", "imported_payloads", "seen_bids"];
    const tables = ["bids", "bids_loads", "relays", "horizons", "rereads", ...imported];
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
