import * as t from "io-ts";
import { REPORT_READER } from "../components/LakeBucket.ts";
import { PUBLIC_READER } from "../components/Datasets.ts";
import { STACK_NAME } from "../components/names.ts";
import { type Format, fields, json, oneOf, text, whole } from "../runtime/settings/formats.ts";
import { REPORT_PAGES } from "../runtime/settings/serviceSettings.ts";
import { canonicalBlocks, shared } from "../runtime/settings/shared.ts";
import { backloadFormat } from "./backloadConfig.ts";
import { publishFormat } from "./publishConfig.ts";

/** A key of the stack's config: Pulumi.yaml's entry is made of it, and its text is read by its format. */
export interface ConfigKey<A> {
  /** As Pulumi names types. */
  readonly type: "string" | "integer" | "boolean" | "array" | "object";
  /** What Pulumi takes where a stack's file doesn't have the key; "" where one must be given. */
  readonly default: unknown;
  readonly format: Format<A>;
  /** One line. */
  readonly description: string;
}

const key = <A>(description: string, form: Omit<ConfigKey<A>, "description">): ConfigKey<A> => ({
  ...form,
  description,
});
const typed =
  (type: ConfigKey<unknown>["type"]) =>
  <A>(value: unknown, format: Format<A>) => ({ type, default: value, format });
const [string, integer, boolean] = [typed("string"), typed("integer"), typed("boolean")];
const [array, object] = [typed("array"), typed("object")];

const matching = (form: RegExp) => t.refinement(t.string, (value) => form.test(value));
const flag = json("true or false", t.boolean);
const list = (allowed: string, form: RegExp) => json(allowed, t.readonlyArray(matching(form)));

const region = /^[a-z]+-[a-z]+\d{1,2}$/;
const label = /^[a-z][a-z0-9_-]{0,62}$/;
const schedule = text("minutes and nothing else, such as */5 * * * *", /^\S+ \* \* \* \*$/);
const cpus: Format<number> = json(
  "1, 2, 4, 6 or 8",
  t.refinement(t.number, (n) => [1, 2, 4, 6, 8].includes(n)),
);
const memory = text("whole Mi or Gi, such as 512Mi or 2Gi", /^[1-9]\d{0,4}[MG]i$/);

/** Every key of the namespace. */
export const KEYS = {
  stack: key(
    "What every physical name carries, 1 to 12 characters; must be set, and stays when the Pulumi stack is renamed",
    string("", text('1 to 12 of a-z, 0-9 and "-", the first a letter, the last no "-"', STACK_NAME)),
  ),
  network: key(
    "Network whose relays are collected: mainnet, hoodi or sepolia; must be set",
    string("", oneOf(["mainnet", "hoodi", "sepolia"] as const)),
  ),
  region: key(
    "Region of services, schedulers, image registry and network",
    string("us-central1", text("a region such as us-central1", region)),
  ),
  bigqueryLocation: key(
    "Location of the datasets; the public chain data that payloads are settled by is in US",
    string("US", text("US, EU or a region such as us-central1", new RegExp(`^(?:US|EU)$|${region.source}`))),
  ),
  bucketLocation: key(
    "Location of the lake's bucket; empty means region",
    string(
      "",
      text("empty (the region), US, EU, ASIA or a region", new RegExp(`^(?:US|EU|ASIA|)$|${region.source}`)),
    ),
  ),
  protect: key("Guards what holds data against deletion and replacement", boolean(true, flag)),
  labels: key(
    "Labels on everything that takes them, beside app, stack and network",
    object(
      {},
      json(
        "an object of labels: lower-case letters, digits, _ and -, at most 63; app, stack and network are taken",
        t.readonly(
          t.refinement(t.record(t.string, matching(/^[a-z0-9_-]{0,63}$/)), (labels) =>
            Object.keys(labels).every(
              (name) => label.test(name) && !["app", "stack", "network"].includes(name),
            ),
          ),
        ),
      ),
    ),
  ),
  deployer: key(
    "Account that deploys and owns the datasets; the id of one in the project, or an e-mail",
    string(
      "mev-boost-etl-deployer",
      text(
        "an account's id of 6 to 30 characters, or an e-mail",
        /^(?:[a-z][a-z0-9-]{4,28}[a-z0-9]|[^\s@:]+@[^\s@:]+\.[^\s@:]+)$/,
      ),
    ),
  ),
  image: key(
    "{build: true} builds the Dockerfile; {ref: NAME@sha256:DIGEST} takes an image that exists",
    object(
      { build: true },
      json(
        "{build: true} or {ref: NAME@sha256:DIGEST}",
        t.union([
          fields({ build: t.literal(true) }, {}),
          fields({ ref: matching(/^[a-z0-9][\w.:/-]*@sha256:[0-9a-f]{64}$/) }, {}),
        ]),
      ),
    ),
  ),
  relays: key(
    "What differs from the network's directory, by relay: {url, requests_per_second, payload_limit, off, private, headers}",
    object(shared.relays.default, shared.relays.format),
  ),
  payloadsRatePercent: key(
    "Percent of each relay's rate that the payloads service may use; the bids service has the rest",
    integer(10, whole("a whole number", 1, 99)),
  ),
  softDeleteDays: key(
    "Days for which deleted and replaced objects of the lake can be brought back, 0 or 7 to 90",
    integer(7, whole("0, or days", 0, 90)),
  ),
  publicDays: key(
    "Days that the public views and view delivered look back",
    integer(28, whole("days", 1, 366)),
  ),
  publicReaders: key(
    "Who may read the public dataset: user:…, group:…, domain:…, or allAuthenticatedUsers unless domain-restricted sharing refuses it",
    array([], list("a list of user:…, group:…, domain:… or allAuthenticatedUsers", PUBLIC_READER)),
  ),
  reportPages: key(
    "Pages of plots that the payloads service writes once a day: day, week; what they read is billed, see docs/cost.md",
    array(REPORT_PAGES, json("a list of day and week", t.readonlyArray(t.keyof({ day: null, week: null })))),
  ),
  reportReaders: key(
    "Who may read the pages: user:…, group:…, domain:…, allAuthenticatedUsers or allUsers; [] leaves them to those who may read the lake",
    array([], list("a list of user:…, group:…, domain:…, allAuthenticatedUsers or allUsers", REPORT_READER)),
  ),
  publish: key(
    "Daily publishing of whole days as Parquet, {prefix, days, …}, see docs/publish.md; {} means none: no job, no bucket and no cost",
    object({}, publishFormat),
  ),
  publishReaders: key(
    "Who may read the published files: user:…, group:…, domain:…, allAuthenticatedUsers or allUsers; [] leaves them to the project",
    array([], list("a list of user:…, group:…, domain:…, allAuthenticatedUsers or allUsers", REPORT_READER)),
  ),
  canonicalBlocks: key(
    "BigQuery table of the canonical chain: {table, timestamp_column, hash_column}; without it reorged stays null, and no chain is collected",
    object({}, canonicalBlocks),
  ),
  maxGigabytesBilled: key(
    "Gigabytes (2^30) that one query of a service may bill at most",
    integer(shared.maxGigabytesBilled.default, shared.maxGigabytesBilled.format),
  ),
  schedulerEnabled: key("Whether the schedulers call the services; false pauses them", boolean(true, flag)),
  bidsSchedule: key("When the bids service ticks, as cron", string("*/5 * * * *", schedule)),
  payloadsSchedule: key("When the payloads service ticks, as cron", string("*/5 * * * *", schedule)),
  timeZone: key(
    "Time zone of the schedules",
    string("Etc/UTC", text("a time zone such as Etc/UTC", /^[A-Z][A-Za-z]+(?:\/[A-Za-z0-9_+-]+)*$/)),
  ),
  tickSeconds: key(
    "Seconds after which a tick asks nothing more; below timeoutSeconds",
    integer(shared.tickSeconds.default, shared.tickSeconds.format),
  ),
  timeoutSeconds: key(
    "Seconds that Cloud Run gives a tick; at most attemptSeconds",
    integer(300, whole("seconds", 15, 1800)),
  ),
  attemptSeconds: key(
    "Seconds that Cloud Scheduler waits for a tick, at most 1800",
    integer(330, whole("seconds", 15, 1800)),
  ),
  concurrency: key(
    "Requests that an instance takes at once; above 1, so that the service itself refuses a second tick",
    integer(4, whole("requests", 2, 1000)),
  ),
  minInstances: key(
    "Instances that are kept between ticks, 0 or 1; there is never more than one",
    integer(0, whole("instances", 0, 1)),
  ),
  bidsCpu: key("CPUs of the bids service", integer(1, cpus)),
  bidsMemory: key("Memory of the bids service", string("1Gi", memory)),
  payloadsCpu: key("CPUs of the payloads service", integer(1, cpus)),
  payloadsMemory: key("Memory of the payloads service", string("512Mi", memory)),
  startupSeconds: key(
    "Seconds within which a new instance must have started; above 120 with static egress, whose first connections may stall",
    integer(150, whole("seconds", 10, 240)),
  ),
  livenessPeriodSeconds: key(
    "Seconds between two questions whether an instance lives",
    integer(30, whole("seconds", 10, 3600)),
  ),
  livenessTimeoutSeconds: key("Seconds that it has to answer", integer(10, whole("seconds", 1, 3600))),
  livenessFailures: key(
    "Questions unanswered in a row before the instance is replaced",
    integer(3, whole("questions", 1, 10)),
  ),
  logLevel: key(
    "Least level that the services log: debug, info, warn or error",
    string(shared.logLevel.default, shared.logLevel.format),
  ),
  egress: key(
    "How services reach relays: shared (Google's addresses) or static (one reserved address, by Cloud NAT)",
    string("shared", oneOf(["shared", "static"] as const)),
  ),
  notificationChannels: key(
    "Channels that alerts go to, projects/PROJECT/notificationChannels/NUMBER",
    array(
      [],
      list(
        "a list of projects/PROJECT/notificationChannels/NUMBER",
        /^projects\/[a-z0-9-]+\/notificationChannels\/\d+$/,
      ),
    ),
  ),
  alertNoTickMinutes: key(
    "Minutes without a tick that ended well before an alert",
    integer(30, whole("minutes", 5, 1440)),
  ),
  alertLagSlots: key(
    "Settled slots that a relay's newest covered one may lie behind before an alert",
    integer(600, whole("slots", 100, 32_000)),
  ),
  alertRelaySilentHours: key(
    "Hours in which an active relay brought nothing before an alert",
    integer(6, whole("hours", 1, 24)),
  ),
  alertQuarantinePercent: key(
    "Percent of an hour's rows in quarantine before an alert",
    integer(1, whole("percent", 1, 100)),
  ),
  alertErrors: key(
    "Error lines of a service within 15 minutes before an alert",
    integer(3, whole("lines", 1, 1000)),
  ),
  budget: key(
    "Monthly budget of the project in the billing account's currency; 0 means none",
    integer(0, whole("0, or an amount", 0, 1_000_000)),
  ),
  billingAccount: key(
    "Billing account of the budget, XXXXXX-XXXXXX-XXXXXX; needed with a budget",
    string("", text("empty, or XXXXXX-XXXXXX-XXXXXX", /^(?:[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?$/)),
  ),
  backload: key(
    "The back-load of past bids on Kubernetes, {range, shards, parallelism, …}; {} means none: no cluster and no cost",
    object({}, backloadFormat),
  ),
};

/** Keys whose text a message doesn't repeat: it may hold credentials. */
export const UNSPOKEN: ReadonlySet<string> = new Set<keyof typeof KEYS>(["relays"]);
