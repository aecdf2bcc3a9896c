import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import { DATASET_NAMES, type Dataset, type DatasetName, datasets } from "../datasets/dataset.ts";
import type { Lake } from "../lake/lake.ts";
import { chainRelay } from "../relays/chainRelay.ts";
import { relayOf } from "../relays/described.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { type Coverage, coverageOf } from "./coverage.ts";
import type { SlotScope } from "./scope.ts";

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

/** Relays, and behind them those that only the lake knows. */
export async function withUnlisted(lake: Lake, listed: readonly Relay[]): Promise<readonly Relay[]> {
  const relays = [...listed];
  const known = new Set(relays.map(({ name }) => name));
  for (const dataset of DATASET_NAMES) {
    for (const name of await lake.relays(dataset)) {
      if (known.has(name)) continue;
      known.add(name);
      relays.push(unlisted(name, datasets[dataset]));
    }
  }
  return relays;
}

/** The figures of a relay's coverage that a published day states. */
export type DayFigures = Pick<
  Coverage,
  "relay" | "state" | "slots" | "covered" | "missing" | "unproven" | "unavailable" | "suspect"
>;

/** Says what is had of a dataset's day, relay by relay; `faults` gathers what can't be trusted of the lake. */
export function coverageOfDays(
  lake: Lake,
  { network, clock }: { readonly network: Network; readonly clock: Clock },
  relays: readonly Relay[],
): {
  readonly faults: ReadonlySet<string>;
  of(dataset: DatasetName, range: SlotRange): Promise<DayFigures[]>;
} {
  const faults = new Set<string>();
  const of = async (dataset: DatasetName, range: SlotRange) => {
    const found = await coverageOfAll(lake, { network, range, nowMs: clock.now() }, relays, [dataset]);
    for (const fault of found.faults) faults.add(fault);
    return found.coverage.map(figuresOf);
  };
  return { faults, of };
}

function figuresOf(row: Coverage): DayFigures {
  const { relay, state, slots, covered, missing, unproven, unavailable, suspect } = row;
  return { relay, state, slots, covered, missing, unproven, unavailable, suspect };
}

/** What was collected of a relay whose software nobody knows any more is shown too. */
async function hasAny(lake: Lake, relay: string, dataset: DatasetName): Promise<boolean> {
  return (await lake.relays(dataset)).includes(relay);
}

/** What the directory doesn't list: what it left is shown, but nobody asks it unless told where it is. */
function unlisted(name: string, { asked }: Dataset): Relay {
  if (asked === "range") return chainRelay(name, "off");
  return relayOf({ name, url: "", pubkey: null, filtering: null, state: "off" });
}
