import { type ExecFileException, execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { codeOf, messageOf } from "../../runtime/errors.ts";

const run = promisify(execFile);

const FAKE_GCS = "github.com/fsouza/fake-gcs-server@v1.56.1";
const LOCAL_BIGQUERY = "local-bigquery 0.4.0";
const REQUIREMENTS = join(import.meta.dirname, "local-bigquery.txt");
/** Makes it look up tables quickly, which is most of what it does. */
const QUICKEN = join(import.meta.dirname, "quicken.py");
/** A cold build or download on a busy machine, ms. */
const PATIENCE_MS = 15 * 60_000;

/** A server of the cloud tests can't be had; the message names it and what to do. */
export class MissingToolError extends Error {
  override readonly name = "MissingToolError";
  constructor(tool: string, why: string, cause?: unknown) {
    super(`${tool} can't be had: ${why}; or set ETL_CLOUD_TESTS=off to go without the cloud tests`, {
      cause,
    });
  }
}

/** Where the servers are installed, once for all working copies. */
function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mev-boost-etl", "tools");
}

/** The program fake-gcs-server, built from its Go module when it isn't in the cache yet. Throws MissingToolError. */
export async function provideFakeGcs(): Promise<string> {
  const folder = join(cacheFolder(), `fake-gcs-server-${FAKE_GCS.split("@")[1]}`);
  await installed(folder, async (target) => {
    say(`building ${FAKE_GCS} (once, two minutes)`);
    try {
      await run("go", ["install", FAKE_GCS], {
        env: { ...process.env, GOBIN: target },
        timeout: PATIENCE_MS,
        maxBuffer: 1 << 26,
      });
    } catch (error) {
      const why =
        codeOf(error) === "ENOENT"
          ? "it is built by Go, and there is no go on PATH; install Go 1.25 or newer"
          : `go install ${FAKE_GCS} failed (${lastLine(error)}); can the Go module proxy be reached?`;
      throw new MissingToolError("fake-gcs-server", why, error);
    }
  });
  return join(folder, "fake-gcs-server");
}

/** The program in integration/googlesql, built when it isn't in the cache as it is now. Throws MissingToolError. */
export async function provideGoogleSql(): Promise<string> {
  const source = join(import.meta.dirname, "..", "googlesql");
  const hash = createHash("sha256");
  for (const name of ["main.go", "go.mod", "go.sum"]) hash.update(await readFile(join(source, name)));
  const folder = join(cacheFolder(), `googlesql-${hash.digest("hex").slice(0, 12)}`);
  await installed(folder, async (target) => {
    say("building the GoogleSQL analyzer (once, some four minutes)");
    try {
      await run("nice", ["-n", "10", "go", "build", "-o", join(target, "googlesql"), "."], {
        cwd: source,
        env: { ...process.env, CGO_ENABLED: "0" },
        timeout: PATIENCE_MS,
        maxBuffer: 1 << 26,
      });
    } catch (error) {
      const why = `its build by Go (1.26 or newer) failed (${lastLine(error)}); is go on PATH, and can the Go module proxy be reached?`;
      throw new MissingToolError("the GoogleSQL analyzer", why, error);
    }
  });
  return join(folder, "googlesql");
}

/** A Python environment with local-bigquery, and a home folder with the DuckDB extensions that it loads. */
export interface LocalBigQuery {
  readonly python: string;
  readonly home: string;
}

/** local-bigquery, installed by pip when it isn't in the cache yet. Throws MissingToolError. */
export async function provideLocalBigQuery(): Promise<LocalBigQuery> {
  const hash = createHash("sha256");
  for (const file of [REQUIREMENTS, QUICKEN]) hash.update(await readFile(file));
  const folder = join(cacheFolder(), `local-bigquery-${hash.digest("hex").slice(0, 12)}`);
  const at = (target: string) => ({ python: join(target, "venv/bin/python"), home: join(target, "home") });
  await installed(folder, async (target) => {
    const base = await python313();
    say(`installing ${LOCAL_BIGQUERY} (once, half a minute)`);
    const { python, home } = at(target);
    try {
      await run(base, ["-m", "venv", join(target, "venv")], { timeout: PATIENCE_MS });
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      await run(python, [...pip, "--no-deps", "-r", REQUIREMENTS], { timeout: PATIENCE_MS });
      await run(python, [QUICKEN]);
      await run(python, ["-c", PLACE_EXTENSIONS, home]);
    } catch (error) {
      throw new MissingToolError(
        LOCAL_BIGQUERY,
        `its installation failed (${lastLine(error)}); can the Python package registry be reached?`,
        error,
      );
    }
  });
  return at(folder);
}

/** The extensions come as packages; DuckDB looks for them in its home folder. */
const PLACE_EXTENSIONS = `
import duckdb, pathlib, shutil, sys, sysconfig
site = pathlib.Path(sysconfig.get_paths()["platlib"])
platform = duckdb.sql("PRAGMA platform").fetchone()[0]
version = f"v{duckdb.__version__}"
target = pathlib.Path(sys.argv[1]) / ".duckdb" / "extensions" / version / platform
target.mkdir(parents=True)
found = list(site.glob(f"duckdb_extension_*/extensions/{version}/*.duckdb_extension"))
assert found, f"no extensions of DuckDB {version} under {site}"
for file in found:
    shutil.copy(file, target)
`;

/** A folder that is there whole or not at all, also when several processes install at once. */
async function installed(folder: string, install: (target: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  await mkdir(cacheFolder(), { recursive: true });
  const target = await mkdtemp(`${folder}.new-`);
  try {
    await install(target);
    await rename(target, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // else somebody else was faster
    });
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

async function python313(): Promise<string> {
  const pyenv = join(process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv"), "versions");
  const versions = existsSync(pyenv) ? readdirSync(pyenv).filter((name) => name.startsWith("3.13.")) : [];
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => ["python3.13", "python3", "python"].map((name) => join(folder, name)));
  const candidates = [...onPath, ...versions.map((name) => join(pyenv, name, "bin/python3.13"))];
  for (const candidate of candidates.filter((path) => existsSync(path))) {
    const version = await run(candidate, ["-c", "import sys; print(*sys.version_info[:2])"]).catch(
      () => null,
    );
    if (version?.stdout.trim() === "3 13") return candidate;
  }
  throw new MissingToolError(
    LOCAL_BIGQUERY,
    "it needs Python 3.13, which is neither on PATH nor among pyenv's versions; install Python 3.13",
  );
}

function lastLine(error: unknown): string {
  const { stderr } = error as ExecFileException & { stderr?: string };
  return (stderr?.trim() || messageOf(error)).split("\n").at(-1) ?? "";
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
