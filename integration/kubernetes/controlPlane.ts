import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KubeApi } from "./api.ts";
import { type Program, findPrograms } from "./programs.ts";

/** A control plane without nodes, on loopback. */
export interface ControlPlane {
  readonly api: KubeApi;
  /** Ends it; its folder is the caller's. */
  close(): Promise<void>;
}

/** The controllers that a Job, its pods, their namespace and their nodes need. */
const CONTROLLERS = [
  "job-controller",
  "namespace-controller",
  "garbage-collector-controller",
  "pod-garbage-collector-controller",
  "serviceaccount-controller",
  "root-ca-certificate-publisher-controller",
  "node-lifecycle-controller",
  "taint-eviction-controller",
];

/** A user of the API server and the group by which RBAC's built-in bindings know it. */
const USERS = {
  admin: "admin,admin,system:masters",
  controllers: "system:kube-controller-manager,controllers,",
  scheduler: "system:kube-scheduler,scheduler,",
} as const;

const START_MS = 120_000;

/** Starts etcd, API server, controller manager and scheduler; `folder` holds their state, keys and logs. */
export async function startControlPlane(folder: string): Promise<ControlPlane> {
  const path = await findPrograms();
  await mkdir(folder, { recursive: true });
  const [etcd, peer, secure] = [await freePort(), await freePort(), await freePort()];
  const server = `https://127.0.0.1:${secure}`;
  const tokens = await writeUsers(folder);
  await writeServiceAccountKey(folder);
  const processes: ChildProcess[] = [];
  // No word holds a space: paths are relative to the folder.
  const start = (program: Program, words: string) => {
    const args = words.split(/\s+/);
    const log = openSync(join(folder, `${program}.log`), "a");
    processes.push(spawn(path(program), args, { cwd: folder, stdio: ["ignore", log, log] }));
    closeSync(log);
  };
  const close = async () => {
    for (const child of processes.toReversed()) await ended(child);
  };
  try {
    start(
      "etcd",
      `--data-dir etcd --unsafe-no-fsync --log-level warn
       --listen-client-urls http://127.0.0.1:${etcd} --advertise-client-urls http://127.0.0.1:${etcd}
       --listen-peer-urls http://127.0.0.1:${peer} --initial-advertise-peer-urls http://127.0.0.1:${peer}
       --initial-cluster default=http://127.0.0.1:${peer}`,
    );
    start(
      "kube-apiserver",
      `--etcd-servers=http://127.0.0.1:${etcd}
       --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port=${secure} --cert-dir=pki
       --token-auth-file=tokens.csv --authorization-mode=RBAC --anonymous-auth=false
       --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.pub
       --service-account-signing-key-file=accounts.key --service-cluster-ip-range=10.0.0.0/24
       --endpoint-reconciler-type=none --profiling=false`,
    );
    const api = await reached(server, tokens.admin, folder, processes);
    for (const user of ["controllers", "scheduler"] as const)
      await writeFile(join(folder, `${user}.json`), kubeconfig(server, tokens[user]), { mode: 0o600 });
    const common = "--leader-elect=false --bind-address=127.0.0.1 --secure-port=0 --profiling=false";
    start(
      "kube-controller-manager",
      `--kubeconfig=controllers.json ${common} --controllers=${CONTROLLERS.join(",")}
       --service-account-private-key-file=accounts.key --root-ca-file=pki/apiserver.crt
       --use-service-account-credentials=true`,
    );
    start("kube-scheduler", `--kubeconfig=scheduler.json ${common}`);
    return {
      api,
      async close() {
        api.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function writeUsers(folder: string): Promise<Record<keyof typeof USERS, string>> {
  const tokens = { admin: token(), controllers: token(), scheduler: token() };
  const lines = Object.entries(USERS).map(([key, user]) => {
    const [name, uid, group] = user.split(",");
    return `${tokens[key as keyof typeof USERS]},${name},${uid},"${group}"`;
  });
  await writeFile(join(folder, "tokens.csv"), `${lines.join("\n")}\n`, { mode: 0o600 });
  return tokens;
}

const token = () => randomBytes(24).toString("hex");

async function writeServiceAccountKey(folder: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  await writeFile(join(folder, "accounts.key"), privateKey, { mode: 0o600 });
  await writeFile(join(folder, "accounts.pub"), publicKey);
}

/** The API server makes its own certificate when it starts; clients trust just that. */
function kubeconfig(server: string, userToken: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server, "certificate-authority": "pki/apiserver.crt" } }],
    users: [{ name: "user", user: { token: userToken } }],
    contexts: [{ name: "local", context: { cluster: "local", user: "user" } }],
    "current-context": "local",
  });
}

/** Waits for the API server to say that it is ready. */
async function reached(
  server: string,
  adminToken: string,
  folder: string,
  processes: readonly ChildProcess[],
): Promise<KubeApi> {
  const until = performance.now() + START_MS;
  for (;;) {
    let api: KubeApi | undefined;
    try {
      api = new KubeApi(server, adminToken, await readFile(join(folder, "pki/apiserver.crt"), "utf8"));
      await api.get("/api/v1/namespaces/default");
      return api;
    } catch (error) {
      api?.close();
      if (performance.now() > until || processes.some(({ exitCode }) => exitCode !== null))
        throw new Error(`the API server doesn't start; its log: ${join(folder, "kube-apiserver.log")}`, {
          cause: error,
        });
      await delay(100);
    }
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const socket = createServer();
  return new Promise((done, fail) => {
    socket.once("error", fail);
    socket.listen(0, "127.0.0.1", () => {
      const address = socket.address();
      socket.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}
