import { Environment, type SettingsOf } from "./environment.ts";
import { whole } from "./formats.ts";
import { lakeRule, relaysRule } from "./rules.ts";
import { shared } from "./shared.ts";

const variables = {
  network: { name: "ETL_NETWORK", setting: shared.network },
  lake: { name: "ETL_LAKE", setting: shared.lake },
  out: {
    name: "ETL_OUT",
    setting: {
      format: shared.lake.format,
      meaning: "where published files go; a folder's path on a simulated network only",
    },
  },
  days: {
    name: "ETL_DAYS",
    setting: {
      format: whole("days", 1, 4000),
      meaning: "days that it looks back: above 7, after which a day is published with its gaps",
      default: 10,
    },
  },
  relays: { name: "ETL_RELAYS", setting: shared.relays },
  // All without it.
  dataset: { name: "ETL_DATASET", setting: shared.dataset, optional: true },
  logLevel: { name: "ETL_LOG_LEVEL", setting: shared.logLevel },
} as const;

/** What the job that publishes is told by its environment: the stack renders it, the job reads it. */
export type PublishSettings = SettingsOf<typeof variables>;

/** The environment of the job that publishes. */
export const publishEnvironment = new Environment<PublishSettings>("PublishSettings", variables, [
  lakeRule,
  {
    needs: ["network", "out"],
    faults: ({ network, out }) =>
      network.startsWith("simulated-") || out.startsWith("gs://")
        ? []
        : ["ETL_OUT: a folder is right on the simulated network only; give gs://BUCKET[/PREFIX]"],
  },
  {
    needs: ["lake", "out"],
    faults: ({ lake, out }) =>
      `${out}/`.startsWith(`${lake}/`) || `${lake}/`.startsWith(`${out}/`)
        ? ["ETL_OUT: it lies in the lake, or the lake in it; give a place of its own"]
        : [],
  },
  relaysRule,
]);
