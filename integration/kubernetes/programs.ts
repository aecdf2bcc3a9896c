import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What is started of Kubernetes. */
const PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"] as const;
export type Program = (typeof PROGRAMS)[number];

/** The version that is built; a control plane that is given may be another one. */
const VERSION = "v1.35.4";
const SOURCE = join(import.meta.dirname, "controlPlane");

/**
 * Where the programs of a control plane lie: in folder `KUBE_BIN`, on PATH, or built from their Go modules into the user's
 * cache, if they are there already or `CI_KUBERNETES=1` allows it (ten minutes of processor time, 3 GiB of memory). Throws
 * what to do when they can't be had.
 */
export async function findPrograms(): Promise<(program: Program) => string> {
  const given = process.env["KUBE_BIN"];
  const folders = given === undefined ? (process.env["PATH"] ?? "").split(delimiter) : [given];
  const found = new Map<Program, string>();
  for (const program of PROGRAMS) {
    const folder = folders.find((one) => existsSync(join(one, program)));
    if (folder !== undefined) found.set(program, join(folder, program));
  }
  if (found.size === PROGRAMS.length) return (program) => found.get(program) ?? program;
  if (given !== undefined)
    throw new Error(`KUBE_BIN=${given} lacks ${PROGRAMS.filter((one) => !found.has(one)).join(", ")}`);
  const built = await builtFolder();
  return (program) => join(built, program);
}

async function builtFolder(): Promise<string> {
  const hash = createHash("sha256").update(VERSION);
  for (const file of ["main.go", "go.mod", "go.sum"]) hash.update(await readFile(join(SOURCE, file)));
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "mev-boost-etl", `kubernetes-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  if (process.env["CI_KUBERNETES"] !== "1")
    throw new Error(
      "no Kubernetes control plane: put etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl on PATH or " +
        "name their folder in KUBE_BIN, or let it be built from its Go modules once with CI_KUBERNETES=1 (needs Go 1.25)",
    );
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    await build(join(unfinished, "control-plane"));
    for (const program of PROGRAMS) await symlink("control-plane", join(unfinished, program));
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** The versions that the programs tell are stamped into them as Kubernetes' own build does it. */
async function build(out: string): Promise<void> {
  const [major, minor] = VERSION.slice(1).split(".");
  const stamps = Object.entries({
    gitVersion: VERSION,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: "clean",
  });
  const packages = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];
  const flags = packages.flatMap((name) => stamps.map(([key, value]) => `-X ${name}.${key}=${value}`));
  process.stderr.write(
    `building Kubernetes ${VERSION} from its Go modules (once; ten minutes of processor time)\n`,
  );
  const args = [
    "build",
    "-p",
    "2",
    "-trimpath",
    "-ldflags",
    ["-s", "-w", ...flags].join(" "),
    "-o",
    out,
    ".",
  ];
  try {
    await run("go", args, {
      cwd: SOURCE,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false" },
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    throw new Error(
      "Kubernetes can't be built: is Go 1.25 or newer installed, and its module proxy reachable?",
      {
        cause: error,
      },
    );
  }
}
