import type { Bucket } from "@google-cloud/storage";
import type { LakeFixture } from "../../runtime/lake/lake.contract.ts";

/** How the lake's contract changes and removes objects of a bucket behind the lake's back. */
export function bucketFixture(bucket: Bucket, prefix: string): Pick<LakeFixture, "damage" | "remove"> {
  const file = (object: string) => bucket.file(`${prefix}/${object}`);
  return {
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
}
