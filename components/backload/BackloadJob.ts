import { createHash } from "node:crypto";
import type { batch, core } from "@pulumi/kubernetes/types/input.js";
import { Job, type JobArgs } from "@pulumi/kubernetes/batch/v1/job.js";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace.js";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy.js";
import { getProjectOutput } from "@pulumi/gcp/organizations/getProject.js";
import { SecretIamMember } from "@pulumi/gcp/secretmanager/secretIamMember.js";
import { BucketIAMMember } from "@pulumi/gcp/storage/bucketIAMMember.js";
import {
  type ComponentResourceOptions,
  type CustomResourceOptions,
  type Input,
  InputPropertyError,
  interpolate,
  type Output,
  output,
  type Resource,
} from "@pulumi/pulumi";
import type { StackContext } from "../stackContext.ts";
import { BACKLOAD_EXIT } from "../../runtime/services/backloadExit.ts";
import { type BackloadSettings, backloadEnvironment } from "../../runtime/settings/backloadSettings.ts";
import { headerSources } from "../../runtime/settings/relayOverrides.ts";
import { networkPolicy } from "./backloadNetwork.ts";
import { type BackloadCluster, SPOT_TAINT } from "./BackloadCluster.ts";
import { secretGrants } from "../relaySecrets.ts";
import { EtlComponent, type Transform, transformed, validate } from "../component.ts";

/** How the fleet works through its shards. */
export interface BackloadSizing {
  /** Workers at once, each on a node and by an address of its own. */
  readonly parallelism: number;
  /** CPU and memory of a worker, in Kubernetes' forms: `1500m`, `512Mi`. */
  readonly cpu: string;
  readonly memory: string;
  /** How often a shard that asked to be retried is, at most. */
  readonly retries: number;
  /** Shards that may fail for good before the others are given up. */
  readonly maxFailedShards: number;
  /** After so many hours the Job ends, done or not; above what the work needs, since a preempted worker waits before it comes back. */
  readonly hours: number;
  /** Any text; another one is another Job, so that the same range is gone through again, or with new code. */
  readonly run: string;
}

export interface BackloadJobArgs {
  readonly stack: StackContext;
  readonly cluster: BackloadCluster;
  /** Image, by digest. */
  readonly image: Input<string>;
  /** The lake's bucket. */
  readonly bucket: Input<string>;
  /** What is to be collected, and by how many shards; the lake is the bucket. */
  readonly settings: Omit<BackloadSettings, "lake">;
  readonly sizing: BackloadSizing;
  readonly transform?: { readonly job?: Transform<JobArgs> };
}

const HOUR_SECONDS = 3600;
/** More than a worker needs to write what it has read (20 s); a cloud that takes its node back gives less, and then the lake says what is missing. */
const GRACE_SECONDS = 45;
const NOBODY = 65_532;
const WORKER = "worker";
/**
 * The fleet: an Indexed Job whose indexes are the shards of one plan. Its name carries a hash of the plan: a changed plan is a
 * new Job, an unchanged one is left alone, whatever image is deployed meanwhile.
 */
export class BackloadJob extends EtlComponent {
  /** `NAMESPACE/NAME` */
  readonly job: Output<string>;

  constructor(name: string, args: BackloadJobArgs, opts?: ComponentResourceOptions) {
    const { stack, settings, sizing } = args;
    validate("BackloadJob", [
      [
        "sizing.parallelism",
        sizing.parallelism >= 1 && sizing.parallelism <= settings.shards,
        `give 1 to ${settings.shards}, the shards`,
      ],
      [
        "sizing.maxFailedShards",
        sizing.maxFailedShards <= settings.shards,
        `give at most ${settings.shards}, the shards`,
      ],
      [
        "sizing.hours",
        sizing.hours * HOUR_SECONDS > (settings.timeLimitSeconds ?? 0),
        "give more than the time limit of one worker",
      ],
    ]);
    super("BackloadJob", name, stack, opts);
    const labels = { ...stack.labels, part: "backload" };
    const namespace = this.#namespace(args, labels).metadata.name;
    const metadata = { namespace, labels };
    const account = this.#account(args, metadata);
    const policy = this.#policy(args, metadata);
    const grants = this.#grants(args);
    const job = this.#job(args, { metadata, account: account.metadata.name, after: [policy, ...grants] });
    this.job = interpolate`${namespace}/${job.metadata.name}`;
    this.registerOutputs({ job: this.job });
  }

  #namespace({ stack, cluster }: BackloadJobArgs, labels: Metadata["labels"]): Namespace {
    return new Namespace(
      this.child("namespace"),
      {
        metadata: {
          name: stack.names.backload("namespace"),
          labels: { ...labels, "pod-security.kubernetes.io/enforce": "restricted" },
        },
      },
      this.options("free", { ...within(cluster), dependsOn: [...cluster.ready] }),
    );
  }

  #account({ cluster }: BackloadJobArgs, metadata: Metadata): ServiceAccount {
    return new ServiceAccount(
      this.child("account"),
      { metadata: { name: WORKER, ...metadata }, automountServiceAccountToken: false },
      this.options("free", within(cluster)),
    );
  }

  #policy({ cluster, settings }: BackloadJobArgs, metadata: Metadata): NetworkPolicy {
    return new NetworkPolicy(
      this.child("policy"),
      { metadata: { name: "workers", ...metadata }, spec: networkPolicy(settings) },
      this.options("free", within(cluster)),
    );
  }

  /** What the workers may do: write to the lake, and read the secrets that relays' headers are taken from. */
  #grants({ stack, cluster, bucket, settings }: BackloadJobArgs): Resource[] {
    const { project, names, apis } = stack;
    const member = interpolate`principal://iam.googleapis.com/projects/${projectNumber(project, this)}/locations/global/workloadIdentityPools/${project}.svc.id.goog/subject/ns/${names.backload("namespace")}/sa/${WORKER}`;
    // The pool of identities comes with the project's first cluster.
    const known = [cluster.cluster];
    const lake = new BucketIAMMember(
      this.child("lake"),
      { bucket, role: "roles/storage.objectUser", member },
      this.options("free", { dependsOn: known }),
    );
    const sources = headerSources(settings.network, settings.relays, settings.relay);
    const headers = secretGrants(sources).map(
      ({ noun, ...secret }) =>
        new SecretIamMember(
          this.child(noun),
          { ...secret, member },
          this.options("free", { dependsOn: [...known, ...apis.of("secretManager")] }),
        ),
    );
    return [lake, ...headers];
  }

  #job(args: BackloadJobArgs, { metadata, account, after }: JobParts): Job {
    const { stack, cluster, settings, sizing, transform } = args;
    return new Job(
      this.child("job"),
      transformed<JobArgs>(
        {
          metadata: {
            name: stack.names.backloadJob(planHash(settings, sizing)),
            ...metadata,
            // It runs for days: nothing waits for it, alerts watch it.
            annotations: { "pulumi.com/skipAwait": "true" },
          },
          spec: {
            ...indexing(args),
            template: { metadata: { labels: metadata.labels }, spec: podSpec(args, account) },
          },
        },
        transform?.job,
      ),
      this.options("free", {
        ...within(cluster),
        dependsOn: [...after],
        // New code alone doesn't begin a back-load anew; `run` does.
        ignoreChanges: ["spec.template.spec.containers[0].image"],
      }),
    );
  }
}

/** What names all that lies in the namespace. */
interface Metadata {
  readonly namespace: Input<string>;
  readonly labels: Record<string, string>;
}

interface JobParts {
  readonly metadata: Metadata;
  /** Name of the account in Kubernetes that workers run as. */
  readonly account: Input<string>;
  /** What must exist before the first worker starts. */
  readonly after: readonly Resource[];
}

/** Whatever lies in the cluster goes with it: its removal never needs the cluster's API. */
function within({ provider, cluster }: BackloadCluster): CustomResourceOptions {
  return { provider, deletedWith: cluster };
}

/** How the shards are worked through, and which ends of a worker count. */
function indexing({ settings, sizing }: BackloadJobArgs): Omit<batch.v1.JobSpec, "template"> {
  return {
    completionMode: "Indexed",
    completions: settings.shards,
    parallelism: sizing.parallelism,
    backoffLimitPerIndex: sizing.retries,
    maxFailedIndexes: sizing.maxFailedShards,
    podReplacementPolicy: "Failed",
    activeDeadlineSeconds: sizing.hours * HOUR_SECONDS,
    podFailurePolicy: {
      rules: [
        // A node that was taken back is nobody's failure.
        { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        // What is wrong with the input stays wrong.
        {
          action: "FailIndex",
          onExitCodes: { containerName: WORKER, operator: "In", values: [BACKLOAD_EXIT.badInput] },
        },
      ],
    },
  };
}

function podSpec(
  { image, bucket, settings, sizing }: BackloadJobArgs,
  account: Input<string>,
): core.v1.PodSpec {
  const resources = { cpu: sizing.cpu, memory: sizing.memory };
  return {
    restartPolicy: "Never",
    serviceAccountName: account,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    nodeSelector: { "cloud.google.com/gke-nodepool": "workers" },
    tolerations: [{ key: SPOT_TAINT.key, operator: "Equal", value: SPOT_TAINT.value, effect: "NoSchedule" }],
    // One pod a node: an address of its own, and so a relay limit of its own.
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { part: "backload" } }, topologyKey: "kubernetes.io/hostname" },
        ],
      },
    },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: NOBODY,
      runAsGroup: NOBODY,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: WORKER,
        image,
        args: ["backload"],
        env: output(bucket).apply((name) => environment({ ...settings, lake: `gs://${name}` })),
        resources: { requests: resources, limits: resources },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
      },
    ],
  };
}

/** The same for the same plan, in 10 characters that a name may hold. */
export function planHash(settings: Omit<BackloadSettings, "lake">, sizing: BackloadSizing): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash("sha256").update(JSON.stringify({ settings, sizing }, sorted)).digest("hex").slice(0, 10);
}

/** The settings as variables. Throws InputPropertyError on settings that the worker would refuse. */
function environment(settings: BackloadSettings): { name: string; value: string }[] {
  const faults = backloadEnvironment.faultsOf(settings);
  if (faults.length > 0)
    throw new InputPropertyError({ propertyPath: "settings", reason: `BackloadJob: ${faults.join("; ")}` });
  return Object.entries(backloadEnvironment.codec.encode(settings)).map(([name, value]) => ({ name, value }));
}

function projectNumber(project: string, parent: BackloadJob): Output<string> {
  return getProjectOutput({ projectId: project }, { parent }).number;
}
