import type { PolicyResource } from "@pulumi/policy";
import { sources } from "./common/graph.ts";
import { dataset } from "./common/kinds.ts";
import { stackRule } from "./common/rule.ts";
import { isSet, known } from "./common/unknown.ts";

/** What grants access to a dataset from outside of it. */
const OUTSIDE = /^gcp:bigquery\/(?:datasetAccess|datasetIam(?:Member|Binding|Policy)):/;

export const datasetAccessOnce = stackRule(
  {
    name: "dataset-access-once",
    severity: "high",
    description:
      "Access to a dataset is given in one place: an update of its accesses silently wipes out what IAM members had added.",
    remedy:
      "List all access in the dataset's accesses, and remove the DatasetAccess and DatasetIam… resources",
  },
  (resources) => {
    const listed = resources.filter(
      ({ type, props }) => type === dataset.type && isSet(() => props["accesses"]),
    );
    return resources
      .filter(({ type }) => OUTSIDE.test(type))
      .flatMap((grant) =>
        listed
          .filter((resource) => isOf(grant, resource))
          .map((resource) => ({
            finding: `Dataset ${resource.name} lists its accesses, and ${grant.name} adds to them from outside`,
            urn: grant.urn,
          })),
      );
  },
);

/** By the dataset's id where it is known, which may be written with its project, else by what it was made from. */
function isOf(grant: PolicyResource, resource: PolicyResource): boolean {
  const named = known(() => grant.props["datasetId"] as string)
    ?.split("/")
    .at(-1);
  if (named !== undefined) return named === known(() => resource.props["datasetId"] as string);
  return sources(grant, "datasetId").some(({ urn }) => urn === resource.urn);
}
