import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownGoTool, runTool } from "../toolCache.ts";

const SOURCE = join(import.meta.dirname, "judge");

/** Google's descriptions of the APIs that the stacks use, as a Go module publishes them. */
const DOCUMENTS_MODULE = "google.golang.org/api";
const DOCUMENTS = [
  "artifactregistry/v1",
  "bigquery/v2",
  "billingbudgets/v1",
  "cloudresourcemanager/v1",
  "cloudscheduler/v1",
  "compute/v1",
  "container/v1",
  "iam/v1",
  "logging/v2",
  "monitoring/v1",
  "monitoring/v3",
  "run/v2",
  "secretmanager/v1",
  "serviceusage/v1",
  "storage/v1",
] as const;

/** Something that the provider, or Google's description of its API, says against a resource. */
export interface ProviderFinding {
  readonly file: string;
  readonly at: string;
  readonly type: string;
  readonly stage: "type" | "schema" | "validate" | "plan" | "create" | "request";
  readonly text: string;
}

/** What was found in files of registered resources, and how much was looked at. */
export interface ProviderVerdict {
  readonly findings: readonly ProviderFinding[];
  readonly resources: number;
  readonly requests: number;
}

/** A resource as `stacks/golden` shows it. */
export interface ProviderCase {
  readonly at: string;
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/**
 * Asks the google provider about the resources of golden files; with `requests` also what their creates would send. The
 * program is built when it isn't in the cache as it is now. Throws MissingToolError.
 */
export async function judgeFiles(
  files: readonly string[],
  { requests }: { readonly requests: boolean },
): Promise<ProviderVerdict> {
  const program = await provideJudge();
  const { stdout } = await runTool(program, [...(requests ? ["-requests"] : []), ...files], {
    maxBuffer: 1 << 28,
  });
  const lines = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ProviderFinding | { resources: number; requests: number });
  const seen = lines.filter((line) => "resources" in line);
  return {
    findings: lines.filter((line) => "stage" in line),
    resources: seen.reduce((sum, { resources }) => sum + resources, 0),
    requests: seen.reduce((sum, { requests }) => sum + requests, 0),
  };
}

/** Asks it about resources that stand in no file, requests included. */
export async function judgeCases(resources: readonly ProviderCase[]): Promise<ProviderVerdict> {
  const folder = await mkdtemp(join(tmpdir(), "provider-"));
  try {
    const file = join(folder, "cases.json");
    await writeFile(file, JSON.stringify({ resources }));
    return await judgeFiles([file], { requests: true });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function provideJudge(): Promise<string> {
  return ownGoTool({
    program: "judge",
    source: SOURCE,
    takes: "three minutes of two processors, and 1 GB of memory",
    beside: { of: DOCUMENTS.join(), put: putDocuments },
  });
}

async function putDocuments(target: string): Promise<void> {
  const { stdout } = await runTool("go", ["list", "-m", "-f", "{{.Dir}}", DOCUMENTS_MODULE], { cwd: SOURCE });
  await mkdir(join(target, "documents"));
  for (const name of DOCUMENTS) {
    const [api = "", version = ""] = name.split("/");
    await copyFile(
      join(stdout.trim(), api, version, `${api}-api.json`),
      join(target, "documents", `${api}-${version}.json`),
    );
  }
}
