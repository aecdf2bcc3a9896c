import type { DatasetArgs } from "@pulumi/gcp/bigquery/dataset.js";
import type { DatasetAccessArgs } from "@pulumi/gcp/bigquery/datasetAccess.js";
import type { TableArgs } from "@pulumi/gcp/bigquery/table.js";
import type { JobArgs as RunJobArgs } from "@pulumi/gcp/cloudrunv2/job.js";
import type { ServiceArgs } from "@pulumi/gcp/cloudrunv2/service.js";
import type { JobArgs as SchedulerJobArgs } from "@pulumi/gcp/cloudscheduler/job.js";
import type { ClusterArgs } from "@pulumi/gcp/container/cluster.js";
import type { NodePoolArgs } from "@pulumi/gcp/container/nodePool.js";
import type { MetricArgs } from "@pulumi/gcp/logging/metric.js";
import type { AccountArgs } from "@pulumi/gcp/serviceaccount/account.js";
import type { BucketArgs } from "@pulumi/gcp/storage/bucket.js";
import type { ResourceKind } from "./rule.ts";

/** The resource types that rules speak of. Types are named, not imported: the pack starts without the provider's library. */
export const bucket: ResourceKind<BucketArgs> = { type: "gcp:storage/bucket:Bucket" };
export const dataset: ResourceKind<DatasetArgs> = { type: "gcp:bigquery/dataset:Dataset" };
export const datasetAccess: ResourceKind<DatasetAccessArgs> = {
  type: "gcp:bigquery/datasetAccess:DatasetAccess",
};
export const table: ResourceKind<TableArgs> = { type: "gcp:bigquery/table:Table" };
export const service: ResourceKind<ServiceArgs> = { type: "gcp:cloudrunv2/service:Service" };
export const runJob: ResourceKind<RunJobArgs> = { type: "gcp:cloudrunv2/job:Job" };
export const scheduler: ResourceKind<SchedulerJobArgs> = { type: "gcp:cloudscheduler/job:Job" };
export const cluster: ResourceKind<ClusterArgs> = { type: "gcp:container/cluster:Cluster" };
export const nodePool: ResourceKind<NodePoolArgs> = { type: "gcp:container/nodePool:NodePool" };
export const logMetric: ResourceKind<MetricArgs> = { type: "gcp:logging/metric:Metric" };
export const account: ResourceKind<AccountArgs> = { type: "gcp:serviceaccount/account:Account" };
