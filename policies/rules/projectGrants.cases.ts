import { type RuleCases, change } from "./common/cases.ts";
import { bucketGrant, projectGrant } from "./common/compliant.ts";
import { projectGrants } from "./projectGrants.ts";

export const cases: RuleCases = {
  rule: projectGrants,
  compliant: [projectGrant(), bucketGrant()],
  broken: {
    "of all buckets": [change("role", "roles/storage.objectUser")],
    "of all datasets": [change("role", "roles/bigquery.dataEditor")],
    "of all services": [change("role", "roles/run.invoker")],
  },
};
