import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { median } from "./rounds.ts";

const run = promisify(execFile);
const STARTS = 9;

/** Seconds from the start of `node dist/cli.js --help` to its end, after a build. */
export async function benchStartup(): Promise<Record<string, number>> {
  const root = join(import.meta.dirname, "..");
  await run(process.execPath, ["build.mjs"], { cwd: root });
  const seconds: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const start = performance.now();
    await run(process.execPath, [join(root, "dist/cli.js"), "--help"]);
    seconds.push((performance.now() - start) / 1000);
  }
  return { help_s: median(seconds) };
}
