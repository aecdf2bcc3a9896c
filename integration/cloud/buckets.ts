import { randomBytes } from "node:crypto";
import type { Bucket } from "@google-cloud/storage";
import type { ExecutionContext } from "ava";
import { storageClient } from "../../runtime/lake/gcs/storageClient.ts";

/** A new empty bucket of the server at `endpoint`, by a client that fails at once instead of trying again. */
export async function newBucket(_t: ExecutionContext, endpoint: string): Promise<Bucket> {
  const client = storageClient({ retryOptions: { autoRetry: false } }, endpoint);
  const [bucket] = await client.createBucket(`etl-test-${randomBytes(6).toString("hex")}`);
  return bucket;
}
