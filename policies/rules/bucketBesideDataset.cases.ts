import { type RuleCases, change } from "./common/cases.ts";
import { lake, privateDataset } from "./common/compliant.ts";
import { bucketBesideDataset } from "./bucketBesideDataset.ts";

export const cases: RuleCases = {
  rule: bucketBesideDataset,
  compliant: [lake(), privateDataset()],
  broken: {
    "a dataset in one region, the bucket in another": [
      change("location", "us-east1"),
      change("location", "us-central1", "datasets-private"),
    ],
    "a dataset in a region, the bucket in US": [
      change("location", "US"),
      change("location", "us-central1", "datasets-private"),
    ],
  },
  fine: {
    "both in one region": [
      change("location", "US-CENTRAL1"),
      change("location", "us-central1", "datasets-private"),
    ],
    "dataset in US, bucket anywhere": [change("location", "us-central1")],
  },
  also: ["locations"],
};
