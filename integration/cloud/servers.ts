import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provideFakeGcs, provideLocalBigQuery } from "./tools.ts";

/** How long a server may take until it answers, on a busy machine, ms. */
const START_MS = 60_000;

/** A server of the cloud tests, or the one that was given by its environment variable. */
export interface Server {
  /** Base URL without a path, e.g. `http://127.0.0.1:4443`. */
  readonly endpoint: string;
  /** Ends a server that was started here; a given one is left alone. */
  close(): Promise<void>;
}

export interface GcsServer extends Server {
  /** The folder in which each bucket is a folder; undefined for a given server. */
  readonly root: string | undefined;
}

export interface BigQueryServer extends Server {
  readonly projectId: string;
}

/**
 * fake-gcs-server on a free port with a folder of its own, or the server at STORAGE_EMULATOR_HOST. Throws
 * MissingToolError.
 */
export async function startGcs(): Promise<GcsServer> {
  const given = process.env["STORAGE_EMULATOR_HOST"];
  if (given) return { endpoint: withScheme(given), root: undefined, close: async () => {} };
  const program = await provideFakeGcs();
  const root = await mkdtemp(join(tmpdir(), "etl-gcs-"));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const place = ["-scheme", "http", "-host", "127.0.0.1", "-port", `${port}`];
  const store = ["-backend", "filesystem", "-filesystem-root", root, "-log-level", "error"];
  const child = startTied(program, [...place, "-public-host", `127.0.0.1:${port}`, ...store]);
  const close = async (): Promise<void> => {
    await end(child);
    await rm(root, { recursive: true, force: true });
  };
  await answers("fake-gcs-server", child, `${endpoint}/storage/v1/b?project=test`, close);
  return { endpoint, root, close };
}

/**
 * local-bigquery on a free port, which reads `gs://bucket/object` from the folder of `gcs`, or the server at
 * BIGQUERY_EMULATOR_HOST. Throws MissingToolError.
 */
export async function startBigQuery(gcs?: Pick<GcsServer, "root">): Promise<BigQueryServer> {
  const given = process.env["BIGQUERY_EMULATOR_HOST"];
  const projectId = process.env["ETL_TEST_PROJECT"] ?? "test-project";
  if (given) return { endpoint: withScheme(given), projectId, close: async () => {} };
  const { python, home } = await provideLocalBigQuery();
  const folder = await mkdtemp(join(tmpdir(), "etl-bigquery-"));
  const [port, grpcPort] = [await freePort(), await freePort()];
  const endpoint = `http://127.0.0.1:${port}`;
  const program = ["-c", "from local_bigquery.cli import main; main()", "--project", projectId];
  const place = ["--host", "127.0.0.1", "--port", `${port}`, "--grpc-port", `${grpcPort}`];
  const child = startTied(python, [...program, ...place, "--data-dir", join(folder, "data")], {
    HOME: home,
    GCS_LOCAL_ROOT: gcs?.root ?? join(folder, "gcs"),
  });
  const close = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  await answers("local-bigquery", child, `${endpoint}/bigquery/v2/projects/${projectId}/datasets`, close);
  return { endpoint, projectId, close };
}

function withScheme(host: string): string {
  return (/^https?:\/\//.test(host) ? host : `http://${host}`).replace(/\/+$/, "");
}

/**
 * Starts a server that ends with this process, however this process ends: the shell around it waits for its standard
 * input to close.
 */
function startTied(program: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const script = '"$@" </dev/null >&2 & child=$!; cat >/dev/null; kill -9 "$child"; wait "$child"';
  return spawn("sh", ["-c", script, "sh", program, ...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.stdin?.end();
  await exit;
}

/** Waits until a server answers at `url`. Throws an error with the server's last words. */
async function answers(name: string, child: ChildProcess, url: string, close: () => Promise<void>) {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4000)));
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await close();
  throw new Error(`${name} doesn't answer at ${url}; it said: ${said}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no free port");
  return address.port;
}
