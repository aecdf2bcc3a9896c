import { type Stats, promises as files } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Estimate, type EstimateInput, estimate } from "../backload/estimate.ts";
import { type SlotRange, intersect, settledSlot } from "../chain/slots.ts";
import { oldestKept } from "../collect/coverage.ts";
import { planMissing, target, windowsOf } from "../collect/plan.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { codeOf } from "../errors.ts";
import { BadObjectError, type Lake } from "../lake/lake.ts";
import { ratesOf } from "../relays/rates.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { relayTable } from "./backloadDryRun.ts";
import { type Context, warehousePath } from "./context.ts";
import { duration, scaledBytes, scaledCount, terminalColumns, wrapped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { rangeText } from "./range.ts";
import type { ReachedRelay } from "./relays.ts";
import type { WantedSlots } from "./runMeter.ts";

/** Bytes that a row takes in a DuckDB file (13 GB for the 124 million of a day of mainnet). */
const DUCKDB_ROW_BYTES = 105;
/** Rows that are loaded into DuckDB a second (npm run bench; README, "How fast it is"). */
const LOADED_ROWS_A_SECOND = 114_000;
/** Less than this isn't announced, s. */
const SHORT_SECONDS = 60;

/** A disk that a run writes to, and how much. */
interface Disk {
  /** The path that the options name. */
  readonly path: string;
  readonly needed: number;
  readonly free: number;
}

/** What a run will take, without any relay being asked. */
export interface Forecast {
  readonly figures: Estimate;
  readonly wanted: WantedSlots;
  /** Until everything is loaded, where every slot has bids. */
  readonly seconds: number;
  /** The same with as many slots without bids, which are asked twice, as a back-load is planned with. */
  readonly mostSeconds: number;
  readonly boundBy: string;
  readonly warehouseBytes: number;
  /** Disks of this machine; none where lake and warehouse are in the cloud. */
  readonly disks: readonly Disk[];
}

/**
 * Estimates a run from what the lake lacks, as a back-load is estimated, with the disks that it writes to. Nobody has counted slots
 * without bids: requests are those where there are none, and what the assumed ones add is said as a time of its own.
 */
export async function forecastOf(
  options: CommonOptions,
  context: Context,
  lake: Lake,
  chosen: readonly ReachedRelay[],
  range: SlotRange,
): Promise<Forecast> {
  const { network, clock, datasets: names } = context;
  const relays = chosen.map(({ relay, givenByHand }) => {
    const { startRate } = ratesOf(relay, givenByHand, options.rate);
    return { ...relay, requestsPerSecond: startRate };
  });
  const wanted = await wantedOf(context, lake, relays, range);
  const input: EstimateInput = {
    network,
    range,
    head: settledSlot(network, clock.now()),
    relays,
    datasets: names,
    shards: 1,
    order: "newest",
    workers: 1,
    cores: 1,
    horizons: new Map(),
    wanted,
  };
  const figures = estimate({ ...input, everySlotHasBids: true });
  const { rows, lake_bytes: lakeBytes } = figures.total;
  const [{ hours, bound_by: boundBy } = { hours: 0, bound_by: "" }] = figures.hours;
  const warehouseBytes = rows * DUCKDB_ROW_BYTES;
  const warehouse = warehousePath(options, network);
  const disks = await disksOf([
    { path: options.lake, needed: lakeBytes },
    { path: warehouse, needed: warehouseBytes },
  ]);
  const secondsOf = (asking: number) => asking * 3600 + rows / LOADED_ROWS_A_SECOND;
  const seconds = secondsOf(hours);
  const mostSeconds = secondsOf(estimate(input).hours[0]?.hours ?? hours);
  return { figures, wanted, seconds, mostSeconds, boundBy, warehouseBytes, disks };
}

/** Slots that each relay will be asked for. */
async function wantedOf(
  { network, clock, datasets: names }: Context,
  lake: Lake,
  relays: readonly Relay[],
  range: SlotRange,
): Promise<WantedSlots> {
  const wanted = new Map<string, Partial<Record<DatasetName, number>>>();
  for (const relay of relays) {
    if (relay.state !== "active") continue;
    const counts: Partial<Record<DatasetName, number>> = {};
    const whole = target(network, relay, clock.now());
    for (const name of names.filter((one) => serves(relay, one))) {
      counts[name] = 0;
      const kept = await oldestKeptOf(lake, name, relay.name, clock.now());
      const askable = whole && intersect(intersect(whole, range) ?? range, { first: kept, last: Infinity });
      if (!askable || !intersect(whole, range)) continue;
      const onListed = (_slots: number, missing: number) =>
        void (counts[name] = (counts[name] ?? 0) + missing);
      const windows = windowsOf(datasets[name], range);
      // The run itself says of objects that can't be trusted.
      const plans = planMissing(lake, datasets[name], relay.name, windows, {
        askable,
        onBad: () => {},
        onListed,
      });
      for await (const plan of plans) void plan;
    }
    wanted.set(relay.name, counts);
  }
  return wanted;
}

async function oldestKeptOf(lake: Lake, name: DatasetName, relay: string, nowMs: number): Promise<number> {
  try {
    return oldestKept(await lake.readHorizon(name, relay), nowMs) ?? 0;
  } catch (error) {
    // Said by the run, which finds the horizon again.
    if (error instanceof BadObjectError) return 0;
    throw error;
  }
}

/** Places of one file system are one disk. */
async function disksOf(
  places: readonly { readonly path: string; readonly needed: number }[],
): Promise<Disk[]> {
  const disks = new Map<number, Disk>();
  for (const { path, needed } of places) {
    if (/^\w+:\/\//.test(path)) continue;
    const { at, stats } = await nearest(resolve(path));
    const { bavail, bsize } = await files.statfs(at);
    const same = disks.get(stats.dev);
    disks.set(stats.dev, {
      path: same?.path ?? path,
      needed: needed + (same?.needed ?? 0),
      free: bavail * bsize,
    });
  }
  return [...disks.values()];
}

/** The path, or the nearest folder above it that exists. */
async function nearest(path: string): Promise<{ at: string; stats: Stats }> {
  try {
    return { at: path, stats: await files.stat(path) };
  } catch (error) {
    const isAbsent = ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "");
    if (!isAbsent || dirname(path) === path) throw error;
    return nearest(dirname(path));
  }
}

/** What is said before a run: nothing of one that takes under a minute, else a line, and another for each disk that won't do. */
export function forecastLines(forecast: Forecast): string[] {
  const { figures, seconds, warehouseBytes, disks } = forecast;
  const { requests, rows, raw_bytes: raw, lake_bytes: lakeBytes } = figures.total;
  const short = disks.flatMap(shortage);
  if (seconds < SHORT_SECONDS) return short;
  const free = disks.map(({ free: bytes }) => `${scaledBytes(bytes)} of disk are free`);
  const sizes = `${scaledBytes(lakeBytes)} of lake and ${scaledBytes(warehouseBytes)} of warehouse`;
  return [
    [
      `expected: ${scaledCount(requests)} requests, ${scaledCount(rows)} rows, at most ${scaledBytes(raw)} down`,
      sizes,
      timeText(forecast),
      ...free,
    ].join("; "),
    ...short,
  ];
}

/** How long it takes, and what bounds that. */
function timeText({ seconds, mostSeconds, boundBy }: Forecast): string {
  const [least, most] = [duration(seconds), duration(mostSeconds)];
  const more = least === most ? "" : `, up to ${most} where many slots are without bids`;
  return `about ${least} (${bound(boundBy)})${more}`;
}

/** A relay at its pace, or the one core that all of it runs on. */
function bound(by: string): string {
  return `bound by ${by === "processor" ? "this machine's processor" : by}`;
}

function shortage({ path, needed, free }: Disk): string[] {
  if (needed <= free) return [];
  return [
    `the disk of ${path} has ${scaledBytes(free)} free, and ${scaledBytes(needed)} are expected: ask for fewer slots, or name a larger disk by --lake and --warehouse`,
  ];
}

/** `run --dry-run`: the same by relay, as a table. Returns the exit code. */
export function printForecast(
  options: CommonOptions,
  context: Context,
  range: SlotRange,
  of: Forecast,
): number {
  const { network, datasets: names } = context;
  const { figures, seconds, mostSeconds, boundBy, warehouseBytes, disks } = of;
  const { slots, relays, total, gone } = figures;
  if (options.json) {
    const told = { network: network.name, range, datasets: names, slots, relays, total, gone };
    const times = { seconds: Math.round(seconds), most_seconds: Math.round(mostSeconds), bound_by: boundBy };
    const more = { ...times, warehouse_bytes: warehouseBytes, disks };
    process.stdout.write(`${JSON.stringify({ ...told, ...more })}\n`);
    return 0;
  }
  const columns = terminalColumns(process.stdout);
  const { hours } = figures;
  const lines = [
    `${network.name}, ${rangeText(network, range)}`,
    "an estimate, nobody was asked",
    "",
    relayTable({ ...figures, hours: hours.slice(0, 1) }, columns),
    "",
    `download   at most ${scaledBytes(total.raw_bytes)}; compressed by relays that do so`,
    `lake       ${scaledBytes(total.lake_bytes)} more in ${options.lake}`,
    `warehouse  ${scaledBytes(warehouseBytes)} more in ${warehousePath(options, network)}`,
    ...disks.map(({ free, path }) => `free disk  ${scaledBytes(free)} at ${path}`),
    `time       ${timeText(of)}`,
    "",
    "what the lake has already isn't counted; loading is part of the time",
    "slots without bids are asked twice: requests are those where every slot has some",
    ...gone,
    ...disks.flatMap(shortage),
  ];
  process.stdout.write(`${lines.flatMap((line) => wrapped(line, columns)).join("\n")}\n`);
  return 0;
}
