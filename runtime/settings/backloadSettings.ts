import { printable } from "../errors.ts";
import { Environment, type SettingsOf } from "./environment.ts";
import { whole } from "./formats.ts";
import { networkNamed, overriddenRelays, relayFaults } from "./relayOverrides.ts";
import { lakeRule, relaysRule } from "./rules.ts";
import { MAX_SHARDS, shared } from "./shared.ts";

const variables = {
  network: { name: "ETL_NETWORK", setting: shared.network },
  lake: { name: "ETL_LAKE", setting: shared.lake },
  relays: { name: "ETL_RELAYS", setting: shared.relays },
  relay: { name: "ETL_RELAY", setting: shared.relayNames },
  dataset: { name: "ETL_DATASET", setting: shared.dataset, optional: true },
  range: { name: "ETL_RANGE", setting: shared.slots },
  shards: { name: "ETL_SHARDS", setting: shared.shards },
  order: { name: "ETL_ORDER", setting: shared.order },
  // Without it the directory's figures hold.
  rate: { name: "ETL_RATE", setting: shared.rate, optional: true },
  // A worker then asks to be started again.
  timeLimitSeconds: { name: "ETL_TIME_LIMIT_SECONDS", setting: shared.timeLimit, optional: true },
  logLevel: { name: "ETL_LOG_LEVEL", setting: shared.logLevel },
} as const;

/** What a back-load's workers are told by their environment: the stack renders it, all pods of a Job read the same. */
export type BackloadSettings = SettingsOf<typeof variables>;

/** The environment of a back-load's workers; Kubernetes adds JOB_COMPLETION_INDEX. */
export const backloadEnvironment = new Environment<BackloadSettings>("BackloadSettings", variables, [
  lakeRule,
  {
    needs: ["network", "range"],
    faults: ({ network, range }) => {
      const floor = networkNamed(network)?.floor ?? 0;
      if (range.last >= floor) return [];
      const text = shared.slots.format.encode(range);
      return [`ETL_RANGE: ${text} lies before ${network}'s first MEV-Boost slot, ${floor}`];
    },
  },
  relaysRule,
  {
    needs: ["network", "relays", "relay"],
    faults: (settings) =>
      relayFaults(settings.network, settings.relays).length > 0 ? [] : namedFaults(settings),
  },
]);

function namedFaults({ network, relays, relay }: BackloadSettings): readonly string[] {
  const directory = overriddenRelays(network, relays);
  return relay.flatMap((name) => {
    const known = directory.find((listed) => listed.name === name);
    if (!known) return [`ETL_RELAY: ${printable(name, 60)} is no relay of ${network}`];
    return known.state === "active" ? [] : [`ETL_RELAY: ${name} is ${known.state}: nobody asks it`];
  });
}

/** Reads a worker's environment: the settings, and the shard that the Job has for it. Throws UserError (exit 2) that names every fault. */
export function readBackloadEnvironment(env: Readonly<Record<string, string | undefined>>): {
  settings: BackloadSettings;
  index: number;
} {
  const { settings, value } = backloadEnvironment.readWith(env, {
    name: "JOB_COMPLETION_INDEX",
    format: (read) => whole("a shard", 0, (read?.shards ?? MAX_SHARDS) - 1),
  });
  return { settings, index: value };
}
