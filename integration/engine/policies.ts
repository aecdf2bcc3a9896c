import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
let compiled: Promise<string> | undefined;

/** The folder of the policy pack, compiled once. */
export function compiledPolicies(): Promise<string> {
  compiled ??= promisify(execFile)(process.execPath, ["policies/build.mjs"], { cwd: root }).then(() =>
    join(root, "policies"),
  );
  return compiled;
}
