import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { DatasetEtl, type DatasetEtlArgs } from "./DatasetEtl.ts";

/** Collects and loads delivered payloads, and settles by table `canonical_blocks` which of them were reorged. */
export class PayloadsEtl extends DatasetEtl {
  constructor(name: string, args: DatasetEtlArgs, opts?: ComponentResourceOptions) {
    const tables = ["payloads", "payloads_loads", "canonical_blocks", "payments"];
    super({ type: "PayloadsEtl", service: "payloads", tables }, name, args, opts);
    this.registerOutputs({
      table: this.table,
      publicView: this.publicView,
      serviceUrl: this.serviceUrl,
    });
  }
}
