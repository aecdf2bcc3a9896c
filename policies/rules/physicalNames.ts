import { onTypes, resourceRule } from "./common/rule.ts";
import { each } from "./common/unknown.ts";

/** What a service takes as the name of a resource. */
interface Limit {
  readonly property: string;
  readonly most: number;
  readonly least?: number;
  /** Any characters where it isn't said. */
  readonly form?: RegExp;
}

/** Lower case, digits and hyphens, a letter first: most of Google's names. */
const RFC1035 = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;
/** RFC 1123. */
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const object: Limit = { property: "metadata.name", most: 63, form: DNS_LABEL };
const compute: Limit = { property: "name", most: 63, form: RFC1035 };

/** Sources: the reference of each service's REST API, field of the name; of buckets cloud.google.com/storage/docs/buckets#naming. */
const LIMITS: Readonly<Record<string, Limit | readonly Limit[]>> = {
  "gcp:artifactregistry/repository:Repository": { property: "repositoryId", most: 63, form: RFC1035 },
  "gcp:bigquery/dataset:Dataset": { property: "datasetId", most: 1024, form: /^\w+$/ },
  "gcp:bigquery/routine:Routine": { property: "routineId", most: 256, form: /^\w+$/ },
  "gcp:bigquery/table:Table": { property: "tableId", most: 1024, form: /^\w+$/ },
  "gcp:billing/budget:Budget": { property: "displayName", most: 60 },
  "gcp:cloudrunv2/job:Job": { property: "name", most: 49, form: RFC1035 },
  "gcp:cloudrunv2/service:Service": { property: "name", most: 49, form: RFC1035 },
  "gcp:cloudscheduler/job:Job": [
    { property: "name", most: 500, form: /^[\w-]+$/ },
    { property: "description", most: 500 },
  ],
  "gcp:compute/address:Address": compute,
  "gcp:compute/firewall:Firewall": compute,
  "gcp:compute/network:Network": compute,
  "gcp:compute/router:Router": compute,
  "gcp:compute/routerNat:RouterNat": compute,
  "gcp:compute/subnetwork:Subnetwork": compute,
  "gcp:container/cluster:Cluster": { property: "name", most: 40, form: RFC1035 },
  "gcp:container/nodePool:NodePool": { property: "name", most: 40, form: RFC1035 },
  "gcp:logging/metric:Metric": { property: "name", most: 100, form: /^[\w\-.,+!*',()%/]+$/ },
  "gcp:monitoring/alertPolicy:AlertPolicy": { property: "displayName", most: 512 },
  "gcp:serviceaccount/account:Account": [
    { property: "accountId", least: 6, most: 30, form: RFC1035 },
    { property: "displayName", most: 100 },
  ],
  "gcp:storage/bucket:Bucket": {
    property: "name",
    least: 3,
    most: 63,
    form: /^(?!goog)(?!.*(?:google|\.\.))[a-z0-9][a-z0-9._-]*[a-z0-9]$/,
  },
  // Pods of an Indexed Job are called after it, with index and suffix, and have 63 characters.
  "kubernetes:batch/v1:Job": { ...object, most: 52 },
  "kubernetes:core/v1:ConfigMap": object,
  "kubernetes:core/v1:Namespace": object,
  "kubernetes:core/v1:ServiceAccount": object,
  "kubernetes:networking.k8s.io/v1:NetworkPolicy": object,
};

export const physicalNames = resourceRule(
  {
    name: "physical-names",
    severity: "medium",
    description:
      "Names fit what the service takes: a name that is too long is refused half-way through a deployment, not in its preview.",
    remedy: "Shorten the stack's name, or the resource's name in components/names.ts",
  },
  onTypes(
    (type) => type in LIMITS,
    (props, { type }) =>
      each([LIMITS[type] ?? []].flat(), (limit) => {
        const name = limit.property
          .split(".")
          .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], props);
        return typeof name === "string" ? misfit(name, limit) : undefined;
      }),
  ),
);

function misfit(name: string, { most, least = 1, form, property }: Limit): string | undefined {
  if (name.length > most) return `${property} ${name} has ${name.length} characters, ${most} are allowed`;
  if (name.length < least) return `${property} ${name} has ${name.length} characters, ${least} are needed`;
  return !form || form.test(name)
    ? undefined
    : `${property} ${name} holds characters that aren't allowed there`;
}
