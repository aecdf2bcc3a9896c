import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { idleSettings, startAlone } from "../integration/program/container.ts";
import { median } from "./rounds.ts";

const run = promisify(execFile);
const STARTS = 9;

/** Seconds from the start of `node dist/cli.js --help` to its end, after a build. */
export async function benchStartup(): Promise<Record<string, number>> {
  const root = join(import.meta.dirname, "..");
  await run(process.execPath, ["build.mjs", "cli"], { cwd: root });
  const seconds: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const start = performance.now();
    await run(process.execPath, [join(root, "dist/cli.js"), "--help"]);
    seconds.push((performance.now() - start) / 1000);
  }
  return { help_s: median(seconds) };
}

/** A service's start as in its container: seconds to the answer of /ready, and memory when it has nothing to do. */
export async function benchContainer(): Promise<Record<string, number>> {
  const out = await mkdtemp(join(tmpdir(), "etl-bench-"));
  await run(process.execPath, ["build.mjs", "container", out], { cwd: join(import.meta.dirname, "..") });
  const seconds: number[] = [];
  const megabytes: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const service = await startAlone(join(out, "serve.js"), ["bids"], idleSettings());
    seconds.push(service.readyMs / 1000);
    megabytes.push(service.rssMb());
    await service.stop();
  }
  return { container_ready_s: median(seconds), container_idle_rss_mb: median(megabytes) };
}
