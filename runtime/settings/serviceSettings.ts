import { Environment, type SettingsOf } from "./environment.ts";
import { amount, someOf, text, whole } from "./formats.ts";
import { lakeRule, relaysRule } from "./rules.ts";
import { shared } from "./shared.ts";

/** The port that is listened on where the environment names none; Cloud Run always does. */
const DEFAULT_PORT = 8080;
const GIGABYTE = 2 ** 30;

/** The pages that a service can keep, and how many days each shows. */
export const REPORT_DAYS = { day: 1, week: 7 } as const;
export type ReportPage = keyof typeof REPORT_DAYS;
export const REPORT_PAGES = Object.keys(REPORT_DAYS) as readonly ReportPage[];

const variables = {
  network: { name: "ETL_NETWORK", setting: shared.network },
  lake: { name: "ETL_LAKE", setting: shared.lake },
  warehouse: {
    name: "ETL_WAREHOUSE",
    setting: {
      format: text(
        "bigquery://PROJECT/DATASET",
        /^(?:bigquery:\/\/[a-z][a-z0-9-]{4,28}[a-z0-9]\/\w{1,1024}|\.{0,2}\/[^\u0000-\u001f]*)$/,
      ),
      meaning:
        "where the tables are; outside of the container, on a simulated network, also a DuckDB file's path",
    },
  },
  stagingDataset: {
    name: "ETL_STAGING_DATASET",
    setting: {
      format: text("a dataset's name: letters, digits and _", /^\w{1,1024}$/),
      meaning: "dataset of the same project for the tables of loads under way",
    },
  },
  location: {
    name: "ETL_LOCATION",
    setting: {
      format: text("a BigQuery location such as US or europe-west1", /^[A-Za-z][A-Za-z0-9-]{1,40}$/),
      meaning: "BigQuery's location of the datasets; one that lies elsewhere is refused",
    },
  },
  relays: { name: "ETL_RELAYS", setting: shared.relays },
  rateShare: {
    name: "ETL_RATE_SHARE",
    setting: {
      format: amount(1),
      meaning:
        "part of each relay's rate: both services ask the same relays (0.9 for bids, 0.1 for payloads)",
    },
  },
  tickSeconds: { name: "ETL_TICK_SECONDS", setting: shared.tickSeconds },
  intervalSeconds: {
    name: "ETL_INTERVAL_SECONDS",
    setting: {
      format: whole("whole seconds", 60, 1800),
      meaning: "time between two ticks, as the scheduler is set",
      default: 300,
    },
  },
  maxBytesBilled: {
    name: "ETL_MAX_BYTES_BILLED",
    setting: {
      format: whole("bytes", 10 * 2 ** 20, 2 ** 50),
      meaning: "bytes that one query may bill at most",
      default: shared.maxGigabytesBilled.default * GIGABYTE,
    },
  },
  canonical: { name: "ETL_CANONICAL", setting: shared.canonical, optional: true },
  backload: {
    name: "ETL_BACKLOAD",
    setting: {
      format: shared.slots.format,
      meaning:
        "slots that back-load workers are filling: seen within 30 minutes, and but for the newest left to them",
    },
    optional: true,
  },
  reportPages: {
    name: "ETL_REPORT_PAGES",
    setting: {
      format: someOf(REPORT_PAGES),
      meaning:
        "pages of plots over the last day or week, which the payloads service writes once a day under reports/ in the lake",
    },
    optional: true,
  },
  logLevel: { name: "ETL_LOG_LEVEL", setting: shared.logLevel },
} as const;

/** What a service is told by its environment: the stack renders it, the service reads it. */
export type ServiceSettings = SettingsOf<typeof variables>;

const isSimulated = ({ network }: ServiceSettings) => network.startsWith("simulated-");
const isInBigQuery = ({ warehouse }: ServiceSettings) => warehouse.startsWith("bigquery://");

/** The environment of a service. */
export const serviceEnvironment = new Environment<ServiceSettings>("ServiceSettings", variables, [
  lakeRule,
  {
    needs: ["network", "warehouse"],
    faults: (settings) =>
      isSimulated(settings) || isInBigQuery(settings)
        ? []
        : ["ETL_WAREHOUSE: a file is right on the simulated network only; give bigquery://PROJECT/DATASET"],
  },
  {
    needs: ["tickSeconds", "intervalSeconds"],
    faults: ({ tickSeconds, intervalSeconds }) =>
      tickSeconds <= intervalSeconds
        ? []
        : [
            `ETL_TICK_SECONDS: ${tickSeconds} is longer than ETL_INTERVAL_SECONDS, ${intervalSeconds}: a tick must end before the next`,
          ],
  },
  {
    needs: ["canonical", "warehouse"],
    faults: (settings) =>
      !settings.canonical || isInBigQuery(settings)
        ? []
        : ["ETL_CANONICAL: a BigQuery table can only be read by a warehouse in BigQuery"],
  },
  relaysRule,
]);

/**
 * Reads a service's environment, `PORT` included (which Cloud Run sets, and no stack may). Throws UserError (exit 2) that
 * names every fault.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  settings: ServiceSettings;
  port: number;
} {
  const format = () => whole("a port", 0, 65_535);
  const { settings, value } = serviceEnvironment.readWith(env, {
    name: "PORT",
    format,
    default: DEFAULT_PORT,
  });
  return { settings, port: value };
}
