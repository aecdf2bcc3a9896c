import { existsSync, readdirSync } from "node:fs";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import {
  installedTool,
  lastToolLine,
  MissingToolError,
  ownGoTool,
  publishedGoTool,
  runTool,
  sayTool,
  TOOL_PATIENCE_MS,
} from "../toolCache.ts";

const FAKE_GCS = "github.com/fsouza/fake-gcs-server@v1.56.1";
const LOCAL_BIGQUERY = "local-bigquery 0.4.0";
const REQUIREMENTS = join(import.meta.dirname, "local-bigquery.txt");
/** Makes it look up tables quickly, which is most of what it does. */
const QUICKEN = join(import.meta.dirname, "quicken.py");

/** The program fake-gcs-server, built from its Go module when it isn't in the cache yet. Throws MissingToolError. */
export function provideFakeGcs(): Promise<string> {
  return publishedGoTool("fake-gcs-server", FAKE_GCS, "two minutes");
}

/** The program in integration/googlesql, built when it isn't in the cache as it is now. Throws MissingToolError. */
export function provideGoogleSql(): Promise<string> {
  const source = join(import.meta.dirname, "..", "googlesql");
  return ownGoTool({ program: "googlesql", source, takes: "some four minutes" });
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
  const at = (target: string) => ({ python: join(target, "venv/bin/python"), home: join(target, "home") });
  const name = `local-bigquery-${hash.digest("hex").slice(0, 12)}`;
  const folder = await installedTool(name, async (target) => {
    const base = await python313();
    sayTool(`installing ${LOCAL_BIGQUERY} (once, half a minute)`);
    const { python, home } = at(target);
    try {
      await runTool(base, ["-m", "venv", join(target, "venv")], { timeout: TOOL_PATIENCE_MS });
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      await runTool(python, [...pip, "--no-deps", "-r", REQUIREMENTS], { timeout: TOOL_PATIENCE_MS });
      await runTool(python, [QUICKEN]);
      await runTool(python, ["-c", PLACE_EXTENSIONS, home]);
    } catch (error) {
      throw new MissingToolError(
        LOCAL_BIGQUERY,
        `its installation failed (${lastToolLine(error)}); can the Python package registry be reached?`,
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

async function python313(): Promise<string> {
  const pyenv = join(process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv"), "versions");
  const versions = existsSync(pyenv) ? readdirSync(pyenv).filter((name) => name.startsWith("3.13.")) : [];
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => ["python3.13", "python3", "python"].map((name) => join(folder, name)));
  const candidates = [...onPath, ...versions.map((name) => join(pyenv, name, "bin/python3.13"))];
  for (const candidate of candidates.filter((path) => existsSync(path))) {
    const version = await runTool(candidate, ["-c", "import sys; print(*sys.version_info[:2])"]).catch(
      () => null,
    );
    if (version?.stdout.trim() === "3 13") return candidate;
  }
  throw new MissingToolError(
    LOCAL_BIGQUERY,
    "it needs Python 3.13, which is neither on PATH nor among pyenv's versions; install Python 3.13",
  );
}
