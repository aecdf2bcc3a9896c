import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { median } from "./rounds.ts";

const run = promisify(execFile);
const RUNS = 5;
const CHECKS = 3;
const root = join(import.meta.dirname, "..");

/** Seconds in which the Pulumi program starts and registers all of production, and in which the repository's types are checked. */
export async function benchInfrastructure(): Promise<Record<string, number>> {
  const program = [process.execPath, "--import=tsx", join(root, "bench/registrationChild.ts")] as const;
  const types = ["npm", "run", "--silent", "types"] as const;
  return {
    program_registration_s: await seconds(program, RUNS),
    type_check_s: await seconds(types, CHECKS),
  };
}

/** The median time of a command, s; fails as the command does. */
async function seconds([command, ...args]: readonly [string, ...string[]], runs: number): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await run(command, args, { cwd: root });
    all.push((performance.now() - start) / 1000);
  }
  return median(all);
}
