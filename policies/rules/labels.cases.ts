import { type RuleCases, change } from "./common/cases.ts";
import { backloadCluster, backloadJob, bidsService, lake } from "./common/compliant.ts";
import { labels } from "./labels.ts";

export const cases: RuleCases = {
  rule: labels,
  compliant: [lake(), bidsService(), backloadCluster(), backloadJob()],
  broken: {
    "of a bucket": [change("labels", undefined)],
    "for the stack of a service": [change("labels.stack", undefined, "bids-service")],
    "of a cluster": [change("resourceLabels", {}, "backload-cluster")],
    "of what runs in it": [change("metadata.labels", undefined, "backload-job")],
  },
};
