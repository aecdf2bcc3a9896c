import type { PolicyResource } from "@pulumi/policy";
import { makesPods, type PodSpec, podContainers, podSpec } from "./common/containers.ts";
import { nodePool } from "./common/kinds.ts";
import { stackRule, textsSetting } from "./common/rule.ts";
import { findings, isUnknown, known } from "./common/unknown.ts";

const POOL_LABEL = "cloud.google.com/gke-nodepool";
const UNITS: Readonly<Record<string, number>> = { m: 0.001, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** CPUs and bytes. */
interface Room {
  readonly cpu: number;
  readonly memory: number;
}

export const podFits = stackRule(
  {
    name: "pod-fits",
    severity: "high",
    description:
      "A pod asks for no more than a node of its pool has beside Google's own pods: one that doesn't fit waits for ever, while nodes come and go for it.",
    remedy:
      "Ask for less, or give the pool a larger machineType; a machine type that the setting room lacks is added to it",
    settings: {
      // What https://docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes leaves of a machine, less 479m and 661Mi
      // for the pods that are on every node.
      room: textsSetting("What is left for pods on a node, MACHINE_TYPE=CPU,MEMORY each", [
        "e2-medium=460m,2100Mi",
        "e2-highcpu-4=3440m,2100Mi",
        "e2-standard-2=1450m,5170Mi",
        "e2-standard-4=3440m,12000Mi",
        "n2-standard-2=1450m,5170Mi",
        "n2d-standard-2=1450m,5170Mi",
        "t2d-standard-1=460m,2100Mi",
        "t2d-standard-2=1450m,5170Mi",
      ]),
    },
  },
  (resources, { room }) => {
    const pools = resources.filter(({ type }) => type === nodePool.type);
    return resources
      .filter(({ type }) => makesPods(type))
      .flatMap(({ type, props, urn }) =>
        findings(() => {
          const spec = podSpec(props, type);
          const pool = spec.nodeSelector?.[POOL_LABEL];
          return pools
            .filter((one) => pool !== undefined && known(() => one.props["name"]) === pool)
            .flatMap((one) => misfits(spec, machineOf(one), room));
        }).map((finding) => ({ finding, urn })),
      );
  },
);

/** The machine of a pool's nodes; GKE's own where none is set. */
function machineOf({ props }: PolicyResource): string {
  return (props["nodeConfig"] as { machineType?: string } | undefined)?.machineType ?? "e2-medium";
}

/** In what a pod is too large for a machine. */
function misfits(spec: PodSpec, machineType: string, rooms: readonly string[]): string[] {
  const room = rooms.flatMap((text) => roomOf(text, machineType))[0];
  if (!room) return [`It isn't known what is left for pods on a node of machine type ${machineType}`];
  return (["cpu", "memory"] as const)
    .filter((resource) => asked(spec, resource) > room[resource])
    .map(
      (resource) => `The pod asks for more ${resource} than a node of machine type ${machineType} has left`,
    );
}

function roomOf(text: string, machineType: string): Room[] {
  const [name, cpu = "", memory = ""] = text.split(/[=,]/);
  return name === machineType ? [{ cpu: quantity(cpu), memory: quantity(memory) }] : [];
}

/** What all containers ask for together, or one that runs first where it asks for more. */
function asked(spec: PodSpec, resource: string): number {
  const of = ({ resources }: ReturnType<typeof podContainers>[number]) => {
    // What a preview doesn't know is looked at when it is made.
    if (isUnknown(() => resources?.requests?.[resource])) return 0;
    return quantity(resources?.requests?.[resource] ?? resources?.limits?.[resource] ?? "0");
  };
  const together = (spec.containers ?? []).reduce((sum, container) => sum + of(container), 0);
  return Math.max(together, ...podContainers(spec).map(of));
}

/** A quantity of Kubernetes as a number; NaN for another form, which no comparison takes for too much. */
function quantity(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(m|[KMG]i)?$/.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}
