import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import type { SlotRange } from "../chain/slots.ts";
import { UserError, printable } from "../errors.ts";
import {
  type Format,
  fields,
  json,
  lakePlace,
  networkName,
  oneOf,
  share,
  slotRange,
  text,
  whole,
} from "./settingFormats.ts";
import type { CanonicalTable } from "../warehouse/warehouse.ts";
import { type RelayOverrides, relayFaults, relayOverrides } from "./relayOverrides.ts";

/** What a service is told by its environment: the stack renders it, the service reads it. */
export interface ServiceSettings {
  /** `mainnet`, `hoodi`, `sepolia`, or `simulated-<seed>`. */
  readonly network: string;
  /** `gs://BUCKET[/PREFIX]`; on the simulated network also a folder's path. */
  readonly lake: string;
  /** `bigquery://PROJECT/DATASET`; on the simulated network also a DuckDB file's path. */
  readonly warehouse: string;
  /** Dataset of the same project that load jobs write their staging tables to. */
  readonly stagingDataset: string;
  /** BigQuery's location of both datasets; every job and query names it. */
  readonly location: string;
  /** What differs from the network's directory of relays, by name. */
  readonly relays: RelayOverrides;
  /** The part of each relay's rate that this service may use: both services ask the same relays. */
  readonly rateShare: number;
  /** A tick asks nothing more after so many seconds. */
  readonly tickSeconds: number;
  /** Seconds between two ticks, as the scheduler is set. */
  readonly intervalSeconds: number;
  /** No query may bill more bytes than this. */
  readonly maxBytesBilled: number;
  /** Off without it: `reorged` stays null. */
  readonly canonical?: CanonicalTable;
  /** Slots that back-load workers are filling: seen within 30 minutes, and left to them. */
  readonly backload?: SlotRange;
  readonly logLevel: LogLevel;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A setting that isn't given has this value; the others must be given, or are off without. */
export const SETTING_DEFAULTS = {
  relays: {},
  tickSeconds: 240,
  intervalSeconds: 300,
  maxBytesBilled: 100 * 2 ** 30,
  logLevel: "info",
} as const satisfies Partial<ServiceSettings>;

/** The port that is listened on where the environment names none; Cloud Run always does. */
const DEFAULT_PORT = 8080;

const column = new RegExp(/^[A-Za-z_][A-Za-z0-9_]{0,299}$/);
const matching = (name: string, form: RegExp) => t.refinement(t.string, (value) => form.test(value), name);

const canonicalSource: t.Type<CanonicalTable, unknown, unknown> = fields(
  {
    table: matching("project.dataset.table", /^[a-z][a-z0-9-]{4,28}[a-z0-9]\.\w{1,1024}\.\w{1,1024}$/),
    timestamp_column: matching("column", column),
    hash_column: matching("column", column),
  },
  {},
);

/** Each setting: its name in the environment, and its form. */
const SETTINGS: {
  readonly [K in keyof Required<ServiceSettings>]: readonly [
    string,
    Format<Exclude<ServiceSettings[K], undefined>>,
  ];
} = {
  network: ["ETL_NETWORK", networkName],
  lake: ["ETL_LAKE", lakePlace],
  warehouse: [
    "ETL_WAREHOUSE",
    text(
      "bigquery://PROJECT/DATASET",
      /^(?:bigquery:\/\/[a-z][a-z0-9-]{4,28}[a-z0-9]\/\w{1,1024}|\.{0,2}\/[^\u0000-\u001f]*)$/,
    ),
  ],
  stagingDataset: ["ETL_STAGING_DATASET", text("a dataset's name: letters, digits and _", /^\w{1,1024}$/)],
  location: [
    "ETL_LOCATION",
    text("a BigQuery location such as US or europe-west1", /^[A-Za-z][A-Za-z0-9-]{1,40}$/),
  ],
  relays: ["ETL_RELAYS", relayOverrides],
  rateShare: ["ETL_RATE_SHARE", share],
  tickSeconds: ["ETL_TICK_SECONDS", whole("whole seconds", 10, 1740)],
  intervalSeconds: ["ETL_INTERVAL_SECONDS", whole("whole seconds", 60, 1800)],
  maxBytesBilled: ["ETL_MAX_BYTES_BILLED", whole("bytes", 10 * 2 ** 20, 2 ** 50)],
  canonical: [
    "ETL_CANONICAL",
    json("JSON {table: project.dataset.table, timestamp_column, hash_column}", canonicalSource),
  ],
  backload: ["ETL_BACKLOAD", slotRange],
  logLevel: ["ETL_LOG_LEVEL", oneOf(LOG_LEVELS)],
};

/** Settings whose text may hold what no log should: a fault doesn't repeat it. */
const UNSPOKEN = new Set<keyof ServiceSettings>(["relays"]);

type Key = keyof ServiceSettings;
const keys = Object.keys(SETTINGS) as Key[];
const formatOf = (key: Key) => SETTINGS[key][1] as Format<unknown>;

/** The names of all settings in the environment, in the order of the documentation. */
export const SETTING_NAMES: readonly string[] = keys.map((key) => SETTINGS[key][0]);

function faultsBetween(settings: ServiceSettings): string[] {
  const faults: string[] = [];
  const { network, lake, warehouse, tickSeconds, intervalSeconds, canonical } = settings;
  const simulated = network.startsWith("simulated-");
  if (!simulated && !lake.startsWith("gs://")) {
    faults.push(`ETL_LAKE: a folder is right on the simulated network only; give gs://BUCKET[/PREFIX]`);
  }
  if (!simulated && !warehouse.startsWith("bigquery://")) {
    faults.push(
      `ETL_WAREHOUSE: a file is right on the simulated network only; give bigquery://PROJECT/DATASET`,
    );
  }
  if (tickSeconds > intervalSeconds) {
    faults.push(
      `ETL_TICK_SECONDS: ${tickSeconds} is longer than ETL_INTERVAL_SECONDS, ${intervalSeconds}: a tick must end before the next`,
    );
  }
  if (canonical && !warehouse.startsWith("bigquery://")) {
    faults.push("ETL_CANONICAL: a BigQuery table can only be read by a warehouse in BigQuery");
  }
  return [...faults, ...relayFaults(network, settings.relays)];
}

function read(env: Readonly<Record<string, unknown>>): { settings?: ServiceSettings; faults: string[] } {
  const faults: string[] = [];
  const values: Partial<Record<Key, unknown>> = {};
  for (const key of keys) {
    const [name] = SETTINGS[key];
    const written = env[name];
    const format = formatOf(key);
    if (written === undefined || written === "") {
      if (key in SETTING_DEFAULTS) values[key] = SETTING_DEFAULTS[key as keyof typeof SETTING_DEFAULTS];
      else if (key !== "canonical" && key !== "backload")
        faults.push(`${name}: missing; give ${format.name}`);
      continue;
    }
    const result = typeof written === "string" ? format.decode(written) : undefined;
    if (result && E.isRight(result)) values[key] = result.right;
    else {
      const said = UNSPOKEN.has(key) || typeof written !== "string" ? "this" : `"${printable(written, 100)}"`;
      faults.push(`${name}: ${said} isn't ${format.name}`);
    }
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith("ETL_") && !SETTING_NAMES.includes(name))
      faults.push(`${printable(name, 60)}: no such setting`);
  }
  if (faults.length > 0) return { faults };
  const settings = values as unknown as ServiceSettings;
  const between = faultsBetween(settings);
  return between.length > 0 ? { faults: between } : { settings, faults: [] };
}

/**
 * The environment of a service. `encode` gives the variables that the stack sets (absent ones are off); `decode` reads
 * them back, and names all faults at once. `is` holds settings to the same rules, for whoever makes them.
 */
export const ServiceSettings = new t.Type<ServiceSettings, Record<string, string>, unknown>(
  "ServiceSettings",
  (u): u is ServiceSettings =>
    isObject(u) &&
    keys.every((key) =>
      u[key] === undefined ? key === "canonical" || key === "backload" : formatOf(key).is(u[key]),
    ) &&
    faultsBetween(u as unknown as ServiceSettings).length === 0,
  (u, context) => {
    if (!isObject(u)) return t.failure(u, context, "not an environment");
    const { settings, faults } = read(u);
    if (settings) return t.success(settings);
    return t.failures(faults.map((message) => ({ value: undefined, context, message })));
  },
  (settings) => {
    const env: Record<string, string> = {};
    for (const key of keys) {
      const value = settings[key];
      if (value !== undefined) env[SETTINGS[key][0]] = formatOf(key).encode(value);
    }
    return env;
  },
);

/** What is wrong with settings, one line a fault; none when they are right. For whoever renders them. */
export function settingFaults(settings: ServiceSettings): string[] {
  return read(ServiceSettings.encode(settings)).faults;
}

/**
 * Reads a service's environment, `PORT` included (which Cloud Run sets, and no stack may). Throws UserError (exit 2) that
 * names every fault.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  settings: ServiceSettings;
  port: number;
} {
  const { settings, faults } = read(env);
  const portFormat = whole("a port", 0, 65_535);
  const port = portFormat.decode(env["PORT"] ?? String(DEFAULT_PORT));
  const all = E.isRight(port)
    ? faults
    : [...faults, `PORT: "${printable(env["PORT"] ?? "", 100)}" isn't ${portFormat.name}`];
  if (!settings || E.isLeft(port)) {
    const count = all.length === 1 ? "1 setting is" : `${all.length} settings are`;
    throw new UserError(`${count} wrong: ${all.join("; ")}`, { exitCode: 2 });
  }
  return { settings, port: port.right };
}

function isObject(u: unknown): u is Record<string, unknown> {
  return typeof u === "object" && u !== null;
}
