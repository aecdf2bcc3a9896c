import { RunError, runtime } from "@pulumi/pulumi";
import * as E from "fp-ts/lib/Either.js";
import { printable } from "../runtime/errors.ts";
import { type Format, text } from "../runtime/settings/formats.ts";
import { relayFaults } from "../runtime/settings/relayOverrides.ts";
import { WAY_OUT_PATIENCE_SECONDS } from "../runtime/settings/shared.ts";
import { backloadFaults, isBackload } from "./backloadConfig.ts";
import { isPublish, publishFaults } from "./publishConfig.ts";
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
  mistakes.push(...between(values as Partial<Values>).map((wrong) => `${NAMESPACE}:${wrong}`));
  if (mistakes.length > 0 || project === undefined) return { mistakes };
  const decoded = values as Values;
  const deployer = decoded.deployer.includes("@")
    ? decoded.deployer
    : `${decoded.deployer}@${project}.iam.gserviceaccount.com`;
  const intervals = {
    bidsInterval: Number(intervalOf(decoded.bidsSchedule)),
    payloadsInterval: Number(intervalOf(decoded.payloadsSchedule)),
  };
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
function between(values: Partial<Values>): string[] {
  const v = values as Values;
  return [...timeFaults(v), ...placeFaults(v), ...askingFaults(v), ...serviceFaults(v), ...budgetFaults(v)];
}

/** Whether all of these could be read. */
const has = (...all: readonly unknown[]): boolean => all.every((value) => value !== undefined);
const fault = (key: Key, wrong: string): string => `${key}: ${wrong}`;

function* timeFaults(v: Values): Iterable<string> {
  const { tickSeconds, timeoutSeconds, attemptSeconds, alertNoTickMinutes } = v;
  for (const key of ["bidsSchedule", "payloadsSchedule"] as const) {
    if (!has(v[key])) continue;
    const seconds = intervalOf(v[key]);
    if (seconds === undefined)
      yield fault(
        key,
        `"${printable(v[key], 60)}" is wrong; give minutes that lie evenly, 1 to 30 apart, such as */5 or 2-59/5`,
      );
    else if (has(tickSeconds) && tickSeconds > seconds)
      yield fault(
        "tickSeconds",
        `${tickSeconds} is longer than the ${seconds} s between two ticks of ${key}; give at most ${seconds}`,
      );
    // Between two ticks that go well the alert would fire.
    if (seconds !== undefined && has(alertNoTickMinutes) && seconds > 60 * alertNoTickMinutes)
      yield fault(
        "alertNoTickMinutes",
        `${alertNoTickMinutes} is shorter than the ${seconds / 60} minutes between two ticks of ${key}; give at least ${seconds / 60}`,
      );
  }
  if (has(tickSeconds, timeoutSeconds) && tickSeconds >= timeoutSeconds)
    yield fault(
      "timeoutSeconds",
      `${timeoutSeconds} cuts a tick off; give more than tickSeconds, ${tickSeconds}`,
    );
  if (has(timeoutSeconds, attemptSeconds) && timeoutSeconds > attemptSeconds)
    yield fault(
      "attemptSeconds",
      `${attemptSeconds} ends before the service's answer; give at least timeoutSeconds, ${timeoutSeconds}`,
    );
}

function* placeFaults(v: Values): Iterable<string> {
  const { softDeleteDays, bigqueryLocation, canonicalBlocks } = v;
  if (has(softDeleteDays) && softDeleteDays > 0 && softDeleteDays < 7)
    yield fault("softDeleteDays", `${softDeleteDays} is less than Cloud Storage takes; give 0, or 7 to 90`);
  if (has(bigqueryLocation, v.bucketLocation, v.region)) {
    const bucket = v.bucketLocation || v.region;
    if (bigqueryLocation !== "US" && bucket !== bigqueryLocation)
      yield fault(
        "bucketLocation",
        `a dataset in ${bigqueryLocation} can't load from a bucket in ${bucket}; give ${bigqueryLocation}, or set bigqueryLocation to US or ${bucket}`,
      );
  }
  if (has(canonicalBlocks, bigqueryLocation) && "table" in canonicalBlocks) {
    const { table } = canonicalBlocks;
    if (table.startsWith("bigquery-public-data.") && bigqueryLocation !== "US")
      yield fault(
        "canonicalBlocks",
        `${table} is in US and can't be joined from ${bigqueryLocation}; give {}, or a table in ${bigqueryLocation}`,
      );
  }
}

function* askingFaults(v: Values): Iterable<string> {
  const { network, relays, egress, backload } = v;
  if (has(network, relays)) yield* relayFaults(network, relays).map((wrong) => fault("relays", wrong));
  if (has(egress, relays) && egress === "shared") {
    const inside = Object.keys(relays).filter((name) => relays[name]?.private === true);
    if (inside.length > 0)
      yield fault(
        "egress",
        `shared leads to no private address, as ${inside.join(", ")} has; give static, and connect its network`,
      );
  }
  if (has(backload) && isBackload(backload)) yield* backloadFaults(backload, v);
  yield* publishingFaults(v);
}

function* publishingFaults({ publish, publishReaders }: Values): Iterable<string> {
  if (!has(publish)) return;
  if (isPublish(publish)) yield* publishFaults(publish);
  else if (has(publishReaders) && publishReaders.length > 0)
    yield fault("publishReaders", "there is nothing to read; give publish too, or []");
}

function* serviceFaults(v: Values): Iterable<string> {
  if (
    has(v.egress, v.startupSeconds) &&
    v.egress === "static" &&
    v.startupSeconds <= WAY_OUT_PATIENCE_SECONDS
  )
    yield fault(
      "startupSeconds",
      `${v.startupSeconds} may end a start by static egress; give more than ${WAY_OUT_PATIENCE_SECONDS}`,
    );
  const { livenessPeriodSeconds, livenessTimeoutSeconds } = v;
  for (const service of ["bids", "payloads"] as const) {
    const [cpu, size] = [v[`${service}Cpu`], v[`${service}Memory`]];
    if (!has(cpu, size)) continue;
    const { least, most, holds } = memoryRange(cpu, size);
    if (!holds) yield fault(`${service}Memory`, `${size} is wrong for ${cpu} CPU; give ${least} to ${most}`);
  }
  if (has(livenessPeriodSeconds, livenessTimeoutSeconds) && livenessTimeoutSeconds > livenessPeriodSeconds)
    yield fault(
      "livenessTimeoutSeconds",
      `${livenessTimeoutSeconds} is longer than livenessPeriodSeconds; give at most ${livenessPeriodSeconds}`,
    );
}

function* budgetFaults({ budget, billingAccount }: Values): Iterable<string> {
  if (has(budget, billingAccount) && budget > 0 && billingAccount === "")
    yield fault("billingAccount", "is not set; a budget needs one, XXXXXX-XXXXXX-XXXXXX");
}
