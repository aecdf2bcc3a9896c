import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { MAX_SHARDS } from "../backload/plan.ts";
import type { SlotRange } from "../chain/slots.ts";
import { ORDERS, type Order } from "../collect/plan.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { UserError, printable } from "../errors.ts";
import { RELAY_NAME } from "../relays/relay.ts";
import {
  type RelayOverrides,
  networkOf,
  overriddenRelays,
  relayFaults,
  relayOverrides,
} from "./relayOverrides.ts";
import { type Format, lakePlace, networkName, oneOf, slotRange, whole } from "./settingFormats.ts";
import { LOG_LEVELS, type LogLevel } from "./settings.ts";

/** What a back-load's workers are told by their environment: the stack renders it, all pods of a Job read the same. */
export interface BackloadSettings {
  /** `mainnet`, `hoodi`, `sepolia`, or `simulated-<seed>`. */
  readonly network: string;
  /** `gs://BUCKET[/PREFIX]`; on the simulated network also a folder's path. */
  readonly lake: string;
  /** What differs from the network's directory of relays, by name. */
  readonly relays: RelayOverrides;
  /** Names of the relays that are asked; all active ones where there is none. */
  readonly relay: readonly string[];
  /** Both without it. */
  readonly dataset?: DatasetName;
  readonly range: SlotRange;
  /** How many shards the range is cut into: the Job's completions. */
  readonly shards: number;
  /** Which end of the range comes first. */
  readonly order: Order;
  /** Requests a second to one relay from one worker's address, at most; the directory's figures without it. */
  readonly rate?: number;
  /** A worker stops after so many seconds, and asks to be started again; it takes all the time it needs without. */
  readonly timeLimitSeconds?: number;
  readonly logLevel: LogLevel;
}

type Key = keyof BackloadSettings;

const OPTIONAL: ReadonlySet<Key> = new Set(["dataset", "rate", "timeLimitSeconds"]);

/** A setting that isn't given has this value. */
export const BACKLOAD_DEFAULTS = {
  relays: {},
  relay: [],
  order: "newest",
  logLevel: "info",
} as const satisfies Partial<BackloadSettings>;

const FASTEST = 1000;

const names: Format<readonly string[]> = new t.Type<readonly string[], string, string>(
  "relays' names with commas between them",
  (u): u is readonly string[] =>
    Array.isArray(u) && u.every((name) => typeof name === "string" && RELAY_NAME.test(name)),
  (u, context) => {
    const list = u.split(",");
    return list.every((name) => RELAY_NAME.test(name)) && new Set(list).size === list.length
      ? t.success(list)
      : t.failure(u, context);
  },
  (list) => list.join(","),
);

const rate: Format<number> = new t.Type<number, string, string>(
  `a number above 0, at most ${FASTEST}`,
  (u): u is number => typeof u === "number" && u > 0 && u <= FASTEST,
  (u, context) => {
    const value = /^(?:\d+\.?\d*|\.\d+)$/.test(u) ? Number(u) : Number.NaN;
    return value > 0 && value <= FASTEST ? t.success(value) : t.failure(u, context);
  },
  String,
);

/** Each setting: its name in the environment, and its form. */
const SETTINGS: {
  readonly [K in keyof Required<BackloadSettings>]: readonly [
    string,
    Format<Exclude<BackloadSettings[K], undefined>>,
  ];
} = {
  network: ["ETL_NETWORK", networkName],
  lake: ["ETL_LAKE", lakePlace],
  relays: ["ETL_RELAYS", relayOverrides],
  relay: ["ETL_RELAY", names],
  dataset: ["ETL_DATASET", oneOf(["bids", "payloads"] as const)],
  range: ["ETL_RANGE", slotRange],
  shards: ["ETL_SHARDS", whole("shards", 1, MAX_SHARDS)],
  order: ["ETL_ORDER", oneOf(ORDERS)],
  rate: ["ETL_RATE", rate],
  timeLimitSeconds: ["ETL_TIME_LIMIT_SECONDS", whole("whole seconds", 60, 366 * 86_400)],
  logLevel: ["ETL_LOG_LEVEL", oneOf(LOG_LEVELS)],
};

const keys = Object.keys(SETTINGS) as Key[];
const formatOf = (key: Key) => SETTINGS[key][1] as Format<unknown>;

/** The names of all settings of a worker in its environment; Kubernetes adds JOB_COMPLETION_INDEX. */
export const BACKLOAD_SETTING_NAMES: readonly string[] = keys.map((key) => SETTINGS[key][0]);

function faultsBetween({ network, lake, relays, relay, range }: BackloadSettings): string[] {
  const faults: string[] = [];
  if (!network.startsWith("simulated-") && !lake.startsWith("gs://"))
    faults.push("ETL_LAKE: a folder is right on the simulated network only; give gs://BUCKET[/PREFIX]");
  const floor = networkOf(network)?.floor ?? 0;
  if (range.last < floor)
    faults.push(
      `ETL_RANGE: ${range.first}-${range.last} lies before ${network}'s first MEV-Boost slot, ${floor}`,
    );
  const between = relayFaults(network, relays);
  if (between.length > 0) return [...faults, ...between];
  const directory = overriddenRelays(network, relays);
  for (const name of relay) {
    const known = directory.find((one) => one.name === name);
    if (!known) faults.push(`ETL_RELAY: ${printable(name, 60)} is no relay of ${network}`);
    else if (known.state !== "active") faults.push(`ETL_RELAY: ${name} is ${known.state}: nobody asks it`);
  }
  return faults;
}

function read(env: Readonly<Record<string, unknown>>): { settings?: BackloadSettings; faults: string[] } {
  const faults: string[] = [];
  const values: Partial<Record<Key, unknown>> = {};
  for (const key of keys) {
    const [name] = SETTINGS[key];
    const written = env[name];
    const format = formatOf(key);
    if (written === undefined || written === "") {
      if (key in BACKLOAD_DEFAULTS) values[key] = BACKLOAD_DEFAULTS[key as keyof typeof BACKLOAD_DEFAULTS];
      else if (!OPTIONAL.has(key)) faults.push(`${name}: missing; give ${format.name}`);
      continue;
    }
    const result = typeof written === "string" ? format.decode(written) : undefined;
    if (result && E.isRight(result)) values[key] = result.right;
    else {
      // Overrides may hold what no log should: a fault doesn't repeat them.
      const said = key === "relays" || typeof written !== "string" ? "this" : `"${printable(written, 100)}"`;
      faults.push(`${name}: ${said} isn't ${format.name}`);
    }
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith("ETL_") && !BACKLOAD_SETTING_NAMES.includes(name))
      faults.push(`${printable(name, 60)}: no such setting`);
  }
  if (faults.length > 0) return { faults };
  const settings = values as unknown as BackloadSettings;
  const between = faultsBetween(settings);
  return between.length > 0 ? { faults: between } : { settings, faults: [] };
}

/**
 * The environment of a back-load's workers. `encode` gives the variables that the stack sets (absent ones are off);
 * `decode` reads them back, and names all faults at once. `is` holds settings to the same rules.
 */
export const BackloadSettings = new t.Type<BackloadSettings, Record<string, string>, unknown>(
  "BackloadSettings",
  (u): u is BackloadSettings =>
    isObject(u) &&
    keys.every((key) => (u[key] === undefined ? OPTIONAL.has(key) : formatOf(key).is(u[key]))) &&
    faultsBetween(u as unknown as BackloadSettings).length === 0,
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
      const isAbsent = value === undefined || (key === "relay" && settings.relay.length === 0);
      if (!isAbsent) env[SETTINGS[key][0]] = formatOf(key).encode(value);
    }
    return env;
  },
);

/** What is wrong with settings, one line a fault; none when they are right. For whoever renders them. */
export function backloadSettingFaults(settings: BackloadSettings): string[] {
  return read(BackloadSettings.encode(settings)).faults;
}

/** Reads a worker's environment: the settings, and the shard that the Job has for it. Throws UserError (exit 2) that names every fault. */
export function readBackloadEnvironment(env: Readonly<Record<string, string | undefined>>): {
  settings: BackloadSettings;
  index: number;
} {
  const { settings, faults } = read(env);
  const { JOB_COMPLETION_INDEX: written } = env;
  const format = whole("a shard", 0, (settings?.shards ?? MAX_SHARDS) - 1);
  const index = format.decode(written ?? "");
  const all = E.isRight(index)
    ? faults
    : [...faults, `JOB_COMPLETION_INDEX: "${printable(written ?? "", 100)}" isn't ${format.name}`];
  if (!settings || E.isLeft(index)) {
    const count = all.length === 1 ? "1 setting is" : `${all.length} settings are`;
    throw new UserError(`${count} wrong: ${all.join("; ")}`, { exitCode: 2 });
  }
  return { settings, index: index.right };
}

function isObject(u: unknown): u is Record<string, unknown> {
  return typeof u === "object" && u !== null;
}
