import type { Coverage } from "../collect/coverage.ts";
import type { coverageOfAll } from "../collect/coverageOfAll.ts";

/** Coverage of relays, and of what tells of the chain behind it. */
export function joined(
  ...parts: readonly Awaited<ReturnType<typeof coverageOfAll>>[]
): Awaited<ReturnType<typeof coverageOfAll>> {
  return {
    coverage: parts.flatMap(({ coverage }) => coverage),
    faults: [...new Set(parts.flatMap(({ faults }) => faults))],
  };
}

/** 3 when slots of an active relay are missing, else 0. */
export function exitCodeOf(coverage: readonly Coverage[]): number {
  return coverage.some(({ state, missing }) => state === "active" && missing > 0) ? 3 : 0;
}
