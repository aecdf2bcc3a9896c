import { makesPods } from "./common/containers.ts";
import { onTypes, resourceRule, textsSetting } from "./common/rule.ts";
import { isSet } from "./common/unknown.ts";

/** Where the types that take labels keep them. What isn't here takes none. */
const LABELS: Readonly<Record<string, string>> = {
  "gcp:artifactregistry/repository:Repository": "labels",
  "gcp:bigquery/dataset:Dataset": "labels",
  "gcp:bigquery/table:Table": "labels",
  "gcp:cloudrunv2/job:Job": "labels",
  "gcp:cloudrunv2/service:Service": "labels",
  "gcp:compute/address:Address": "labels",
  "gcp:container/cluster:Cluster": "resourceLabels",
  "gcp:monitoring/alertPolicy:AlertPolicy": "userLabels",
  "gcp:monitoring/notificationChannel:NotificationChannel": "userLabels",
  "gcp:storage/bucket:Bucket": "labels",
};

/** The property with a type's labels; for what runs in a cluster it is in the metadata. */
export function labelsProperty(type: string): string | undefined {
  return makesPods(type) || type === "kubernetes:core/v1:Namespace" ? "metadata.labels" : LABELS[type];
}

export const labels = resourceRule(
  {
    name: "labels",
    severity: "low",
    description:
      "Whatever takes labels says which application and stack it belongs to: costs and leftovers can't be told apart otherwise.",
    remedy:
      "Pass the stack's labels to the resource (the provider's default labels don't reach what exists already)",
    settings: { required: textsSetting("Labels that must be there", ["app", "stack", "network"]) },
  },
  onTypes(
    (type) => labelsProperty(type) !== undefined,
    (props, { type, config }) => {
      const given = labelsOf(props, type);
      return config.required
        .filter((key) => !isSet(() => given[key]))
        .map((key) => `Label ${key} is missing`);
    },
  ),
);

function labelsOf(props: unknown, type: string): Record<string, unknown> {
  const path = (labelsProperty(type) ?? "").split(".");
  const labels = path.reduce((value, key) => (value as Record<string, unknown> | undefined)?.[key], props);
  return (labels ?? {}) as Record<string, unknown>;
}
