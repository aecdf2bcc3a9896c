import { drawn, type StandinKind, map, type Reference, textOrNone, type Values } from "../kind.ts";

const SOURCE = "pulumi/pulumi-kubernetes, provider/pkg/provider/diff.go (forceNew)";
const CLUSTER = "gcp:container/cluster:Cluster";

const objectId = (v: Values) => {
  const { namespace, name } = map(v.metadata);
  return namespace === undefined ? textOrNone(name) : `${textOrNone(namespace)}/${textOrNone(name)}`;
};
const clusterId = (v: Values, name = v.name) =>
  `projects/${textOrNone(v.project)}/locations/${textOrNone(v.location)}/clusters/${textOrNone(name).split("/").at(-1)}`;

/** What is alike in all objects of Kubernetes. */
function object(replaces: readonly string[] = []): StandinKind {
  return {
    id: objectId,
    source: SOURCE,
    replaces: ["metadata.name", "metadata.namespace", ...replaces],
    echo: (v) => ({
      ...v,
      metadata: { ...map(v.metadata), uid: drawn(objectId(v)).toString(16), generation: 1 },
    }),
    needs(v): Reference[] {
      const { namespace } = map(v.metadata);
      return namespace === undefined ? [] : [["kubernetes:core/v1:Namespace", textOrNone(namespace)]];
    },
  };
}

export const kubernetes: Readonly<Record<string, StandinKind>> = {
  [CLUSTER]: {
    id: (v) => clusterId(v),
    api: "container.googleapis.com",
    source:
      "hashicorp/terraform-provider-google, google/services/container/resource_container_cluster.go (ForceNew)",
    replaces: [
      "name",
      "location",
      "project",
      "network",
      "subnetwork",
      "networkingMode",
      "ipAllocationPolicy",
      "initialNodeCount",
      "enableAutopilot",
    ],
    deletionProtected: true,
    takes: "kubernetes:",
    defaults: { deletionProtection: true },
    computed: (v, id) => ({
      endpoint: `192.0.2.${drawn(id) % 256}`,
      selfLink: `https://container.googleapis.com/v1/${id}`,
      masterVersion: "1.35.1-gke.100",
      masterAuth: { clusterCaCertificate: "c3RhbmQtaW4=", clientCertificate: "", clientKey: "" },
      controlPlaneEndpointsConfig: {
        ...map(v.controlPlaneEndpointsConfig),
        dnsEndpointConfig: {
          ...map(map(v.controlPlaneEndpointsConfig).dnsEndpointConfig),
          endpoint: `gke-${drawn(id).toString(16)}.${textOrNone(v.location)}.gke.goog`,
        },
      },
      effectiveLabels: map(v.resourceLabels),
    }),
  },
  "gcp:container/nodePool:NodePool": {
    id: (v) => `${clusterId(v, v.cluster)}/nodePools/${textOrNone(v.name)}`,
    api: "container.googleapis.com",
    source:
      "hashicorp/terraform-provider-google, google/services/container/resource_container_node_pool.go and node_config.go (ForceNew)",
    replaces: [
      "name",
      "cluster",
      "location",
      "project",
      "nodeConfig.spot",
      "nodeConfig.machineType",
      "nodeConfig.serviceAccount",
      "nodeConfig.oauthScopes",
      "maxPodsPerNode",
    ],
    needs: (v) => [[CLUSTER, clusterId(v, v.cluster)]],
  },
  "kubernetes:core/v1:Namespace": object(),
  "kubernetes:core/v1:ServiceAccount": object(),
  "kubernetes:core/v1:ConfigMap": object(),
  "kubernetes:networking.k8s.io/v1:NetworkPolicy": object(),
  "kubernetes:batch/v1:Job": {
    ...object(["spec.completions", "spec.parallelism", "spec.selector", "spec.template"]),
    fixed: [
      "spec.completionMode",
      "spec.backoffLimitPerIndex",
      "spec.podFailurePolicy",
      "spec.successPolicy",
      "spec.managedBy",
    ],
  },
};
