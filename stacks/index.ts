import { Provider } from "@pulumi/gcp/provider.js";
import { type ComponentResourceOptions, interpolate } from "@pulumi/pulumi";
import type { StackContext } from "../components/stackContext.ts";
import { Apis } from "../components/Apis.ts";
import { BidsBackload } from "../components/backload/BidsBackload.ts";
import { BidsEtl } from "../components/BidsEtl.ts";
import { ContainerImage } from "../components/ContainerImage.ts";
import type { DatasetEtlArgs } from "../components/DatasetEtl.ts";
import { DailyPublish } from "../components/DailyPublish.ts";
import { Datasets } from "../components/Datasets.ts";
import { Egress } from "../components/Egress.ts";
import { ImageRegistry } from "../components/ImageRegistry.ts";
import { LakeBucket } from "../components/LakeBucket.ts";
import { LogMetrics } from "../components/LogMetrics.ts";
import { Monitoring } from "../components/Monitoring.ts";
import { ResourceNames, type ServiceName } from "../components/names.ts";
import { PayloadsEtl } from "../components/PayloadsEtl.ts";
import { ServiceIdentity } from "../components/ServiceIdentity.ts";
import { WarehouseViews } from "../components/WarehouseViews.ts";
import { type StackConfig, readConfig } from "./config.ts";
import {
  alertLimits,
  apisOf,
  backloadOf,
  labelsOf,
  publishingOf,
  stackNetwork,
  settingsOf,
  sizingOf,
} from "./derived.ts";
import { refuseLostColumns } from "./schemas.ts";

/** The program, as a table of contents of what a stack has. Returns the stack's outputs. */
export default function program() {
  return trimErrorStack(everything);
}

function everything() {
  const config = readConfig();
  if (config.protect) refuseLostColumns();
  const { project, region, publicDays, notificationChannels } = config;
  const opts = { provider: new Provider("gcp", { project, region }) };

  const shared = sharedParts(config, opts);
  const { stack, lake, datasets, registry, image, metrics } = shared;

  // The two services.
  const bids = new BidsEtl("bids", etlArgs(config, shared, "bids"), opts);
  const payloads = new PayloadsEtl("payloads", etlArgs(config, shared, "payloads"), opts);

  // The back-load of the past, while there is one.
  const past = backloadOf(config);
  const backload =
    past &&
    new BidsBackload(
      "backload",
      {
        stack,
        image: image.ref,
        repository: registry.repository,
        bucket: lake.bucket,
        notificationChannels,
        ...past,
      },
      opts,
    );

  // Whole days for others, where they are published.
  const publishing = publishingOf(config);
  const published =
    publishing &&
    new DailyPublish(
      "publish",
      { stack, lake, location: config.bucketLocation || region, image: image.ref, ...publishing },
      opts,
    );

  // What is made of both.
  const views = new WarehouseViews(
    "views",
    {
      stack,
      network: stackNetwork(config),
      datasets,
      days: publicDays,
      reads: [...bids.tables.values(), ...payloads.tables.values()],
    },
    opts,
  );
  const monitoring = new Monitoring(
    "monitoring",
    {
      ...(backload === undefined ? {} : { more: backload.alerts }),
      stack,
      metrics,
      notificationChannels,
      budget: config.budget,
      billingAccount: config.billingAccount,
    },
    opts,
  );

  return outputsOf(config, shared, { bids, payloads, views, monitoring, backload, published });
}

/** What both services and the back-load rest on. */
function sharedParts(config: StackConfig, opts: ComponentResourceOptions) {
  const { project, region } = config;
  const stack: StackContext = {
    project,
    region,
    names: new ResourceNames(config),
    labels: labelsOf(config),
    protect: config.protect,
    apis: new Apis("apis", { apis: apisOf(config) }, opts),
  };
  const identities = {
    bids: new ServiceIdentity("bids-identity", { stack, service: "bids" }, opts),
    payloads: new ServiceIdentity("payloads-identity", { stack, service: "payloads" }, opts),
  };
  const lake = new LakeBucket(
    "lake",
    {
      stack,
      location: config.bucketLocation || region,
      softDeleteDays: config.softDeleteDays,
      reportReaders: config.reportReaders,
    },
    opts,
  );
  const datasets = new Datasets(
    "datasets",
    {
      stack,
      location: config.bigqueryLocation,
      deployer: config.deployer,
      runtimes: [identities.bids.runtime.email, identities.payloads.runtime.email],
      after: [...identities.bids.grants, ...identities.payloads.grants],
      publicReaders: config.publicReaders,
    },
    opts,
  );
  const registry = new ImageRegistry("registry", { stack }, opts);
  const image = new ContainerImage("image", { stack, source: config.image, image: registry.image }, opts);
  const egress = config.egress === "static" ? new Egress("egress", { stack }, opts) : undefined;
  const metrics = new LogMetrics("metrics", { stack }, opts);
  return { stack, identities, lake, datasets, registry, image, egress, metrics };
}

function etlArgs(
  config: StackConfig,
  { stack, identities, lake, datasets, image, egress, metrics }: ReturnType<typeof sharedParts>,
  service: ServiceName,
): DatasetEtlArgs {
  return {
    stack,
    lake,
    datasets,
    image: image.ref,
    metrics,
    publicDays: config.publicDays,
    notificationChannels: config.notificationChannels,
    ...(egress === undefined ? {} : { egress }),
    alerts: alertLimits(config),
    identity: identities[service],
    settings: settingsOf(config, service),
    sizing: sizingOf(config, service),
  };
}

/** What the stack's outputs are made of beside what its parts share. */
interface Made {
  readonly bids: BidsEtl;
  readonly payloads: PayloadsEtl;
  readonly views: WarehouseViews;
  readonly monitoring: Monitoring;
  readonly backload: BidsBackload | undefined;
  readonly published: DailyPublish | undefined;
}

/**
 * The stack's outputs. Their names are fixed: `--stack` in the command line reads some of them, others are relied on from
 * outside. None is secret.
 */
function outputsOf(
  { project, region, network, reportPages: [page] }: StackConfig,
  { lake, datasets, image }: ReturnType<typeof sharedParts>,
  { bids, payloads, views, monitoring, backload, published }: Made,
) {
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
    slotsView: views.slots,
    publicBidsView: bids.publicView,
    publicPayloadsView: payloads.publicView,
    bidsServiceUrl: bids.serviceUrl,
    payloadsServiceUrl: payloads.serviceUrl,
    image: image.ref,
    dashboardUrl: monitoring.dashboardUrl,
    /** The newest page, where pages are written. */
    ...(page === undefined ? {} : { reportUrl: interpolate`${lake.reportsUrl}/${page}.html` }),
    /** Where published files are read, where there are any; and as `--out` takes it. */
    ...(published === undefined ? {} : { publishedUrl: published.url, publishedOut: published.out }),
    /** `NAMESPACE/NAME`, where there is one. */
    ...(backload === undefined ? {} : { backloadJob: backload.job }),
  };
}

/**
 * Does the work; an error of it goes on without the frames of other packages. Pulumi formats an error with colours before
 * it shows the message alone, and Node.js 20, colouring a path such as `node_modules/@pulumi/resource.ts` (so Pulumi's
 * source maps write it), never comes to the end of the line: gigabytes and a minute for a mistake in the config.
 */
function trimErrorStack<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined)
      error.stack = error.stack
        .split("\n")
        .filter((line) => !line.includes("node_modules"))
        .join("\n");
    throw error;
  }
}
