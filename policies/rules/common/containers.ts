import type { Unwrap } from "@pulumi/pulumi";
import type { core } from "@pulumi/kubernetes/types/input.js";
import { runJob, service } from "./kinds.ts";

export type PodSpec = Unwrap<core.v1.PodSpec>;

type Loose = Readonly<Record<string, never>> | undefined;

/** Where each Kubernetes kind that makes pods keeps their template. */
const POD_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  "kubernetes:core/v1:Pod": [],
  "kubernetes:batch/v1:Job": ["spec", "template"],
  "kubernetes:batch/v1:CronJob": ["spec", "jobTemplate", "spec", "template"],
  "kubernetes:apps/v1:Deployment": ["spec", "template"],
  "kubernetes:apps/v1:StatefulSet": ["spec", "template"],
  "kubernetes:apps/v1:DaemonSet": ["spec", "template"],
  "kubernetes:apps/v1:ReplicaSet": ["spec", "template"],
};

/** Whether a resource makes pods. */
export const makesPods = (type: string): boolean => type in POD_TEMPLATES;

/** The specification of the pods that a resource makes. Throws where a preview can't know it. */
export function podSpec(props: Readonly<Record<string, unknown>>, type: string): PodSpec {
  const path = [...(POD_TEMPLATES[type] ?? []), "spec"];
  return (path.reduce<Loose>((value, key) => value?.[key], props as Loose) ?? {}) as unknown as PodSpec;
}

/** The containers of a pod, those that only run first included. */
export function podContainers(spec: PodSpec): NonNullable<PodSpec["containers"]> {
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
}

/** Whether a resource runs containers, on Cloud Run or in a cluster. */
export const runsContainers = (type: string): boolean =>
  makesPods(type) || type === service.type || type === runJob.type;

/** A container as far as Cloud Run and Kubernetes describe it alike. */
export interface Container {
  readonly name?: string | undefined;
  readonly image?: string | undefined;
  readonly resources?: { readonly limits?: Readonly<Record<string, string>> | undefined } | undefined;
}

/** The containers of a Cloud Run service or job, or of the pods that a resource makes. */
export function containers(props: Readonly<Record<string, unknown>>, type: string): readonly Container[] {
  if (makesPods(type)) return podContainers(podSpec(props, type)) as readonly Container[];
  const path = type === runJob.type ? ["template", "template", "containers"] : ["template", "containers"];
  return (path.reduce<Loose>((value, key) => value?.[key], props as Loose) ?? []) as readonly Container[];
}

/** What to call a container in a message. */
export function containerName(container: Pick<Container, "name">, index: number): string {
  return `Container ${container.name ?? index}`;
}
