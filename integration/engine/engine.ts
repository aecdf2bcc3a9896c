import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The version that is built where none is installed. */
const VERSION = "3.250.0";
const PROGRAMS = {
  pulumi: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  "pulumi-language-nodejs": ".",
} as const;
const INSTALL =
  "install the Pulumi CLI (https://www.pulumi.com/docs/install/), or Go 1.26 to build it from its modules";

/**
 * The folder that holds the Pulumi CLI and its language host for Node.js: of the official pair where both are on PATH, else
 * of one that is built from Go modules into the user's cache, which takes some minutes the first time. Throws an Error that
 * says what to install when neither can be.
 */
export async function engineFolder(say: (line: string) => void = () => {}): Promise<string> {
  const installed = Object.keys(PROGRAMS).map(onPath);
  if (installed[0] !== undefined && installed[1] !== undefined) return installed[0];
  const source = join(import.meta.dirname, "host");
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "mev-boost-etl", `pulumi-${VERSION}-${fingerprint(source)}`);
  const missing = Object.entries(PROGRAMS).filter(([name]) => !existsSync(join(folder, name)));
  if (missing.length === 0) return folder;
  if (onPath("go") === undefined)
    throw new Error(
      `the Pulumi engine can't be had: pulumi and pulumi-language-nodejs aren't both on PATH; ${INSTALL}`,
    );
  mkdirSync(folder, { recursive: true });
  for (const [name, module] of missing) {
    say(`building ${name} ${VERSION} into ${folder}; the first time this takes some minutes`);
    await build(source, module, join(folder, name));
  }
  return folder;
}

/** Builds one program; it is there whole or not at all. */
async function build(source: string, module: string, out: string): Promise<void> {
  const version = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${VERSION}`;
  const next = `${out}.${process.pid}`;
  const flags = ["-p", "2", "-trimpath", "-tags", "osusergo,grpcnotrace", "-ldflags", `-s -w ${version}`];
  try {
    await run("go", ["build", ...flags, "-o", next, module], {
      cwd: source,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false" },
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    const said =
      (error as { stderr?: string }).stderr?.trim().split("\n").slice(-5).join("; ") ?? String(error);
    throw new Error(`the Pulumi engine can't be had: go build ${module} failed: ${said}; ${INSTALL}`, {
      cause: error,
    });
  }
  renameSync(next, out);
}

/** The folder on PATH in which a program stands. */
function onPath(program: string): string | undefined {
  return (process.env["PATH"] ?? "").split(delimiter).find((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      // Not here: the next folder is asked.
      return false;
    }
  });
}

/** What tells one state of the host's source from another. */
function fingerprint(source: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(source).toSorted())
    hash.update(name).update(readFileSync(join(source, name)));
  return hash.digest("hex").slice(0, 12);
}
