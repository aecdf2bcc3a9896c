import test from "ava";
import { lakeContract, type LakeFixture } from "../../runtime/lake/lake.contract.ts";
import { GcsStore } from "../../runtime/lake/gcs/bucket.ts";
import { newBucket } from "./buckets.ts";
import { bucketFixture } from "./gcsFixture.ts";
import { startGcs } from "./servers.ts";

const opener = [import.meta.resolve("../../runtime/lake/gcs/bucket.ts"), "openGcsLake"] as const;

const gcs = await startGcs();
test.after.always(() => gcs.close());
// Other processes of the contract are led to the server by it too.
process.env["STORAGE_EMULATOR_HOST"] = gcs.endpoint;

lakeContract("gcs", async (t): Promise<LakeFixture> => {
  const bucket = await newBucket(t, gcs.endpoint);
  const store = new GcsStore(`gs://${bucket.name}/a lake/of=mine`);
  return { store, opener, ...bucketFixture(bucket, "a lake/of=mine") };
});
