import type { AlertLimits } from "../components/alertRules.ts";
import type { ApiName } from "../components/Apis.ts";
import type { BidsBackloadArgs } from "../components/backload/BidsBackload.ts";
import type { DailyPublishArgs } from "../components/DailyPublish.ts";
import type { DatasetEtlArgs } from "../components/DatasetEtl.ts";
import type { ServiceName } from "../components/names.ts";
import type { ServiceSizing } from "../components/ScheduledService.ts";
import { type Network, findNetwork } from "../runtime/chain/networks.ts";
import type { SlotRange } from "../runtime/chain/slots.ts";
import { REPORT_PAGES } from "../runtime/settings/serviceSettings.ts";
import { headerSources } from "../runtime/settings/relayOverrides.ts";
import { BACKLOAD_DEFAULTS, type BackloadConfig, isBackload, backloadSlots } from "./backloadConfig.ts";
import type { StackConfig } from "./config.ts";
import { isPublish, PUBLISH_DEFAULTS } from "./publishConfig.ts";

const GIGABYTE = 2 ** 30;
const HOUR_SECONDS = 3600;

/** The network that the stack collects. */
export function stackNetwork(config: StackConfig): Network {
  const network = findNetwork(config.network, 0);
  if (!network) throw new RangeError(`no network ${config.network}`);
  return network;
}

/** The labels of everything that takes labels. */
export function labelsOf({ stack, network, labels }: StackConfig): Readonly<Record<string, string>> {
  return { app: "mev-boost-etl", stack, network, ...labels };
}

/** The APIs that the stack uses. */
export function apisOf({ egress, budget, backload, network, relays }: StackConfig): readonly ApiName[] {
  return [
    "artifactRegistry",
    "bigquery",
    ...(budget > 0 ? (["budgets"] as const) : []),
    ...(egress === "static" || isBackload(backload) ? (["compute"] as const) : []),
    ...(isBackload(backload) ? (["container"] as const) : []),
    "iam",
    "logging",
    "monitoring",
    "resourceManager",
    "run",
    "scheduler",
    ...(headerSources(network, relays).length > 0 ? (["secretManager"] as const) : []),
    "storage",
  ];
}

/** What a service is told; both ask the same relays, so their shares of each relay's rate add up to the whole. */
export function settingsOf(config: StackConfig, service: ServiceName): DatasetEtlArgs["settings"] {
  const { network, bigqueryLocation, relays, payloadsRatePercent, canonicalBlocks, backload } = config;
  // Each once, in the order in which they are made.
  const pages = REPORT_PAGES.filter((page) => config.reportPages.includes(page));
  const percent = service === "payloads" ? payloadsRatePercent : 100 - payloadsRatePercent;
  return {
    network,
    location: bigqueryLocation,
    relays,
    rateShare: percent / 100,
    tickSeconds: config.tickSeconds,
    intervalSeconds: service === "payloads" ? config.payloadsInterval : config.bidsInterval,
    maxBytesBilled: config.maxGigabytesBilled * GIGABYTE,
    // Only the payloads service settles what was reorged.
    ...(service === "payloads" && "table" in canonicalBlocks ? { canonical: canonicalBlocks } : {}),
    ...(service === "payloads" && pages.length > 0 ? { reportPages: pages } : {}),
    // What the workers bring is loaded by the bids service.
    ...(service === "bids" && isBackload(backload) ? { backload: rangeOf(backload) } : {}),
    logLevel: config.logLevel,
  };
}

/** What the back-load is told and how it is sized; undefined where the stack has none. */
export function backloadOf(
  config: StackConfig,
): Pick<BidsBackloadArgs, "settings" | "sizing" | "zones" | "machineType"> | undefined {
  const { backload, network, relays, region, logLevel } = config;
  if (!isBackload(backload)) return undefined;
  const all = { ...BACKLOAD_DEFAULTS, ...backload };
  return {
    settings: {
      network,
      relays,
      relay: all.relays ?? [],
      dataset: ["bids"],
      range: rangeOf(backload),
      shards: all.shards,
      order: all.order,
      ...(all.requests_per_second === undefined ? {} : { rate: all.requests_per_second }),
      timeLimitSeconds: all.worker_hours * HOUR_SECONDS,
      logLevel,
    },
    sizing: {
      parallelism: all.parallelism,
      cpu: all.cpu,
      memory: all.memory,
      retries: all.retries,
      // One shard that can't be done must not end the others.
      maxFailedShards: all.max_failed_shards ?? all.shards,
      hours: all.hours,
      run: all.run,
    },
    // Nearly every region has these two.
    zones: all.zones ?? [`${region}-b`, `${region}-c`],
    machineType: all.machine_type,
  };
}

/** How daily publishing is told and sized; undefined where the stack has none. */
export function publishingOf(
  config: StackConfig,
): Pick<DailyPublishArgs, "settings" | "sizing" | "readers" | "prefix"> | undefined {
  const { publish, publishReaders, network, relays, logLevel, timeZone, schedulerEnabled } = config;
  if (!isPublish(publish)) return undefined;
  const all = { ...PUBLISH_DEFAULTS, ...publish };
  return {
    settings: {
      network,
      relays,
      days: all.days,
      ...(all.datasets === undefined ? {} : { dataset: all.datasets }),
      logLevel,
    },
    sizing: {
      cpu: all.cpu,
      memory: all.memory,
      diskGigabytes: all.disk_gigabytes,
      hours: all.hours,
      schedule: all.schedule,
      timeZone,
      enabled: schedulerEnabled,
    },
    readers: publishReaders,
    prefix: all.prefix,
  };
}

function rangeOf(backload: BackloadConfig): SlotRange {
  const slots = backloadSlots(backload);
  if (!slots) throw new RangeError(`${backload.range} is no range of slots`);
  return slots;
}

/** How a service is sized, timed and called. */
export function sizingOf(config: StackConfig, service: ServiceName): ServiceSizing {
  const { concurrency, minInstances, timeoutSeconds, attemptSeconds, timeZone } = config;
  const { startupSeconds, livenessPeriodSeconds, livenessTimeoutSeconds, livenessFailures } = config;
  return {
    cpu: config[`${service}Cpu`],
    memory: config[`${service}Memory`],
    concurrency,
    minInstances,
    timeoutSeconds,
    attemptSeconds,
    startupSeconds,
    livenessPeriodSeconds,
    livenessTimeoutSeconds,
    livenessFailures,
    schedule: config[`${service}Schedule`],
    timeZone,
    enabled: config.schedulerEnabled,
  };
}

/** From where on something is worth an alert. */
export function alertLimits(config: StackConfig): AlertLimits {
  return {
    noTickMinutes: config.alertNoTickMinutes,
    lagSlots: config.alertLagSlots,
    relaySilentHours: config.alertRelaySilentHours,
    quarantinePercent: config.alertQuarantinePercent,
    errors: config.alertErrors,
  };
}
