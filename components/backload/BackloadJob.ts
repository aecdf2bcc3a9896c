import { createHash } from "node:crypto";
import type { batch } from "@pulumi/kubernetes/types/input.js";
import { Job, type JobArgs } from "@pulumi/kubernetes/batch/v1/job.js";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace.js";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy.js";
import { getProjectOutput } from "@pulumi/gcp/organizations/getProject.js";
import { SecretIamMember } from "@pulumi/gcp/secretmanager/secretIamMember.js";
import { BucketIAMMember } from "@pulumi/gcp/storage/bucketIAMMember.js";
import {
  type ComponentResourceOptions,
  type Input,
  InputPropertyError,
  interpolate,
  type Output,
  output,
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
    const { stack, cluster, image, bucket, settings, sizing, transform = {} } = args;
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
    const { names } = stack;
    const labels = { ...stack.labels, part: "backload" };
    // Whatever lies in the cluster goes with it: its removal never needs the cluster's API.
    const inCluster = { provider: cluster.provider, deletedWith: cluster.cluster };
    const namespace = new Namespace(
      this.child("namespace"),
      {
        metadata: {
          name: names.backload("namespace"),
          labels: { ...labels, "pod-security.kubernetes.io/enforce": "restricted" },
        },
      },
      this.options("free", { ...inCluster, dependsOn: [...cluster.ready] }),
    );
    const within = namespace.metadata.name;
    const account = new ServiceAccount(
      this.child("account"),
      { metadata: { name: WORKER, namespace: within, labels }, automountServiceAccountToken: false },
      this.options("free", inCluster),
    );
    const policy = new NetworkPolicy(
      this.child("policy"),
      { metadata: { name: "workers", namespace: within, labels }, spec: networkPolicy(settings) },
      this.options("free", inCluster),
    );
    const member = interpolate`principal://iam.googleapis.com/projects/${projectNumber(stack.project, this)}/locations/global/workloadIdentityPools/${stack.project}.svc.id.goog/subject/ns/${names.backload("namespace")}/sa/${WORKER}`;
    // The pool of identities comes with the project's first cluster.
    const known = { dependsOn: [cluster.cluster] };
    const grant = new BucketIAMMember(
      this.child("lake"),
      { bucket, role: "roles/storage.objectUser", member },
      this.options("free", known),
    );
    const sources = headerSources(settings.network, settings.relays, settings.relay);
    const headerGrants = secretGrants(sources).map(
      ({ noun, ...secret }) =>
        new SecretIamMember(
          this.child(noun),
          { ...secret, member },
          this.options("free", { dependsOn: [...known.dependsOn, ...stack.apis.of("secretManager")] }),
        ),
    );
    const env = output(bucket).apply((name) => environment({ ...settings, lake: `gs://${name}` }));
    const job = new Job(
      this.child("job"),
      transformed<JobArgs>(
        {
          metadata: {
            name: names.backloadJob(planHash(settings, sizing)),
            namespace: within,
            labels,
            // It runs for days: nothing waits for it, alerts watch it.
            annotations: { "pulumi.com/skipAwait": "true" },
          },
          spec: jobSpec({ settings, sizing, labels, account: account.metadata.name, image, env }),
        },
        transform.job,
      ),
      this.options("free", {
        ...inCluster,
        dependsOn: [policy, grant, ...headerGrants],
        // New code alone doesn't begin a back-load anew; `run` does.
        ignoreChanges: ["spec.template.spec.containers[0].image"],
      }),
    );
    this.job = interpolate`${within}/${job.metadata.name}`;
    this.registerOutputs({ job: this.job });
  }
}

interface JobParts {
  readonly settings: Omit<BackloadSettings, "lake">;
  readonly sizing: BackloadSizing;
  readonly labels: Readonly<Record<string, string>>;
  readonly account: Input<string>;
  readonly image: Input<string>;
  readonly env: Input<{ name: string; value: string }[]>;
}

function jobSpec({ settings, sizing, labels, account, image, env }: JobParts): batch.v1.JobSpec {
  const resources = { cpu: sizing.cpu, memory: sizing.memory };
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
    template: {
      metadata: { labels },
      spec: {
        restartPolicy: "Never",
        serviceAccountName: account,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: GRACE_SECONDS,
        nodeSelector: { "cloud.google.com/gke-nodepool": "workers" },
        tolerations: [
          { key: SPOT_TAINT.key, operator: "Equal", value: SPOT_TAINT.value, effect: "NoSchedule" },
        ],
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
            env,
            resources: { requests: resources, limits: resources },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            },
          },
        ],
      },
    },
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
