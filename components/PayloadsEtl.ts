import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { collectedBy } from "../runtime/settings/shared.ts";
import { DatasetEtl, type DatasetEtlArgs } from "./DatasetEtl.ts";

/**
 * Collects and loads delivered payloads, what few relays serve beside the auction, and the chain; settles by table `canonical_blocks`
 * which payloads were reorged, and names builders.
 */
export class PayloadsEtl extends DatasetEtl {
  constructor(name: string, args: DatasetEtlArgs, opts?: ComponentResourceOptions) {
    const tables = [
      ...collectedBy("payloads").flatMap((each) => [each, `${each}_loads`]),
      "canonical_blocks",
      "payments",
      "builders",
    ];
    super({ type: "PayloadsEtl", service: "payloads", tables }, name, args, opts);
    this.registerOutputs({
      table: this.table,
      publicView: this.publicView,
      serviceUrl: this.serviceUrl,
    });
  }
}
