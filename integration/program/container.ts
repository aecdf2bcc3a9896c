import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { simulatedRelays } from "../../runtime/simulator/directory.ts";

/** A container's entry, started as the container starts it. */
export interface Started {
  readonly url: string;
  /** From the process's start to the answer of /ready, ms. */
  readonly readyMs: number;
  /** Resident memory now, MB. */
  rssMb(): number;
  /** Ends it by SIGTERM; returns the exit code. */
  stop(): Promise<number | null>;
}

/** What the container gives Node before the entry. */
export function containerFlags(): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, "../../Dockerfile"), "utf8");
  const [, entryPoint = "[]"] = /^ENTRYPOINT (.*)$/m.exec(text) ?? [];
  const [node, ...flags] = JSON.parse(entryPoint) as string[];
  if (node !== "node" || flags.length === 0) throw new Error(`the Dockerfile's entry point is ${entryPoint}`);
  return flags;
}

/** Copies one bundled file into an empty folder, and starts it there with nothing but its settings. */
export async function startAlone(
  file: string,
  words: readonly string[],
  env: Record<string, string>,
): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), "etl-container-"));
  copyFileSync(file, join(folder, basename(file)));
  const began = performance.now();
  const entry = basename(file, ".js");
  const child = spawn(process.execPath, [...containerFlags(), entry, ...words], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async () => {
    if (child.exitCode !== null) return child.exitCode;
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    const [code] = (await exit) as [number | null];
    return code;
  };
  try {
    let said = "";
    child.stdout.on("data", (data: Buffer) => (said += data.toString()));
    let port: string | undefined;
    while (port === undefined) {
      await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
      [, port] = /"port":(\d+),"message":"ready"/.exec(said) ?? [];
      if (port === undefined && child.exitCode !== null) throw new Error(`${entry} ended: ${said}`);
    }
    const url = `http://127.0.0.1:${port}`;
    const response = await fetch(`${url}/ready`);
    await response.text();
    if (response.status !== 200) throw new Error(`/ready answers ${response.status}`);
    const readyMs = performance.now() - began;
    return { url, readyMs, rssMb: () => rssMb(child.pid), stop };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** Settings of a service that has nothing to ask: of a simulated network, all relays off. */
export function idleSettings(): Record<string, string> {
  const active = simulatedRelays(1).filter(({ state }) => state === "active");
  return {
    ETL_NETWORK: "simulated-1",
    ETL_LAKE: join(mkdtempSync(join(tmpdir(), "etl-container-")), "lake"),
    ETL_WAREHOUSE: "bigquery://some-project/etl",
    ETL_STAGING_DATASET: "etl_staging",
    ETL_LOCATION: "US",
    ETL_RELAYS: JSON.stringify(Object.fromEntries(active.map(({ name }) => [name, { off: true }]))),
    ETL_RATE_SHARE: "0.9",
    PORT: "0",
  };
}

function rssMb(pid: number | undefined): number {
  const [, kilobytes = "NaN"] =
    /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1000;
}
