import type { ComponentResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { StackContext } from "../stackContext.ts";
import type { BackloadSettings } from "../../runtime/settings/backloadSettings.ts";
import { BackloadAlerts } from "./BackloadAlerts.ts";
import { BackloadCluster, type BackloadClusterArgs } from "./BackloadCluster.ts";
import { BackloadJob, type BackloadJobArgs, type BackloadSizing } from "./BackloadJob.ts";
import { EtlComponent } from "../component.ts";

export interface BidsBackloadArgs {
  readonly stack: StackContext;
  /** Image, by digest. */
  readonly image: Input<string>;
  /** The repository that it lies in. */
  readonly repository: Input<string>;
  /** The lake's bucket: all that workers read and write. */
  readonly bucket: Input<string>;
  /** What is to be collected, and by how many shards. */
  readonly settings: Omit<BackloadSettings, "lake">;
  readonly sizing: BackloadSizing;
  /** Zones of the region for the nodes; more of them, more spot machines to be had. */
  readonly zones: readonly string[];
  /** A worker's machine; it runs one pod and the node's own. */
  readonly machineType: string;
  /** Where alerts go. */
  readonly notificationChannels: readonly string[];
  readonly transform?: {
    readonly cluster?: BackloadClusterArgs["transform"];
    readonly job?: BackloadJobArgs["transform"];
  };
}

/** A back-load of years: a cluster that costs little while nobody works, and the Job that fills the lake. The services load what it brings. */
export class BidsBackload extends EtlComponent {
  /** `NAMESPACE/NAME` of the Job. */
  readonly job: Output<string>;
  readonly alerts: BackloadAlerts;

  constructor(name: string, args: BidsBackloadArgs, opts?: ComponentResourceOptions) {
    const { stack, image, repository, bucket, settings, sizing, zones, machineType, transform = {} } = args;
    super("BidsBackload", name, stack, opts);
    const cluster = new BackloadCluster(
      this.child("cluster"),
      {
        stack,
        zones,
        machineType,
        nodes: sizing.parallelism,
        repository,
        ...(transform.cluster ? { transform: transform.cluster } : {}),
      },
      { parent: this },
    );
    const { job } = new BackloadJob(
      this.child("job"),
      {
        stack,
        cluster,
        image,
        bucket,
        settings,
        sizing,
        ...(transform.job ? { transform: transform.job } : {}),
      },
      { parent: this },
    );
    this.alerts = new BackloadAlerts(
      this.child("alerts"),
      { stack, notificationChannels: args.notificationChannels },
      { parent: this },
    );
    this.job = job;
    this.registerOutputs({ job });
  }
}
