import { RunError, runtime } from "@pulumi/pulumi";
import * as E from "fp-ts/lib/Either.js";
import { printable } from "../runtime/errors.ts";
import { type Format, text } from "../runtime/settings/formats.ts";
import { relayFaults } from "../runtime/settings/relayOverrides.ts";
import { backloadFaults, isBackload } from "./backloadConfig.ts";
import { type ConfigKey, KEYS, UNSPOKEN } from "./configKeys.ts";
import { intervalOf, memoryRange } from "./configRules.ts";

const NAMESPACE = "mev-boost-etl";

type Keys = typeof KEYS;
type Key = keyof Keys;
type Values = { readonly [K in Key]: Keys[K] extends ConfigKey<infer A> ? A : never };

/** A stack's config, decoded and checked. */
export interface StackConfig extends Values {
  /** From `gcp:project`. */
  readonly project: string;
  /** E-mail of the account that deploys. */
  readonly deployer: string;
  /** Seconds between two ticks, as the schedules say. */
  readonly bidsInterval: number;
  readonly payloadsInterval: number;
}

const projectFormat = text(
  "a project's id of 6 to 30 characters",
  /^(?!goog|.*google)[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
);

/** The config of the stack that is deployed. Throws RunError that names every mistake, one a line. */
export function readConfig(): StackConfig {
  const { config, mistakes } = decodeConfig(runtime.allConfig());
  if (config) return config;
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  throw new RunError(`${count} in the stack's config:\n${mistakes.map((line) => `  ${line}`).join("\n")}`);
}

/**
 * Decodes config as the engine gives it: `namespace:key` to text, defaults of Pulumi.yaml included. A mistake is a line
 * `namespace:key: what is wrong; what is allowed`, and all are named at once.
 */
export function decodeConfig(texts: Readonly<Record<string, string>>): {
  config?: StackConfig;
  mistakes: string[];
} {
  const mistakes: string[] = [];
  const read = <A>(key: string, format: Format<A>): A | undefined => {
    const written = texts[key];
    const decoded = format.decode(written ?? "");
    if (E.isRight(decoded)) return decoded.right;
    const bare = key.slice(key.indexOf(":") + 1);
    const wrong =
      written === undefined || written === ""
        ? "is not set"
        : UNSPOKEN.has(bare)
          ? "has another form"
          : `"${printable(written, 100)}" is wrong`;
    mistakes.push(`${key}: ${wrong}; give ${format.name}`);
    return undefined;
  };
  const project = read("gcp:project", projectFormat);
  const values: Partial<Record<Key, unknown>> = {};
  for (const key of Object.keys(KEYS) as Key[])
    values[key] = read(`${NAMESPACE}:${key}`, KEYS[key].format as Format<unknown>);
  mistakes.push(...unknownKeys(texts));
  const { faults, intervals } = between(values as Partial<Values>);
  mistakes.push(...faults.map((fault) => `${NAMESPACE}:${fault}`));
  if (mistakes.length > 0 || project === undefined) return { mistakes };
  const decoded = values as Values;
  const deployer = decoded.deployer.includes("@")
    ? decoded.deployer
    : `${decoded.deployer}@${project}.iam.gserviceaccount.com`;
  return { config: Object.freeze({ project, ...decoded, ...intervals, deployer }), mistakes };
}

function unknownKeys(texts: Readonly<Record<string, string>>): string[] {
  return Object.keys(texts).flatMap((key) => {
    const [namespace, ...rest] = key.split(":");
    const bare = rest.join(":");
    if (namespace === "gcp" && bare !== "project")
      return [
        `${printable(key)}: isn't read; of gcp only gcp:project is, the rest stands under ${NAMESPACE}:`,
      ];
    if (namespace !== NAMESPACE || Object.hasOwn(KEYS, bare)) return [];
    return [`${printable(key)}: no such key; there are ${Object.keys(KEYS).join(", ")}`];
  });
}

/** What holds between keys. A key that couldn't be read has its own mistake, and none of these. */
function between(values: Partial<Values>) {
  const faults: string[] = [];
  const check = (key: Key, holds: boolean | undefined, wrong: () => string) => {
    if (holds === false) faults.push(`${key}: ${wrong()}`);
  };
  const has = <T>(...all: readonly (T | undefined)[]): boolean => all.every((one) => one !== undefined);
  const v = values as Values;
  const intervals = { bidsInterval: Number.NaN, payloadsInterval: Number.NaN };
  for (const service of ["bids", "payloads"] as const) {
    const key = `${service}Schedule` as const;
    const seconds = has(v[key]) ? intervalOf(v[key]) : undefined;
    check(
      key,
      has(v[key]) ? seconds !== undefined : undefined,
      () =>
        `"${printable(v[key], 60)}" is wrong; give minutes that lie evenly, 1 to 30 apart, such as */5 or 2-59/5`,
    );
    if (seconds === undefined) continue;
    intervals[`${service}Interval`] = seconds;
    if (has(v.tickSeconds))
      check(
        "tickSeconds",
        v.tickSeconds <= seconds,
        () =>
          `${v.tickSeconds} is longer than the ${seconds} s between two ticks of ${key}; give at most ${seconds}`,
      );
  }
  if (has(v.tickSeconds, v.timeoutSeconds))
    check(
      "timeoutSeconds",
      v.tickSeconds < v.timeoutSeconds,
      () => `${v.timeoutSeconds} cuts a tick off; give more than tickSeconds, ${v.tickSeconds}`,
    );
  if (has(v.timeoutSeconds, v.attemptSeconds))
    check(
      "attemptSeconds",
      v.timeoutSeconds <= v.attemptSeconds,
      () =>
        `${v.attemptSeconds} ends before the service's answer; give at least timeoutSeconds, ${v.timeoutSeconds}`,
    );
  if (has(v.softDeleteDays))
    check(
      "softDeleteDays",
      v.softDeleteDays === 0 || v.softDeleteDays >= 7,
      () => `${v.softDeleteDays} is less than Cloud Storage takes; give 0, or 7 to 90`,
    );
  if (has(v.bigqueryLocation, v.bucketLocation, v.region)) {
    const bucket = v.bucketLocation || v.region;
    check(
      "bucketLocation",
      v.bigqueryLocation === "US" || bucket === v.bigqueryLocation,
      () =>
        `a dataset in ${v.bigqueryLocation} can't load from a bucket in ${bucket}; give ${v.bigqueryLocation}, or set bigqueryLocation to US or ${bucket}`,
    );
  }
  if (has(v.canonicalBlocks, v.bigqueryLocation) && "table" in v.canonicalBlocks) {
    const { table } = v.canonicalBlocks;
    check(
      "canonicalBlocks",
      !table.startsWith("bigquery-public-data.") || v.bigqueryLocation === "US",
      () =>
        `${table} is in US and can't be joined from ${v.bigqueryLocation}; give {}, or a table in ${v.bigqueryLocation}`,
    );
  }
  if (has<unknown>(v.network, v.relays))
    faults.push(...relayFaults(v.network, v.relays).map((fault) => `relays: ${fault}`));
  if (has<unknown>(v.egress, v.relays) && v.egress === "shared") {
    const inside = Object.keys(v.relays).filter((name) => v.relays[name]?.private === true);
    check(
      "egress",
      inside.length === 0,
      () =>
        `shared leads to no private address, as ${inside.join(", ")} has; give static, and connect its network`,
    );
  }
  if (has(v.backload) && isBackload(v.backload)) faults.push(...backloadFaults(v.backload, v));
  for (const service of ["bids", "payloads"] as const) {
    const [cpu, size] = [v[`${service}Cpu`], v[`${service}Memory`]];
    if (!has<unknown>(cpu, size)) continue;
    const { least, most, holds } = memoryRange(cpu, size);
    check(`${service}Memory`, holds, () => `${size} is wrong for ${cpu} CPU; give ${least} to ${most}`);
  }
  if (has(v.livenessPeriodSeconds, v.livenessTimeoutSeconds))
    check(
      "livenessTimeoutSeconds",
      v.livenessTimeoutSeconds <= v.livenessPeriodSeconds,
      () =>
        `${v.livenessTimeoutSeconds} is longer than livenessPeriodSeconds; give at most ${v.livenessPeriodSeconds}`,
    );
  if (has<unknown>(v.budget, v.billingAccount))
    check(
      "billingAccount",
      v.budget === 0 || v.billingAccount !== "",
      () => "is not set; a budget needs one, XXXXXX-XXXXXX-XXXXXX",
    );
  return { faults, intervals };
}
