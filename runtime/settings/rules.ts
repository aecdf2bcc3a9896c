import type { SettingRule } from "./environment.ts";
import { type RelayOverrides, relayFaults } from "./relayOverrides.ts";

/** A lake is in a folder only on the simulated network. */
export const lakeRule: SettingRule<{ readonly network: string; readonly lake: string }> = {
  needs: ["network", "lake"],
  faults: ({ network, lake }) =>
    network.startsWith("simulated-") || lake.startsWith("gs://")
      ? []
      : ["ETL_LAKE: a folder is right on the simulated network only; give gs://BUCKET[/PREFIX]"],
};

/** Overrides of relays fit the network's directory. */
export const relaysRule: SettingRule<{ readonly network: string; readonly relays: RelayOverrides }> = {
  needs: ["network", "relays"],
  faults: ({ network, relays }) => relayFaults(network, relays).map((fault) => `ETL_RELAYS: ${fault}`),
};
