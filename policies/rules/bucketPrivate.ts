import { bucket } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";

export const bucketPrivate = resourceRule(
  {
    name: "bucket-private",
    severity: "critical",
    description:
      "A bucket has uniform access and can't be made public, unless its label says which folder is, or that all of it is: a grant on one object would be seen by nobody who reviews the bucket's.",
    remedy:
      'Set uniformBucketLevelAccess: true and publicAccessPrevention: "enforced", or name the folder that is public in label public_folder, or what all of it is in label public_bucket',
  },
  on(
    bucket,
    ({ uniformBucketLevelAccess }) =>
      uniformBucketLevelAccess !== true && "The bucket has no uniform access (uniformBucketLevelAccess)",
    ({ publicAccessPrevention, labels }) =>
      publicAccessPrevention !== "enforced" &&
      !labels?.["public_folder"] &&
      !labels?.["public_bucket"] &&
      `The bucket may be made public (publicAccessPrevention is ${publicAccessPrevention ?? "not set"})`,
  ),
);
