import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { SPOT_TAINT } from "../../components/backload/BackloadCluster.ts";
import { systemClock } from "../../runtime/chain/clock.ts";
import { type Network, simulatedNetwork } from "../../runtime/chain/networks.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { openGcsLake } from "../../runtime/lake/gcs/bucket.ts";
import { BACKLOAD_EXIT } from "../../runtime/services/backloadExit.ts";
import { type Simulator, startSimulator } from "../../runtime/simulator/server.ts";
import { runStack } from "../../stacks/golden.ts";
import { newBucket } from "../cloud/buckets.ts";
import { startGcs } from "../cloud/servers.ts";
import { compareLake } from "../program/compare.ts";
import type { KubeApi, KubeObject } from "./api.ts";
import { startControlPlane } from "./controlPlane.ts";
import { NodeAgent } from "./nodeAgent.ts";
import type { PodRun } from "./podRun.ts";

const RANGE = { first: 7_000_000, last: 7_001_279 };
const SHARDS = 4;
const RELAYS = ["heron", "swift", "wren"];
const INDEX = "batch.kubernetes.io/job-completion-index";
/** A worker that says `retry me` once, and then works. */
const TIRED = 1;
/** A worker whose input is bad, in the second Job. */
const WRONG = 2;

const shardOf = ({ pod }: PodRun): number => Number(pod.metadata.annotations?.[INDEX]);

interface JobStatus {
  readonly completedIndexes?: string;
  readonly failedIndexes?: string;
  readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
}

/** Asks until something holds; what is waited for is another process's work. */
async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  ms = 240_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await delay(200);
  }
}

/** What the stack registers in its cluster, as it registers it. */
async function registeredObjects() {
  const config = {
    range: `${RANGE.first}-${RANGE.last}`,
    shards: SHARDS,
    parallelism: 3,
    cpu: "100m",
    memory: "256Mi",
  };
  const { registered } = await runStack("test", { "mev-boost-etl:backload": config });
  const objects = registered.filter(({ type }) => type.startsWith("kubernetes:"));
  const byKind = new Map(
    objects.map(({ type, inputs }) => [type.split(":").at(-1) ?? type, inputs as unknown as KubeObject]),
  );
  const [namespace, account, policy, job] = ["Namespace", "ServiceAccount", "NetworkPolicy", "Job"].map(
    (kind) => byKind.get(kind),
  );
  if (!namespace || !account || !policy || !job) throw new Error("the stack registers no Job");
  const spec = job["spec"] as { template: { spec: { containers: { image: string }[] } } };
  const image = spec.template.spec.containers[0]?.image ?? "";
  return { namespace, account, policy, job, image };
}

async function ended(api: KubeApi, path: string): Promise<JobStatus> {
  return until(`the end of ${path}`, async () => {
    const status = (await api.get(path))["status"] as JobStatus;
    return status.conditions?.some(({ type }) => type === "Complete" || type === "Failed")
      ? status
      : undefined;
  });
}

/** What workers need outside of the cluster: their program, relays and a bucket. */
async function relaysAndBucket(t: ExecutionContext, seed: number) {
  const folder = await mkdtemp(join(tmpdir(), "etl-kubernetes-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  // Workers run as nobody in particular, and read their program from here.
  await chmod(folder, 0o755);
  const program = join(folder, "image");
  await promisify(execFile)(process.execPath, ["build.mjs", "container", program]);
  const simulator = await startSimulator({
    seed,
    clock: systemClock,
    faults: "none",
    scale: 0.05,
    record: false,
  });
  t.teardown(() => simulator.close());
  const gcs = await startGcs();
  t.teardown(() => gcs.close());
  const bucket = (await newBucket(t, gcs.endpoint)).name;
  const network = simulatedNetwork(seed);
  const relays = Object.fromEntries(
    simulator.relays
      .filter(({ state }) => state === "active")
      .map(({ name, url }) => [
        name,
        RELAYS.includes(name) ? { url, requests_per_second: 60 } : { off: true },
      ]),
  );
  const env = {
    ETL_NETWORK: network.name,
    ETL_LAKE: `gs://${bucket}/lake`,
    ETL_RELAYS: JSON.stringify(relays),
    STORAGE_EMULATOR_HOST: gcs.endpoint,
  };
  return { folder, program, simulator, network, env };
}

/** The relays' bids are covered whole, and as the truth has them. */
async function isFilled(
  t: ExecutionContext,
  simulator: Simulator,
  network: Network,
  env: { readonly ETL_LAKE: string; readonly STORAGE_EMULATOR_HOST: string },
): Promise<void> {
  process.env["STORAGE_EMULATOR_HOST"] = env.STORAGE_EMULATOR_HOST;
  const lake = openGcsLake(env.ETL_LAKE, network.name, { clock: systemClock });
  for (const relay of simulator.relays.filter(({ name }) => RELAYS.includes(name))) {
    const row = await coverageOf(
      lake,
      { network, range: RANGE, nowMs: systemClock.now() },
      relay,
      "bids",
      (fault) => t.fail(fault),
    );
    t.is(row.covered, RANGE.last - RANGE.first + 1, relay.name);
  }
  const { differences, rows } = await compareLake(lake, simulator.truth);
  t.deepEqual(differences, []);
  t.true(rows > 0);
}

test("the Job that the stack registers is taken by Kubernetes, and its workers fill the lake whatever becomes of their nodes", async (t) => {
  t.timeout(600_000);
  const seed = Number(process.env["ETL_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 28));
  t.log(`seed ${seed}`);
  const { folder, program, simulator, network, env } = await relaysAndBucket(t, seed);
  const { namespace, account, policy, job, image } = await registeredObjects();
  const plane = await startControlPlane(join(folder, "plane"));
  t.teardown(() => plane.close());
  const { api } = plane;
  const nowhere = env.ETL_RELAYS.replaceAll(simulator.url, "http://127.0.0.1:9");
  const isFirst = (run: PodRun) => agent.runs.every((one) => one === run || shardOf(one) !== shardOf(run));
  const agent: NodeAgent = await NodeAgent.start(api, {
    nodes: 3,
    labels: { "cloud.google.com/gke-nodepool": "workers" },
    taints: [{ ...SPOT_TAINT, effect: "NoSchedule" }],
    images: new Map([[image, { command: [process.execPath], env, folder: program }]]),
    folder: join(folder, "pods"),
    // Its relays can't be reached the first time.
    adjust: (run) => (shardOf(run) === TIRED && isFirst(run) ? { ETL_RELAYS: nowhere } : {}),
  });
  t.teardown(() => agent.close());
  const within = `namespaces/${namespace.metadata.name}`;
  await api.create("/api/v1/namespaces", namespace);
  await api.create(`/api/v1/${within}/serviceaccounts`, account);
  await api.create(`/apis/networking.k8s.io/v1/${within}/networkpolicies`, policy);
  await api.create(`/apis/batch/v1/${within}/jobs`, job);

  const victim = await until("a worker that runs", () =>
    agent.runs.find((run) => run.running && shardOf(run) === 0),
  );
  await agent.preempt(victim, 1);
  const status = await ended(api, `/apis/batch/v1/${within}/jobs/${job.metadata.name}`);
  const logs = await Promise.all(agent.runs.map(({ logFile }) => readFile(logFile, "utf8").catch(() => "")));
  t.is(status.completedIndexes, `0-${SHARDS - 1}`, logs.join("\n").slice(-3000));
  t.true(
    agent.runs.filter((run) => shardOf(run) === 0).length >= 2,
    "the worker without a node was replaced",
  );
  const tired = agent.runs.filter((run) => shardOf(run) === TIRED);
  t.is(tired.length, 2, "the worker that asked for it was tried again");
  t.regex(
    await readFile(tired[0]?.logFile ?? "", "utf8"),
    new RegExp(`"exit_code":${BACKLOAD_EXIT.retry}\\b`),
  );

  await isFilled(t, simulator, network, env);

  // One shard's bad input ends that shard at once, and no other.
  const name = `${job.metadata.name}-2`;
  agent.adjust = (run) => (shardOf(run) === WRONG ? { ETL_ORDER: "sideways" } : {});
  const before = agent.runs.length;
  await api.create(`/apis/batch/v1/${within}/jobs`, { ...job, metadata: { ...job.metadata, name } });
  const second = await ended(api, `/apis/batch/v1/${within}/jobs/${name}`);
  t.is(second.failedIndexes, String(WRONG));
  t.is(second.completedIndexes, "0,1,3");
  t.is(
    agent.runs.slice(before).filter((run) => shardOf(run) === WRONG).length,
    1,
    "bad input isn't tried again",
  );
  t.deepEqual(api.warnings, []);
});
