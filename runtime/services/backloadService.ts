import { type BackloadResult, backload } from "../backload/backload.ts";
import { type Connected, connect } from "../backload/connect.ts";
import { BACKLOAD_LINES } from "../backload/logLines.ts";
import { planShards, plannedRelay } from "../backload/plan.ts";
import { logProgress } from "../backload/progress.ts";
import { withTimeLimit } from "../chain/timeLimit.ts";
import { type Clock, systemClock } from "../chain/clock.ts";
import { type Network, SETTLE_LAG_SLOTS } from "../chain/networks.ts";
import { type SlotRange, intersect, settledSlot } from "../chain/slots.ts";
import { AUCTION } from "../datasets/dataset.ts";
import { UserError, messageOf, printable } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import { type Log, serviceLog } from "../log.ts";
import type { RelayHeaders } from "../relays/headers.ts";
import type { Relay } from "../relays/relay.ts";
import { BACKLOAD_EXIT } from "./backloadExit.ts";
import { type BackloadSettings, readBackloadEnvironment } from "../settings/backloadSettings.ts";
import { readRelayHeaders } from "./relayHeaders.ts";
import { askedRelays, headerSources, networkNamed } from "../settings/relayOverrides.ts";
import { secretReader } from "./secretManager.ts";

/** What was read is written within this time of SIGTERM, ms; what then isn't is read again by the next. */
const FLUSH_MS = 20_000;
/** The pod's identity, and a new grant, take a while until they hold: lake and secrets are tried for so long, ms … */
const PATIENCE_MS = 60_000;
/** … at this distance. */
const RETRY_MS = 3000;

type OpenLake = (settings: BackloadSettings, network: Network, clock: Clock) => Promise<Lake>;

/** One worker of the Job: fills its shard, and says by its exit code whether it is to be started again. */
export async function runBackload(
  env: Readonly<Record<string, string | undefined>>,
  openLake: OpenLake,
): Promise<number> {
  const clock = systemClock;
  const started = clock.monotonic();
  const seconds = () => Math.round(clock.monotonic() - started) / 1000;
  let log = serviceLog("info");
  try {
    const { settings, index } = readBackloadEnvironment(env);
    log = serviceLog(settings.logLevel);
    const told = { shard: index, shards: settings.shards };
    try {
      const result = await work(settings, index, openLake, clock, log);
      const { outcome, reason, coverage, progress, faults } = result;
      for (const fault of faults) log.error(told, fault);
      const exit_code = exitCodeOf(result);
      const missing =
        coverage.length === 0 ? {} : { missing: coverage.reduce((sum, part) => sum + part.missing, 0) };
      const rows = progress.reduce((sum, relay) => sum + relay.rows, 0);
      end(log, {
        ...told,
        outcome,
        exit_code,
        ...(reason === undefined ? {} : { reason }),
        ...missing,
        rows,
        seconds: seconds(),
      });
      return exit_code;
    } catch (error) {
      const { code, outcome } = failureOf(error);
      const reason = printable(messageOf(error), 1000);
      end(log, { ...told, outcome, exit_code: code, reason, rows: 0, seconds: seconds() });
      return code;
    }
  } catch (error) {
    const { code, outcome } = failureOf(error);
    const index = Number(env["JOB_COMPLETION_INDEX"] ?? Number.NaN);
    const shard = Number.isInteger(index) ? { shard: index } : {};
    end(log, {
      ...shard,
      outcome,
      exit_code: code,
      reason: printable(messageOf(error), 4000),
      seconds: seconds(),
    });
    return code;
  }
}

async function work(
  settings: BackloadSettings,
  index: number,
  openLake: OpenLake,
  clock: Clock,
  log: Log,
): Promise<BackloadResult> {
  const network = networkNamed(settings.network);
  if (!network) throw new UserError(`there is no network ${settings.network}`, { exitCode: 2 });
  const datasets = settings.dataset ?? AUCTION;
  const { order, shards, rate, timeLimitSeconds } = settings;
  const relays = askedRelays(settings.network, settings.relays, settings.relay);
  const shard = shardOf(settings, network, relays, index);
  const range = shard && settledPart(shard, network, clock);
  const signals = stopOnSignals(log, index);
  const limited = withTimeLimit(signals.stop, clock, timeLimitSeconds);
  let connected: Connected | undefined;
  let stopLogging = () => {};
  try {
    const lake = await openLake(settings, network, clock);
    const headers = await reached(lake, relays, settings, { clock, stop: limited.stop, log });
    const chosen = relays.map((relay) => ({
      relay,
      allowPrivate: network.simulated || settings.relays[relay.name]?.private === true,
      headers: headers.get(relay.name) ?? {},
    }));
    const warn = (line: string) => log.warn({ shard: index }, line);
    connected = connect(chosen, { network, clock, stop: limited.stop, ceiling: rate, warn });
    log.info(
      { shard: index, shards, range: range ?? null, lake: lake.url, relays: relays.length },
      "backload.begin",
    );
    return await backload({
      network,
      lake,
      clock,
      log,
      connected,
      datasets,
      range,
      order,
      stop: limited.stop,
      onStart: (progress) => {
        stopLogging = logProgress(log, progress);
      },
    });
  } finally {
    stopLogging();
    connected?.close();
    await limited.end();
    signals.forget();
  }
}

/** Stops the work on SIGTERM and SIGINT, and the process soon after, whether or not the work has ended. */
function stopOnSignals(log: Log, shard: number): { stop: AbortSignal; forget(): void } {
  const stopping = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) return;
    log.info({ shard, signal }, "stopping; what was read is being written");
    stopping.abort(new Error(`stopped by ${signal}`));
    setTimeout(() => {
      log.warn({ shard }, "what wasn't written in time is read again by the next");
      process.exit(BACKLOAD_EXIT.retry);
    }, FLUSH_MS).unref();
  };
  const signals = ["SIGTERM", "SIGINT"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    stop: stopping.signal,
    forget() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

function shardOf(
  { range, shards, order, dataset }: BackloadSettings,
  network: Network,
  relays: readonly Relay[],
  index: number,
): SlotRange | undefined {
  const datasets = dataset ?? AUCTION;
  const planned = relays.map((relay) => plannedRelay(network, relay));
  return planShards({ network: network.name, range, relays: planned, datasets, shards, order })[index]?.range;
}

/** What of a shard is old enough to be read. The range is no one's mistake that was once ahead of the head by a little. */
function settledPart(shard: SlotRange, network: Network, clock: Clock): SlotRange | undefined {
  const settled = settledSlot(network, clock.now());
  if (shard.last > settled + SETTLE_LAG_SLOTS)
    throw new UserError(
      `slots ${shard.first}-${shard.last} reach into the future: the newest settled one is ${settled}; end ETL_RANGE there`,
      { exitCode: 2 },
    );
  return intersect(shard, { first: network.floor, last: settled });
}

interface Patience {
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly log: Log;
}

/** Waits until the lake answers and secrets can be read; what the relays are sent, by name. */
async function reached(
  lake: Lake,
  relays: readonly Relay[],
  settings: BackloadSettings,
  patience: Patience,
): Promise<ReadonlyMap<string, RelayHeaders>> {
  const [relay] = relays;
  if (relay)
    await patiently("the lake can't be reached yet", patience, () =>
      lake.head({ dataset: "payloads", relay: relay.name, first: 0, last: 319 }),
    );
  const sources = headerSources(settings.network, settings.relays, settings.relay);
  return patiently("a relay's secret can't be read yet", patience, () =>
    readRelayHeaders(sources, secretReader()),
  );
}

/** What an attempt brings, tried for a while: right after a pod's start its identity, or a new grant, may not be known yet. */
async function patiently<T>(
  what: string,
  { clock, stop, log }: Patience,
  attempt: () => Promise<T>,
): Promise<T> {
  const began = clock.monotonic();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isHopeless = error instanceof UserError && error.exitCode === 2;
      if (isHopeless || clock.monotonic() - began >= PATIENCE_MS || stop.aborted) throw error;
      log.warn({ fault: printable(messageOf(error), 500) }, what);
      await clock.sleep(RETRY_MS, stop);
    }
  }
}

function exitCodeOf({ outcome }: BackloadResult): number {
  return { done: BACKLOAD_EXIT.done, retry: BACKLOAD_EXIT.retry, "bad-input": BACKLOAD_EXIT.badInput }[
    outcome
  ];
}

function failureOf(error: unknown): { code: number; outcome: string } {
  return error instanceof UserError && error.exitCode === 2
    ? { code: BACKLOAD_EXIT.badInput, outcome: "bad-input" }
    : { code: BACKLOAD_EXIT.failed, outcome: "failed" };
}

function end(log: Log, fields: { outcome: string; [name: string]: unknown }): void {
  const { message } = BACKLOAD_LINES.end;
  if (fields.outcome === "bad-input" || fields.outcome === "failed") log.error(fields, message);
  else log.info(fields, message);
}
