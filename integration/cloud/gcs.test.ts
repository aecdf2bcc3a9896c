import test from "ava";
import { lakeContract, type LakeFixture } from "../../runtime/lake/lake.contract.ts";
import { GcsStore } from "../../runtime/lake/gcs/bucket.ts";
import { newBucket } from "./buckets.ts";
import { startGcs } from "./servers.ts";

const opener = [import.meta.resolve("../../runtime/lake/gcs/bucket.ts"), "openGcsLake"] as const;

const gcs = await startGcs();
test.after.always(() => gcs.close());
// Other processes of the contract are led to the server by it too.
process.env["STORAGE_EMULATOR_HOST"] = gcs.endpoint;

lakeContract("gcs", async (t): Promise<LakeFixture> => {
  const bucket = await newBucket(t, gcs.endpoint);
  const store = new GcsStore(`gs://${bucket.name}/a lake/of=mine`);
  const file = (object: string) => bucket.file(`a lake/of=mine/${object}`);
  return {
    store,
    opener,
    // An object can't be changed in place: other bytes under the same name, with the same metadata.
    damage: async (object, change) => {
      const [{ contentType, metadata }] = await file(object).getMetadata();
      const [stored] = await file(object).download({ decompress: false });
      await file(object).save(change(stored), {
        resumable: false,
        metadata: { ...(contentType ? { contentType } : {}), ...(metadata ? { metadata } : {}) },
      });
    },
    remove: async (object) => {
      await file(object).delete();
    },
  };
});
