import { type Coverage, coverageOf } from "../collect/coverage.ts";
import type { SlotScope } from "../collect/scope.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { Lake } from "../lake/lake.ts";
import { type Relay, serves } from "../relays/relay.ts";

/** Coverage of all relays in a range, relay by relay; the faults that were met are returned beside it. */
export async function coverageOfAll(
  lake: Lake,
  scope: SlotScope,
  relays: readonly Relay[],
  names: readonly DatasetName[],
): Promise<{ coverage: Coverage[]; faults: string[] }> {
  const faults = new Set<string>();
  const coverage: Coverage[] = [];
  for (const relay of relays) {
    for (const name of names) {
      if (!serves(relay, name) && !(await hasAny(lake, relay.name, name))) continue;
      const row = await coverageOf(lake, scope, relay, name, (fault) => faults.add(fault));
      // What relays left that aren't asked any more is shown; where they left nothing there is nothing to say.
      if (row.covered > 0 || row.imported > 0 || relay.state === "active") coverage.push(row);
    }
  }
  return { coverage, faults: [...faults] };
}

/** Coverage of relays, and of what tells of the chain behind it. */
export function joined(
  ...parts: readonly Awaited<ReturnType<typeof coverageOfAll>>[]
): Awaited<ReturnType<typeof coverageOfAll>> {
  return {
    coverage: parts.flatMap(({ coverage }) => coverage),
    faults: [...new Set(parts.flatMap(({ faults }) => faults))],
  };
}

/** What was collected of a relay whose software nobody knows any more is shown too. */
async function hasAny(lake: Lake, relay: string, dataset: DatasetName): Promise<boolean> {
  return (await lake.relays(dataset)).includes(relay);
}

/** 3 when slots of an active relay are missing, else 0. */
export function exitCodeOf(coverage: readonly Coverage[]): number {
  return coverage.some(({ state, missing }) => state === "active" && missing > 0) ? 3 : 0;
}
