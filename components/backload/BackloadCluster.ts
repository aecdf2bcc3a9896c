import { RepositoryIamMember } from "@pulumi/gcp/artifactregistry/repositoryIamMember.js";
import { Network } from "@pulumi/gcp/compute/network.js";
import { Subnetwork } from "@pulumi/gcp/compute/subnetwork.js";
import { Cluster, type ClusterArgs } from "@pulumi/gcp/container/cluster.js";
import type { container } from "@pulumi/gcp/types/input.js";
import { NodePool, type NodePoolArgs } from "@pulumi/gcp/container/nodePool.js";
import { IAMMember } from "@pulumi/gcp/projects/iammember.js";
import { Account } from "@pulumi/gcp/serviceaccount/account.js";
import { Provider } from "@pulumi/kubernetes/provider.js";
import {
  type ComponentResourceOptions,
  type Input,
  type Output,
  type Resource,
  runtime,
  unknown,
} from "@pulumi/pulumi";
import type { StackContext } from "../stackContext.ts";
import { SYSTEM_MACHINE_TYPE } from "../../runtime/settings/nodes.ts";
import { EtlComponent, type Transform, transformed, validate } from "../component.ts";
import { PROTECTION } from "../protection.ts";

/** What is on every node of the pool of workers, and what its pods must tolerate. */
export const SPOT_TAINT = { key: "mev-boost-etl/backload", value: "worker" } as const;

export interface BackloadClusterArgs {
  readonly stack: StackContext;
  /** Zones of the region that nodes may stand in, e.g. `us-central1-b`. */
  readonly zones: readonly string[];
  /** Machine of a worker: it runs one pod. */
  readonly machineType: string;
  /** Workers at once, at most; there is none while no pod waits. */
  readonly nodes: number;
  /** The repository that nodes pull the image from. */
  readonly repository: Input<string>;
  readonly transform?: {
    readonly cluster?: Transform<ClusterArgs>;
    readonly workers?: Transform<NodePoolArgs>;
  };
}

/** The cluster's own network: the most nodes and one pod range of 110 a node fit. */
const RANGES = { nodes: "10.72.0.0/20", pods: "10.76.0.0/14", services: "10.73.0.0/20" };
/** One worker and the system's own pods; a smaller range a node leaves room for thousands of nodes. */
const PODS_PER_NODE = 32;
const MOST_NODES = 1000;
const NODE_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"];

/**
 * A cluster for workers that each have an address of their own, since relays limit by address: Standard, because Autopilot
 * rewrites requests; public spot nodes, because a NAT would make all of them one address to relays. Nodes come when pods
 * wait and go when there are none.
 */
export class BackloadCluster extends EtlComponent {
  /** Deploys into the cluster. */
  readonly provider: Provider;
  readonly cluster: Cluster;
  /** What pods need before they can start: nodes, and the right to pull the image. */
  readonly ready: readonly Resource[];

  constructor(name: string, args: BackloadClusterArgs, opts?: ComponentResourceOptions) {
    const { stack, zones, nodes } = args;
    validate("BackloadCluster", [
      [
        "zones",
        zones.length > 0 && zones.every((zone) => zone.startsWith(`${stack.region}-`)),
        `give zones of ${stack.region}`,
      ],
      ["nodes", Number.isSafeInteger(nodes) && nodes >= 1 && nodes <= MOST_NODES, `give 1 to ${MOST_NODES}`],
    ]);
    super("BackloadCluster", name, stack, opts);
    const network = this.#network(stack);
    const account = this.#nodeAccount(stack);
    const grants = this.#grants(stack, account.member, args.repository);
    this.cluster = this.#cluster(args, network, { account, grants });
    this.ready = [this.#system(args, account), this.#workers(args, account)];
    this.provider = new Provider(
      this.child("kubernetes"),
      {
        kubeconfig: this.cluster.controlPlaneEndpointsConfig.apply(({ dnsEndpointConfig }) =>
          // A preview can't know the endpoint of a cluster that is to be made.
          runtime.isDryRun() && !dnsEndpointConfig?.endpoint
            ? (unknown as string)
            : kubeconfigOf(dnsEndpointConfig?.endpoint),
        ),
        clusterIdentifier: this.cluster.id,
        enableServerSideApply: true,
      },
      this.options("free"),
    );
    this.registerOutputs({ cluster: this.cluster.name });
  }

  #network({ names, region, apis }: StackContext): { network: Output<string>; subnetwork: Output<string> } {
    const network = new Network(
      this.child("network"),
      {
        name: names.backload("network"),
        description: "Nodes of MEV-Boost ETL's back-load",
        autoCreateSubnetworks: false,
        routingMode: "REGIONAL",
      },
      this.options("free", { dependsOn: apis.of("compute") }),
    );
    const subnetwork = new Subnetwork(
      this.child("subnet"),
      {
        name: names.backload("subnet"),
        network: network.id,
        region,
        ipCidrRange: RANGES.nodes,
        privateIpGoogleAccess: true,
        secondaryIpRanges: [
          { rangeName: "pods", ipCidrRange: RANGES.pods },
          { rangeName: "services", ipCidrRange: RANGES.services },
        ],
      },
      this.options("free"),
    );
    return { network: network.id, subnetwork: subnetwork.id };
  }

  #nodeAccount({ names, apis }: StackContext): Account {
    return new Account(
      this.child("nodes"),
      {
        accountId: names.backload("account"),
        displayName: "MEV-Boost ETL back-load, nodes",
        description: "What the nodes of the back-load's cluster work as; pods have identities of their own",
      },
      this.options("free", { dependsOn: apis.of("iam") }),
    );
  }

  #grants(stack: StackContext, member: Output<string>, repository: Input<string>): Resource[] {
    return [
      new IAMMember(
        this.child("node-role"),
        { project: stack.project, role: "roles/container.defaultNodeServiceAccount", member },
        this.options("free", { dependsOn: stack.apis.of("resourceManager") }),
      ),
      new RepositoryIamMember(
        this.child("pull"),
        {
          project: stack.project,
          location: stack.region,
          repository,
          role: "roles/artifactregistry.reader",
          member,
        },
        this.options("free"),
      ),
    ];
  }

  #cluster(
    { stack, zones, transform }: BackloadClusterArgs,
    network: Pick<ClusterArgs, "network" | "subnetwork">,
    { account, grants }: NodeIdentity,
  ): Cluster {
    return new Cluster(
      this.child("cluster"),
      transformed<ClusterArgs>(
        {
          name: stack.names.backload("cluster"),
          description: "Workers that back-load bids",
          location: stack.region,
          nodeLocations: [...zones],
          ...network,
          networkingMode: "VPC_NATIVE",
          ipAllocationPolicy: { clusterSecondaryRangeName: "pods", servicesSecondaryRangeName: "services" },
          defaultMaxPodsPerNode: PODS_PER_NODE,
          // Enforces network policies.
          datapathProvider: "ADVANCED_DATAPATH",
          privateClusterConfig: { enablePrivateNodes: false },
          // Reached by its DNS name, where IAM decides; its addresses stay closed.
          controlPlaneEndpointsConfig: {
            dnsEndpointConfig: { allowExternalTraffic: true },
            ipEndpointsConfig: { enabled: false },
          },
          workloadIdentityConfig: { workloadPool: `${stack.project}.svc.id.goog` },
          releaseChannel: { channel: "REGULAR" },
          loggingConfig: { enableComponents: ["SYSTEM_COMPONENTS", "WORKLOADS"] },
          monitoringConfig: {
            enableComponents: ["SYSTEM_COMPONENTS"],
            managedPrometheus: { enabled: false },
          },
          // A cluster can't be made without a pool; ours are made beside it.
          initialNodeCount: 1,
          removeDefaultNodePool: true,
          // That pool's nodes too: without an account they take the project's default one, and where that is disabled the cluster
          // is never made. https://github.com/hashicorp/terraform-provider-google/issues/4435
          nodeConfig: nodeConfig(stack, account),
          resourceLabels: stack.labels,
          ...PROTECTION.cluster.flags(),
        },
        transform?.cluster,
      ),
      this.options("cluster", {
        dependsOn: [...stack.apis.of("container"), ...grants],
        // Once that pool is gone the API tells of another one's nodes here, and the provider would make the cluster anew.
        // https://github.com/hashicorp/terraform-provider-google/issues/12070
        ignoreChanges: ["nodeConfig"],
      }),
    );
  }

  /** The pool of Google's own pods. */
  #system({ stack, zones }: BackloadClusterArgs, account: Account): NodePool {
    return new NodePool(
      this.child("system"),
      {
        ...this.#pool("system", stack),
        nodeCount: 1,
        nodeLocations: zones.slice(0, 1),
        // Google's own services are all that it needs to reach.
        networkConfig: { enablePrivateNodes: true },
        nodeConfig: { ...nodeConfig(stack, account), machineType: SYSTEM_MACHINE_TYPE },
      },
      this.options("free"),
    );
  }

  #workers({ stack, zones, machineType, nodes, transform }: BackloadClusterArgs, account: Account): NodePool {
    return new NodePool(
      this.child("workers"),
      transformed<NodePoolArgs>(
        {
          ...this.#pool("workers", stack),
          // An address for each worker.
          networkConfig: { enablePrivateNodes: false },
          nodeLocations: [...zones],
          initialNodeCount: 0,
          autoscaling: { totalMinNodeCount: 0, totalMaxNodeCount: nodes, locationPolicy: "ANY" },
          nodeConfig: {
            ...nodeConfig(stack, account),
            machineType,
            spot: true,
            taints: [{ ...SPOT_TAINT, effect: "NO_SCHEDULE" }],
          },
        },
        transform?.workers,
      ),
      this.options("free"),
    );
  }

  /** What both pools have. */
  #pool(name: string, { region }: StackContext): NodePoolArgs {
    return {
      cluster: this.cluster.name,
      location: region,
      name,
      management: { autoRepair: true, autoUpgrade: true },
    };
  }
}

/** What nodes work as, and what it is granted. */
interface NodeIdentity {
  readonly account: Account;
  readonly grants: readonly Resource[];
}

/** What all nodes have. */
function nodeConfig({ labels }: StackContext, account: Account): container.NodePoolNodeConfig {
  return {
    serviceAccount: account.email,
    oauthScopes: NODE_SCOPES,
    diskType: "pd-standard",
    diskSizeGb: 20,
    labels: { ...labels },
    resourceLabels: { ...labels },
    metadata: { "disable-legacy-endpoints": "true" },
    shieldedInstanceConfig: { enableSecureBoot: true, enableIntegrityMonitoring: true },
    workloadMetadataConfig: { mode: "GKE_METADATA" },
  };
}

/**
 * Who deploys signs in by Google's plugin for kubectl: no secret stands in the state. Throws Error without an endpoint: an
 * address without a host would be saved, and fail in each resource of the cluster with a message that doesn't say why.
 * https://docs.cloud.google.com/kubernetes-engine/docs/concepts/network-isolation#dns-based_endpoint
 */
export function kubeconfigOf(endpoint: string | undefined): string {
  if (!endpoint)
    throw new Error(
      "BackloadCluster: the cluster has no DNS endpoint; controlPlaneEndpointsConfig.dnsEndpointConfig must be set, and pulumi refresh reads it again",
    );
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "backload", cluster: { server: `https://${endpoint}` } }],
    users: [
      {
        name: "deployer",
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "gke-gcloud-auth-plugin",
            installHint: "install it by: gcloud components install gke-gcloud-auth-plugin",
            interactiveMode: "Never",
            provideClusterInfo: true,
          },
        },
      },
    ],
    contexts: [{ name: "backload", context: { cluster: "backload", user: "deployer" } }],
    "current-context": "backload",
  });
}
