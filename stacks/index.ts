import { Provider } from "@pulumi/gcp/provider.js";
import { Datasets } from "../components/Datasets.ts";
import { DatasetTable } from "../components/DatasetTable.ts";
import { LakeBucket } from "../components/LakeBucket.ts";
import { Names } from "../components/names.ts";
import { readConfig } from "./config.ts";

/** The program: a table of contents of what a stack has. Returns the stack's outputs. */
export default function program() {
  const config = readConfig();
  const { project, region, network } = config;
  const stack = {
    project,
    region,
    names: new Names(config),
    labels: { app: "mev-boost-etl", stack: config.stack, network, ...config.labels },
    protect: config.protect,
  };
  const provider = new Provider("gcp", { project, region });
  const opts = { provider };

  const lake = new LakeBucket(
    "lake",
    { stack, location: config.bucketLocation || region, softDeleteDays: config.softDeleteDays },
    opts,
  );
  const datasets = new Datasets(
    "datasets",
    {
      stack,
      location: config.bigqueryLocation,
      deployer: config.deployer,
      runtimes: [],
      publicReaders: config.publicReaders,
    },
    opts,
  );
  const bids = new DatasetTable("bids", { stack, dataset: datasets.private, table: "bids" }, opts);

  return { network, project, region, lakeUrl: lake.url, bucket: lake.bucket, bidsTable: bids.fullName };
}
