import type { batch, core } from "@pulumi/kubernetes/types/input.js";
import { type Resource, resource } from "./cases.ts";
import {
  account,
  bucket,
  cluster,
  dataset,
  logMetric,
  nodePool,
  runJob,
  scheduler,
  service,
  table,
} from "./kinds.ts";

/** Resources that break no rule: each test changes one field of one of them. */

export const PROJECT = "example-project";
const LABELS = { app: "mev-boost-etl", stack: "production", network: "mainnet" };
const IMAGE = `us-central1-docker.pkg.dev/${PROJECT}/mev-boost-etl/mev-boost-etl@sha256:${"0123456789abcdef".repeat(4)}`;
const SERVICE_URI = "https://mev-boost-etl-bids-production-abc123-uc.a.run.app";

export const emailOf = (id: string): string => `${id}@${PROJECT}.iam.gserviceaccount.com`;

export const lake = (): Resource =>
  resource(
    bucket,
    "lake-bucket",
    {
      name: `${PROJECT}-mev-boost-etl-production`,
      location: "us-central1",
      uniformBucketLevelAccess: true,
      publicAccessPrevention: "enforced",
      forceDestroy: false,
      labels: LABELS,
    },
    { protect: true },
  );

export const privateDataset = (): Resource =>
  resource(
    dataset,
    "datasets-private",
    {
      datasetId: "mev_boost_private_production",
      location: "US",
      description: "Bids and payloads",
      deleteContentsOnDestroy: false,
      accesses: [
        { role: "OWNER", specialGroup: "projectOwners" },
        { role: "READER", userByEmail: emailOf("etl-bids-run-production") },
      ],
      labels: LABELS,
    },
    { protect: true, from: { accesses: ["bids-run"] } },
  );

export const publicDataset = (): Resource =>
  resource(
    dataset,
    "datasets-public",
    {
      datasetId: "mev_boost_public_production",
      location: "US",
      description: "The last days",
      deleteContentsOnDestroy: false,
      accesses: [
        { role: "OWNER", specialGroup: "projectOwners" },
        { role: "READER", specialGroup: "allAuthenticatedUsers" },
      ],
      labels: LABELS,
    },
    { protect: true },
  );

export const bidsTable = (): Resource =>
  resource(
    table,
    "bids-table",
    {
      datasetId: "mev_boost_private_production",
      tableId: "bids",
      description: "One row for each different bid",
      schema: JSON.stringify([
        { name: "relay", type: "STRING", mode: "REQUIRED", description: "Relay's name" },
        { name: "block_timestamp", type: "TIMESTAMP", mode: "REQUIRED", description: "Start of the slot" },
      ]),
      timePartitioning: { type: "DAY", field: "block_timestamp" },
      clusterings: ["relay"],
      requirePartitionFilter: true,
      deletionProtection: true,
      labels: LABELS,
    },
    { protect: true },
  );

export const coverageViewResource = (): Resource =>
  resource(table, "coverage-view", {
    datasetId: "mev_boost_private_production",
    tableId: "coverage",
    description: "Covered, missing and unavailable slots a day",
    view: { query: "SELECT 1 AS covered", useLegacySql: false },
    deletionProtection: false,
    labels: LABELS,
  });

export const runAccountOf = (name: string, id: string): Resource =>
  resource(account, name, { accountId: id });

export const bidsService = (): Resource =>
  resource(
    service,
    "bids-service",
    {
      name: "mev-boost-etl-bids-production",
      location: "us-central1",
      deletionProtection: false,
      template: {
        serviceAccount: emailOf("etl-bids-run-production"),
        timeout: "300s",
        scaling: { maxInstanceCount: 1 },
        containers: [
          {
            name: "etl",
            image: IMAGE,
            resources: { limits: { cpu: "1", memory: "1Gi" } },
            envs: [{ name: "ETL_NETWORK", value: "mainnet" }],
          },
        ],
      },
      labels: LABELS,
    },
    { from: { template: ["bids-run"] } },
  );

export const oneOffJob = (): Resource =>
  resource(runJob, "one-off", {
    name: "mev-boost-etl-once-production",
    location: "us-central1",
    template: {
      template: {
        serviceAccount: emailOf("etl-bids-run-production"),
        timeout: "3600s",
        maxRetries: 1,
        containers: [{ image: IMAGE, resources: { limits: { cpu: "1", memory: "1Gi" } } }],
      },
    },
    labels: LABELS,
  });

export const bidsScheduler = (): Resource =>
  resource(
    scheduler,
    "bids-scheduler",
    {
      name: "mev-boost-etl-bids-production",
      region: "us-central1",
      schedule: "*/5 * * * *",
      timeZone: "Etc/UTC",
      attemptDeadline: "330s",
      httpTarget: {
        uri: `${SERVICE_URI}/tick`,
        httpMethod: "POST",
        oidcToken: { serviceAccountEmail: emailOf("etl-bids-call-production"), audience: SERVICE_URI },
      },
    },
    { from: { httpTarget: ["bids-service", "bids-call"] } },
  );

/** What starts a Cloud Run job: Google's API is called. */
export const jobScheduler = (): Resource =>
  resource(
    scheduler,
    "job-scheduler",
    {
      name: "mev-boost-etl-once-production",
      region: "us-central1",
      schedule: "30 3 * * *",
      timeZone: "Etc/UTC",
      attemptDeadline: "300s",
      httpTarget: {
        uri: `https://run.googleapis.com/v2/projects/${PROJECT}/locations/us-central1/jobs/mev-boost-etl-once-production:run`,
        httpMethod: "POST",
        oauthToken: { serviceAccountEmail: emailOf("etl-publish-call-production") },
      },
    },
    { from: { httpTarget: ["one-off", "publish-call"] } },
  );

/** A member's grant on a resource, of the type that is named; `from` says what the member and the resource were made from. */
export const grant = (
  type: string,
  name: string,
  props: Readonly<Record<string, unknown>>,
  from: Resource["from"] = {},
): Resource => ({ type, name, props, from });

export const invokerGrant = (): Resource =>
  grant(
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
    "bids-call-grant",
    {
      name: "mev-boost-etl-bids-production",
      location: "us-central1",
      role: "roles/run.invoker",
      member: `serviceAccount:${emailOf("etl-bids-call-production")}`,
    },
    { name: ["bids-service"], member: ["bids-call"] },
  );

export const projectGrant = (): Resource =>
  grant("gcp:projects/iAMMember:IAMMember", "bids-run-jobs", {
    project: PROJECT,
    role: "roles/bigquery.jobUser",
    member: `serviceAccount:${emailOf("etl-bids-run-production")}`,
  });

export const bucketGrant = (): Resource =>
  grant("gcp:storage/bucketIAMMember:BucketIAMMember", "bids-run-lake", {
    bucket: `${PROJECT}-mev-boost-etl-production`,
    role: "roles/storage.objectUser",
    member: `serviceAccount:${emailOf("etl-bids-run-production")}`,
  });

export const pagesGrant = (): Resource =>
  grant("gcp:storage/managedFolderIamMember:ManagedFolderIamMember", "reports-reader", {
    bucket: `${PROJECT}-mev-boost-etl-production`,
    managedFolder: "reports/",
    role: "roles/storage.objectViewer",
    member: "allUsers",
  });

export const tickMetric = (): Resource =>
  resource(logMetric, "ticks-metric", {
    name: "mev_boost_etl_ticks_production",
    description: "Ticks that ended well",
    filter: 'jsonPayload.message="tick"',
  });

export const backloadCluster = (): Resource =>
  resource(cluster, "backload-cluster", {
    name: "mev-boost-etl-production",
    location: "us-central1-a",
    removeDefaultNodePool: true,
    initialNodeCount: 1,
    deletionProtection: false,
    resourceLabels: LABELS,
  });

export const systemPool = (): Resource =>
  resource(nodePool, "backload-system", {
    name: "system",
    cluster: "mev-boost-etl-production",
    location: "us-central1-a",
    networkConfig: { enablePrivateNodes: true },
  });

export const workersPool = (): Resource =>
  resource(nodePool, "backload-workers", {
    name: "workers",
    cluster: "mev-boost-etl-production",
    location: "us-central1-a",
    networkConfig: { enablePrivateNodes: false },
    nodeConfig: { machineType: "e2-medium" },
  });

const POD: core.v1.PodSpec = {
  restartPolicy: "Never",
  automountServiceAccountToken: false,
  terminationGracePeriodSeconds: 25,
  nodeSelector: { "cloud.google.com/gke-nodepool": "workers" },
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  volumes: [{ name: "scratch", emptyDir: {} }],
  containers: [
    {
      name: "worker",
      image: IMAGE,
      resources: {
        requests: { cpu: "300m", memory: "512Mi" },
        limits: { cpu: "300m", memory: "512Mi" },
      },
      securityContext: {
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      },
    },
  ],
};

export const backloadJob = (): Resource => ({
  type: "kubernetes:batch/v1:Job",
  name: "backload-job",
  props: {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "backload-0123456789", namespace: "mev-boost-etl-production", labels: LABELS },
    spec: {
      completionMode: "Indexed",
      completions: 4,
      parallelism: 2,
      podReplacementPolicy: "Failed",
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
      template: { spec: POD },
    } satisfies batch.v1.JobSpec,
  },
});
