import { setTimeout as delay } from "node:timers/promises";
import { KubernetesError, type KubeApi } from "./api.ts";
import { type LocalImage, type Pod, PodRun, now } from "./podRun.ts";

export interface AgentOptions {
  readonly nodes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
  /** What stands for each image. */
  readonly images: ReadonlyMap<string, LocalImage>;
  /** For what pods print. */
  readonly folder: string;
  /** Variables in which one pod's world differs from the others'. */
  readonly adjust?: (run: PodRun) => Readonly<Record<string, string>>;
}

/** Nodes without containers: registers them, runs the pods that are bound to them as local processes, and acts out preemptions. */
export class NodeAgent {
  readonly #api: KubeApi;
  readonly #options: AgentOptions;
  /** May be set anew between two Jobs. */
  adjust: NonNullable<AgentOptions["adjust"]>;
  readonly #nodes = new Set<string>();
  readonly #runs = new Map<string, PodRun>();
  readonly #stop = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #beat: NodeJS.Timeout | undefined;
  /** What went wrong while following pods; thrown by `close`. */
  #fault: unknown;

  private constructor(api: KubeApi, options: AgentOptions) {
    this.#api = api;
    this.#options = options;
    this.adjust = options.adjust ?? (() => ({}));
  }

  static async start(api: KubeApi, options: AgentOptions): Promise<NodeAgent> {
    const agent = new NodeAgent(api, options);
    for (let index = 0; index < options.nodes; index++) await agent.#register(`spot-${index}`);
    agent.#beat = setInterval(() => {
      for (const node of agent.#nodes) agent.#note(agent.#heartbeat(node, true));
    }, 10_000);
    agent.#watching = agent.#follow();
    return agent;
  }

  /** All pods that were run here, those that have ended included. */
  get runs(): readonly PodRun[] {
    return [...this.#runs.values()];
  }

  /** Takes a pod's node away as a cloud does: SIGTERM, `graceSeconds`, SIGKILL; then a new node of that name comes. */
  async preempt(run: PodRun, graceSeconds: number): Promise<void> {
    const node = run.pod.spec.nodeName ?? "";
    this.#nodes.delete(node);
    await this.#heartbeat(node, false);
    const onNode = this.runs.filter(({ pod, running }) => running && pod.spec.nodeName === node);
    await Promise.all(onNode.map((run) => run.end("preempted", graceSeconds)));
    await this.#api.delete(`/api/v1/nodes/${node}`);
    await this.#register(node);
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#stop.abort();
    await Promise.all(this.runs.map((run) => run.end("deleted", 1)));
    await this.#watching;
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #register(name: string): Promise<void> {
    const { labels, taints } = this.#options;
    const own = {
      "kubernetes.io/hostname": name,
      "kubernetes.io/os": "linux",
      "kubernetes.io/arch": "amd64",
    };
    await this.#api.create("/api/v1/nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels: { ...own, ...labels } },
      spec: { taints },
    });
    await this.#heartbeat(name, true);
    this.#nodes.add(name);
  }

  async #heartbeat(name: string, ready: boolean): Promise<void> {
    const at = { lastHeartbeatTime: now(), lastTransitionTime: now() };
    const room = { cpu: "4", memory: "16Gi", pods: "110", "ephemeral-storage": "50Gi" };
    const condition = {
      type: "Ready",
      status: ready ? "True" : "False",
      reason: ready ? "KubeletReady" : "NodeShutdown",
      ...at,
    };
    await this.#api.patch(`/api/v1/nodes/${name}/status`, {
      status: {
        capacity: room,
        allocatable: room,
        conditions: [{ ...condition, message: condition.reason }],
      },
    });
    const path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: 40,
      renewTime: new Date().toISOString().replace("Z", "000Z"),
    };
    try {
      await this.#api.patch(`${path}/${name}`, { spec }, "merge");
    } catch (error) {
      if (!(error instanceof KubernetesError && error.status === 404)) throw error;
      const metadata = { name, namespace: "kube-node-lease" };
      await this.#api.create(path, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec });
    }
  }

  /** Keeps up with the pods that the scheduler binds to these nodes, and those that are deleted. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const { items, version } = await this.#api.list("/api/v1/pods");
        for (const pod of items) this.#see(pod as Pod);
        const query = `watch=1&resourceVersion=${version}`;
        await this.#api.watch(
          `/api/v1/pods?${query}`,
          ({ type, object }) => this.#see(object as Pod, type),
          signal,
        );
      } catch (error) {
        if (signal.aborted) return;
        this.#fault ??= error;
        await delay(500, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #see(pod: Pod, type = "ADDED"): void {
    const { uid = "", name, namespace, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    const run = this.#runs.get(uid);
    if (type === "DELETED" || deletionTimestamp !== undefined) {
      if (run?.running) this.#note(run.end("deleted", deletionGracePeriodSeconds ?? 0));
      if (deletionTimestamp !== undefined && type !== "DELETED" && this.#nodes.has(pod.spec.nodeName ?? ""))
        this.#note(this.#finalDelete(`/api/v1/namespaces/${namespace}/pods/${name}`, uid, run));
      return;
    }
    if (run || pod.spec.nodeName === undefined || !this.#nodes.has(pod.spec.nodeName)) return;
    if (pod.status?.phase !== undefined && pod.status.phase !== "Pending") return;
    const image = this.#options.images.get(pod.spec.containers[0]?.image ?? "");
    const begun = new PodRun(this.#api, pod, image, this.#options.folder, (run) => this.adjust(run));
    this.#runs.set(uid, begun);
    this.#note(begun.done);
  }

  /** A pod that is being deleted goes for good once its node has ended it. */
  async #finalDelete(path: string, uid: string, run: PodRun | undefined): Promise<void> {
    await run?.done;
    try {
      await this.#api.delete(path, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!(error instanceof KubernetesError && [404, 409].includes(error.status))) throw error;
    }
  }

  #note(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#fault ??= error;
    });
  }
}
