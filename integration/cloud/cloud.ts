import type { Clock } from "../../runtime/chain/clock.ts";
import type { Network } from "../../runtime/chain/networks.ts";
import { GcsStore } from "../../runtime/lake/gcs/bucket.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import { openLake } from "../../runtime/lake/objectLake.ts";
import { silentLog } from "../../runtime/log.ts";
import { openBigQuery } from "../../runtime/warehouse/bigquery/bigquery.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { hastyClock } from "../program/line.ts";
import { startBoth } from "./bigqueryServers.ts";
import { newBucket } from "./buckets.ts";
import { type Proxy, startProxy } from "./proxy.ts";

/** A stalled transfer is given up after this time in tests, ms. */
const STALL_MS = 2000;

/** One project in the cloud: a bucket and a dataset, behind a fault proxy each. */
export interface CloudServers {
  readonly gcs: Proxy;
  readonly bigQuery: Proxy;
  /** `gs://bucket/lake` */
  readonly lakeUrl: string;
  /** `bigquery://project/dataset` */
  readonly warehouseUrl: string;
  /** The lake, through the proxy, or past it. */
  lake(network: Network, past?: "past the proxy"): Lake;
  /** The warehouse, through the proxy; `create` makes its tables. Waiting costs nothing. */
  warehouse(network: Network, clock: Clock, create?: "create"): Warehouse;
}

/** Both servers for the tests of a file; `project` begins with an empty bucket and no dataset. */
export async function startCloud() {
  const servers = await startBoth();
  const project = async (t: Parameters<typeof newBucket>[0]): Promise<CloudServers> => {
    const gcs = await startProxy(servers.gcs.endpoint);
    const bigQuery = await startProxy(servers.bigQuery.endpoint);
    t.teardown(() => Promise.all([gcs.close(), bigQuery.close()]));
    const lakeUrl = `gs://${(await newBucket(t, servers.gcs.endpoint)).name}/lake`;
    const warehouseUrl = servers.newWarehouse();
    return {
      gcs,
      bigQuery,
      lakeUrl,
      warehouseUrl,
      lake(network, past) {
        const emulator = past ? servers.gcs.endpoint : gcs.endpoint;
        const options = { emulator, clock: hastyClock(), stallMs: STALL_MS };
        return openLake(new GcsStore(lakeUrl, options), network.name);
      },
      warehouse(network, clock, create) {
        // It is led to its server by the environment alone.
        const before = process.env["BIGQUERY_EMULATOR_HOST"];
        process.env["BIGQUERY_EMULATOR_HOST"] = bigQuery.endpoint;
        try {
          return openBigQuery(warehouseUrl, network, {
            clock,
            log: silentLog,
            ...(create ? { create: {} } : {}),
          });
        } finally {
          process.env["BIGQUERY_EMULATOR_HOST"] = before;
        }
      },
    };
  };
  return { project, close: () => servers.close() };
}
