import type { ExecutionContext } from "ava";
import { randomBytes } from "node:crypto";
import { openGcsLake } from "../../runtime/lake/gcs/bucket.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import type { ContractLakes } from "../../runtime/warehouse/contractParts.testing.ts";
import { newBucket } from "./buckets.ts";
import { type Passing, startProxy } from "./proxy.ts";
import { type GcsServer, startBigQuery, startGcs } from "./servers.ts";

/**
 * The job that a request begins. Two that begin one job at the same moment confuse the emulator: instead of 409 it gives errors
 * of its own tables.
 */
function jobBegun({ method, path, json }: Passing): string | undefined {
  return method === "POST" && path.endsWith("/jobs") ? /"jobId":"(etl_load_\w+)"/.exec(json)?.[1] : undefined;
}

/** fake-gcs-server and the local-bigquery that reads its buckets; other modules are led to both by the environment. */
export async function startBoth() {
  const gcs = await startGcs();
  const emulator = await startBigQuery(gcs);
  const front = await startProxy(emulator.endpoint, { inTurn: jobBegun, record: false });
  const bigQuery = { ...emulator, endpoint: front.endpoint };
  process.env["STORAGE_EMULATOR_HOST"] = gcs.endpoint;
  process.env["BIGQUERY_EMULATOR_HOST"] = bigQuery.endpoint;
  return {
    gcs,
    bigQuery,
    lakes: bucketLakes(gcs),
    /** The URL of a dataset that nobody else has. */
    newWarehouse: () => `bigquery://${bigQuery.projectId}/etl_${randomBytes(6).toString("hex")}`,
    async close() {
      await front.close();
      await emulator.close();
      await gcs.close();
    },
  };
}

/** Lakes in buckets of their own. */
export function bucketLakes(gcs: GcsServer): ContractLakes {
  const buckets = new Map<string, Awaited<ReturnType<typeof newBucket>>>();
  return {
    async open(t: ExecutionContext, network: string): Promise<Lake> {
      const bucket = await newBucket(t, gcs.endpoint);
      const lake = openGcsLake(`gs://${bucket.name}/lake`, network);
      buckets.set(lake.url, bucket);
      return lake;
    },
    async damage(lake, object, change) {
      const file = buckets.get(lake.url)?.file(`lake/${object}`);
      if (!file) throw new Error(`not a lake of these tests: ${lake.url}`);
      const [{ contentType, metadata }] = await file.getMetadata();
      const [stored] = await file.download({ decompress: false });
      await file.save(change(stored), {
        resumable: false,
        metadata: { ...(contentType ? { contentType } : {}), ...(metadata ? { metadata } : {}) },
      });
    },
  };
}
