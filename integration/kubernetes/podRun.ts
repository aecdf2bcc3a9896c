import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { KubeApi, KubeObject } from "./api.ts";

/** What stands for a container image on this machine. */
export interface LocalImage {
  /** Run in front of the container's arguments, or instead of a missing command. */
  readonly command: readonly string[];
  /** Set over the pod's own environment: where on this machine the pod's world lies. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it is run. */
  readonly folder: string;
}

/** The parts of a pod that the agent acts on. */
export interface Pod extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly terminationGracePeriodSeconds?: number;
    readonly serviceAccountName?: string;
    readonly securityContext?: SecurityContext;
    readonly containers: readonly Container[];
  };
  readonly status?: { readonly phase?: string };
}

interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly securityContext?: SecurityContext;
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

/** Why a pod is ended from outside: the disruption that its Job's failure policy looks for, or a plain deletion. */
export type EndReason = "preempted" | "deleted";

/**
 * Runs the one container of a pod as a local process, with its user, environment and arguments, and reports its status as
 * a kubelet does. Images, volumes, limits and the read-only root aren't enforced.
 */
export class PodRun {
  readonly pod: Pod;
  /** What the process printed. */
  readonly logFile: string;
  /** Settled when the last status has been reported. */
  readonly done: Promise<void>;
  readonly #api: KubeApi;
  readonly #image: LocalImage | undefined;
  readonly #adjust: (run: PodRun) => Readonly<Record<string, string>>;
  readonly #startedAt = now();
  #child: ChildProcess | undefined;
  #ended: EndReason | undefined;

  constructor(
    api: KubeApi,
    pod: Pod,
    image: LocalImage | undefined,
    folder: string,
    adjust: (run: PodRun) => Readonly<Record<string, string>>,
  ) {
    this.pod = pod;
    this.#api = api;
    this.#image = image;
    this.#adjust = adjust;
    this.logFile = join(folder, `${pod.metadata.name}.log`);
    this.done = this.#run(folder);
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** SIGTERM, the grace, SIGKILL; returns when the end has been reported. */
  async end(reason: EndReason, graceSeconds: number): Promise<void> {
    this.#ended ??= reason;
    this.#signal("SIGTERM");
    const kill = setTimeout(() => this.#signal("SIGKILL"), graceSeconds * 1000);
    await this.done;
    clearTimeout(kill);
  }

  async #run(folder: string): Promise<void> {
    const [container] = this.pod.spec.containers;
    if (!container) throw new Error(`pod ${this.pod.metadata.name} has no container`);
    await mkdir(folder, { recursive: true });
    const fault = this.#image ? undefined : `nothing on this machine stands for image ${container.image}`;
    const exitCode = fault === undefined ? await this.#process(container) : 128;
    const finished = {
      exitCode,
      reason: exitCode === 0 ? "Completed" : "Error",
      startedAt: this.#startedAt,
      finishedAt: now(),
    };
    const state = { terminated: { ...finished, ...(fault === undefined ? {} : { message: fault }) } };
    const status = this.#status(
      exitCode === 0 && !this.#ended ? "Succeeded" : "Failed",
      container,
      state,
      false,
    );
    if (this.#ended === "preempted") {
      status.reason = "Terminated";
      status.message = "Pod was terminated in response to imminent node shutdown.";
      status.conditions.push({
        type: "DisruptionTarget",
        status: "True",
        reason: "TerminationByKubelet",
        message: status.message,
        lastTransitionTime: now(),
      });
    }
    await this.#report(status);
  }

  async #process(container: Container): Promise<number> {
    const user = { ...this.pod.spec.securityContext, ...container.securityContext };
    if (user.runAsNonRoot === true && user.runAsUser === undefined)
      throw new Error(`pod ${this.pod.metadata.name} must not run as root and names no user`);
    const [program = "", ...args] = [...(this.#image?.command ?? []), ...(container.args ?? [])];
    const log = openSync(this.logFile, "a");
    return new Promise((done) => {
      const child = spawn(program, args, {
        cwd: this.#image?.folder ?? "/",
        detached: true,
        stdio: ["ignore", log, log],
        env: {
          PATH: process.env["PATH"],
          HOME: "/tmp",
          ...this.#environment(container),
          ...this.#image?.env,
          ...this.#adjust(this),
        },
        // Only root may become another user.
        ...(process.getuid?.() === 0 ? { uid: user.runAsUser, gid: user.runAsGroup ?? user.runAsUser } : {}),
      });
      this.#child = child;
      // Whoever ended the pod before its process began meant this one too.
      if (this.#ended) this.#signal("SIGTERM");
      const over = (code: number) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        closeSync(log);
        done(code);
      };
      child.once("spawn", () => {
        const status = this.#status("Running", container, { running: { startedAt: this.#startedAt } }, true);
        void this.#report(status);
      });
      child.once("error", (error) => {
        writeSync(log, `${error.message}\n`);
        over(128);
      });
      child.once("exit", (code, signal) => over(code ?? (signal === "SIGKILL" ? 137 : 143)));
    });
  }

  #environment({ env = [] }: Container): Record<string, string> {
    const { metadata, spec } = this.pod;
    const fields = new Map([
      ["metadata.name", metadata.name],
      ["metadata.namespace", metadata.namespace ?? ""],
      ["spec.nodeName", spec.nodeName ?? ""],
      ...Object.entries(metadata.annotations ?? {}).map(
        ([key, value]) => [`metadata.annotations['${key}']`, value] as const,
      ),
      ...Object.entries(metadata.labels ?? {}).map(
        ([key, value]) => [`metadata.labels['${key}']`, value] as const,
      ),
    ]);
    return Object.fromEntries(
      env.map(({ name, value = "", valueFrom }) => {
        if (!valueFrom) return [name, value];
        const text = fields.get(valueFrom.fieldRef?.fieldPath ?? "");
        if (text === undefined)
          throw new Error(`pod ${metadata.name}: variable ${name} comes from what isn't known here`);
        return [name, text];
      }),
    );
  }

  #status(phase: string, { name, image }: Container, state: object, ready: boolean) {
    const done = phase === "Succeeded" || phase === "Failed";
    const condition = (type: string, on: boolean): Condition => ({
      type,
      status: on ? "True" : "False",
      lastTransitionTime: now(),
    });
    const container = {
      name,
      image,
      imageID: `process://${image}`,
      ready,
      started: ready,
      restartCount: 0,
      state,
    };
    return {
      phase,
      hostIP: "127.0.0.1",
      startTime: this.#startedAt,
      conditions: [
        condition("Initialized", true),
        condition("Ready", ready),
        condition("ContainersReady", ready),
      ],
      containerStatuses: [container],
      ...(done ? { reason: undefined as string | undefined, message: undefined as string | undefined } : {}),
    };
  }

  async #report(status: object): Promise<void> {
    const { namespace, name, uid } = this.pod.metadata;
    try {
      await this.#api.patch(`/api/v1/namespaces/${namespace}/pods/${name}/status`, {
        metadata: { uid },
        status,
      });
    } catch (error) {
      // A pod that was deleted meanwhile has no status any more.
      if (!(error instanceof Error && "status" in error && [404, 409, 422].includes(Number(error.status))))
        throw error;
    }
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      // It has ended by itself; its exit is on the way.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime: string;
}

/** RFC 3339 in whole seconds, as the API takes it. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
