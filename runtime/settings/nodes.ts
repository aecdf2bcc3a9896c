/**
 * What pods may ask for on a node of GKE Standard: what Compute Engine gives a machine type, less what GKE reserves, less what
 * the node's own pods ask for. One table; whatever is sized by a node reads it.
 */

/** CPU in thousandths, memory in MiB. */
export interface NodeResources {
  readonly cpu: number;
  readonly memory: number;
}

interface MachineType {
  readonly cpus: number;
  readonly gibibytes: number;
  /** Its CPUs are shared with other machines. */
  readonly shared?: true;
}

/** Machine types that a worker may have: https://docs.cloud.google.com/compute/docs/general-purpose-machines */
const MACHINE_TYPES: Readonly<Record<string, MachineType>> = {
  "e2-small": { cpus: 2, gibibytes: 2, shared: true },
  "e2-medium": { cpus: 2, gibibytes: 4, shared: true },
  "e2-highcpu-2": { cpus: 2, gibibytes: 2 },
  "e2-highcpu-4": { cpus: 4, gibibytes: 4 },
  "e2-standard-2": { cpus: 2, gibibytes: 8 },
  "e2-standard-4": { cpus: 4, gibibytes: 16 },
  "n2-standard-2": { cpus: 2, gibibytes: 8 },
  "n2d-standard-2": { cpus: 2, gibibytes: 8 },
  "t2d-standard-1": { cpus: 1, gibibytes: 4 },
  "t2d-standard-2": { cpus: 2, gibibytes: 8 },
};

/** The machine of the node that bears Google's own pods alone: an e2-small has no room once kube-dns has a second one. */
export const SYSTEM_MACHINE_TYPE = "e2-medium";

/** https://docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes: CPU and memory reservations */
const SHARED_CPU_RESERVED = 1060;
const CPU_RESERVED = [
  { upTo: 1, part: 0.06 },
  { upTo: 2, part: 0.01 },
  { upTo: 4, part: 0.005 },
  { upTo: Infinity, part: 0.0025 },
];
const MEMORY_RESERVED = [
  { upTo: 4, part: 0.25 },
  { upTo: 8, part: 0.2 },
  { upTo: 16, part: 0.1 },
  { upTo: 128, part: 0.06 },
  { upTo: Infinity, part: 0.02 },
];
/** Below this a node evicts pods. */
const EVICTION_MI = 100;
/** Part of the memory that firmware and kernel keep: an e2-medium shows 2,885,836 Ki (https://github.com/DataDog/helm-charts/issues/409). */
const KERNEL_PART = 0.05;

/**
 * What the pods on every node ask for: 454m and 656Mi were found on GKE 1.29 (https://github.com/2i2c-org/infrastructure/pull/4131),
 * before each node had a DNS cache (25m and 5Mi by
 * https://github.com/kubernetes/kubernetes/blob/master/cluster/addons/dns/nodelocaldns/nodelocaldns.yaml).
 */
const SYSTEM_PODS: NodeResources = { cpu: 454 + 25, memory: 656 + 5 };

/** The machine types that there are figures of. */
export const KNOWN_MACHINE_TYPES: readonly string[] = Object.keys(MACHINE_TYPES);

/** What a pod of ours may ask for on a node with such a machine, all of its pods together; undefined without figures of it. */
export function nodeRoom(machineType: string): NodeResources | undefined {
  const machine = Object.hasOwn(MACHINE_TYPES, machineType) ? MACHINE_TYPES[machineType] : undefined;
  if (!machine) return undefined;
  const { cpus, gibibytes, shared } = machine;
  const cpuReserved = shared ? SHARED_CPU_RESERVED : 1000 * reserved(cpus, CPU_RESERVED);
  const memoryReserved =
    1024 * (reserved(gibibytes, MEMORY_RESERVED) + gibibytes * KERNEL_PART) + EVICTION_MI;
  return {
    cpu: Math.max(0, Math.floor(1000 * cpus - cpuReserved) - SYSTEM_PODS.cpu),
    memory: Math.max(0, Math.floor(1024 * gibibytes - memoryReserved) - SYSTEM_PODS.memory),
  };
}

/** What a pod asks for, read from Kubernetes' forms: `350m` or `2`, `512Mi` or `2Gi`. */
export function askedFor({ cpu, memory }: { readonly cpu: string; readonly memory: string }): NodeResources {
  return {
    cpu: Number.parseInt(cpu, 10) * (cpu.endsWith("m") ? 1 : 1000),
    memory: Number.parseInt(memory, 10) * (memory.endsWith("Gi") ? 1024 : 1),
  };
}

/** The sum of the parts of each step of an amount. */
function reserved(
  amount: number,
  steps: readonly { readonly upTo: number; readonly part: number }[],
): number {
  let from = 0;
  let sum = 0;
  for (const { upTo, part } of steps) {
    sum += Math.max(0, Math.min(amount, upTo) - from) * part;
    from = upTo;
  }
  return sum;
}
