import { interpolate } from "@pulumi/pulumi";
import type { BidsBackload } from "../components/backload/BidsBackload.ts";
import type { BidsEtl } from "../components/BidsEtl.ts";
import type { ContainerImage } from "../components/ContainerImage.ts";
import type { Datasets } from "../components/Datasets.ts";
import type { LakeBucket } from "../components/LakeBucket.ts";
import type { Monitoring } from "../components/Monitoring.ts";
import type { PayloadsEtl } from "../components/PayloadsEtl.ts";
import type { WarehouseViews } from "../components/WarehouseViews.ts";
import type { StackConfig } from "./config.ts";

/** What the stack's outputs are made of. */
export interface Made {
  readonly config: StackConfig;
  readonly lake: LakeBucket;
  readonly datasets: Datasets;
  readonly image: ContainerImage;
  readonly bids: BidsEtl;
  readonly payloads: PayloadsEtl;
  readonly views: WarehouseViews;
  readonly monitoring: Monitoring;
  readonly backload?: BidsBackload;
}

/**
 * The stack's outputs. Their names are fixed: `--stack` in the command line reads some of them, others are relied on from
 * outside. None is secret.
 */
export function outputsOf(made: Made) {
  const { config, lake, datasets, image, bids, payloads, views, monitoring, backload } = made;
  const { project, region, network } = config;
  return {
    network,
    project,
    region,
    /** As `--lake` takes it. */
    lakeUrl: lake.url,
    /** As `--warehouse` takes it. */
    warehouseUrl: interpolate`bigquery://${project}/${datasets.private}`,
    bucket: lake.bucket,
    dataset: datasets.private,
    publicDataset: datasets.public,
    stagingDataset: datasets.staging,
    bidsTable: bids.table,
    payloadsTable: payloads.table,
    loadsView: views.loads,
    relaysTable: bids.relaysTable,
    coverageView: views.coverage,
    deliveredView: views.delivered,
    publicBidsView: bids.publicView,
    publicPayloadsView: payloads.publicView,
    bidsServiceUrl: bids.serviceUrl,
    payloadsServiceUrl: payloads.serviceUrl,
    image: image.ref,
    dashboardUrl: monitoring.dashboardUrl,
    /** `NAMESPACE/NAME`, where there is one. */
    ...(backload === undefined ? {} : { backloadJob: backload.job }),
  };
}
