import { type RuleCases, change } from "./common/cases.ts";
import { lake } from "./common/compliant.ts";
import { bucketPrivate } from "./bucketPrivate.ts";

export const cases: RuleCases = {
  rule: bucketPrivate,
  compliant: [lake()],
  broken: {
    "without uniform access": [change("uniformBucketLevelAccess", false)],
    "without a word on uniform access": [change("uniformBucketLevelAccess", undefined)],
    "that may be made public": [change("publicAccessPrevention", "inherited")],
    "without a word on public access": [change("publicAccessPrevention", undefined)],
  },
  fine: {
    "a folder of it is declared public": [
      change("publicAccessPrevention", "inherited"),
      change("labels.public_folder", "reports"),
    ],
    "all of it is declared public": [
      change("publicAccessPrevention", "inherited"),
      change("labels.public_bucket", "published"),
    ],
  },
};
