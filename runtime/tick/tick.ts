import type { Clock } from "../chain/clock.ts";
import { MAX_SLOT, type Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import {
  AUCTION,
  DATASET_NAMES,
  type Dataset,
  type DatasetName,
  datasets as datasetOf,
} from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { type Lake, trusted } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { type LoadCount, noCount } from "../warehouse/waiting.ts";
import type { LoadSummary, Warehouse } from "../warehouse/warehouse.ts";
import type { CanonicalTable } from "../chain/canonicalChain.ts";
import type { RelaySource } from "../collect/relaySource.ts";
import { Listings } from "./listings.ts";
import { type LiveState, liveState } from "./liveState.ts";
import { type Window, dueAtTick } from "../collect/plan.ts";
import { collectWindows } from "../collect/run.ts";
import type { Tally } from "../collect/tally.ts";
import { rereadSample, writtenLately } from "./tickRereads.ts";
import { type TickWindows, listedRanges, tickWindows } from "./windows.ts";
import { withTimeLimit } from "../chain/timeLimit.ts";
import type { ChainSource } from "../chain/chainSource.ts";
import { type TickChain, collectNewest } from "./tickChain.ts";

/** What one tick leaves for the next of the same process. Nothing is lost without it, only done again. */
export interface TickMemory {
  /** When the tick began, Unix ms. */
  readonly startedMs: number;
  /** By dataset and relay (`askedKey`): when the last tick began in which all that was due was asked for, Unix ms. */
  readonly askedMs: ReadonlyMap<string, number>;
  /** By dataset: how far the rotation through the older lake has come, Unix ms; absent where it hasn't begun. */
  readonly seenMs: ReadonlyMap<DatasetName, number>;
  /** What table relays was last written from (rereads comes with it). */
  readonly directory: string;
  /** When chunks were written within the last hour, by `chunkKey`, Unix ms. */
  readonly writtenMs: ReadonlyMap<string, number>;
}

/** One of many passes, each within its time. */
export interface TickOptions {
  readonly network: Network;
  readonly lake: Lake;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly log: Log;
  /** The whole directory, for table relays. */
  readonly relays: readonly Relay[];
  /** What asks the relays until a signal is aborted. */
  readonly sources: (stop: AbortSignal) => ReadonlyMap<Relay, RelaySource>;
  readonly datasets: readonly DatasetName[];
  /** The tick is over after this time, ms. What was read by then is written. */
  readonly deadlineMs: number;
  /** Time between two ticks as planned, ms. */
  readonly intervalMs: number;
  readonly previous: TickMemory | undefined;
  /** From here on all that is missing is wanted, and nothing below. Without it only the gaps in what was begun. */
  readonly firstSlot?: number;
  /** Slots that back-load workers are filling: loaded, and but for the newest not asked for. */
  readonly backload?: SlotRange | undefined;
  /** Where the canonical chain's blocks are; `reorged` stays as it is without it. */
  readonly canonical?: CanonicalTable | undefined;
  /** What tells of the chain, where the datasets have it. */
  readonly chain?: ChainSource | undefined;
  readonly stop: AbortSignal;
  readonly onTally?: (tally: Tally) => void;
}

/** What a tick did. */
export interface TickResult {
  readonly tallies: readonly Tally[];
  /** What it was about. */
  readonly datasets: readonly DatasetName[];
  /** How the newest slots of each active relay and dataset stand. */
  readonly live: readonly LiveState[];
  /** Undefined when the tick was stopped before. */
  readonly loaded: LoadSummary | undefined;
  /** Why payloads couldn't be settled by the canonical chain, one line. */
  readonly unsettled: string | undefined;
  /** True when the time was up before all was done. */
  readonly outOfTime: boolean;
  readonly memory: TickMemory;
}

/** The part of a tick's time after which nothing more is asked: the rest is for loading. */
const ASKING_SHARE = 0.7;
/** Questions above the target by which a tick looks for a newer witness, for each relay and dataset. */
const NEWER_QUESTIONS = 4;
/** Objects that one tick loads at most: of the newest and the older lake, and as many of what is being back-loaded. */
const MAX_OBJECTS = 2000;
/** Payloads are settled for so long after they were loaded: tables of canonical blocks may be days behind. */
const SETTLED_WITHIN_MS = 7 * 24 * 3_600_000;

/**
 * One tick: plan, collect, load, until done, stopped, or out of time. Asks for what is missing and due among the newest
 * slots and in a slice of the older lake, and loads the objects that it meets there. Throws when lake or warehouse fail; a
 * relay that fails only leaves its slots missing.
 */
export async function tick(options: TickOptions): Promise<TickResult> {
  const { network, clock, previous, intervalMs, deadlineMs, backload, stop } = options;
  const nowMs = clock.now();
  const windows = new Map<DatasetName, TickWindows>();
  // Extras are sparse, and a load bills for each dataset that it looks at: they have the first tick of an hour.
  const names = options.datasets.filter((name) => isAuction(name) || isNewHour(previous, clock));
  for (const name of names) {
    const dataset = datasetOf[name];
    const seenMs = previous?.seenMs.get(name);
    windows.set(name, tickWindows({ network, dataset, nowMs, seenMs, intervalMs, backload }));
  }
  const lake = new Listings(
    options.lake,
    [...windows].flatMap(([name, its]) => listedRanges(name, its)),
  );
  const askingTime = withTimeLimit(stop, clock, (deadlineMs * ASKING_SHARE) / 1000);
  const tickTime = withTimeLimit(stop, clock, deadlineMs / 1000);
  try {
    const [asking, loading] = [askingTime.stop, tickTime.stop];
    const sources = options.sources(asking);
    const range = { first: options.firstSlot ?? 0, last: MAX_SLOT };
    const common = { ...options, datasets: names, lake, sources, range, newerQuestions: NEWER_QUESTIONS };
    const chain = await collectedChain({ ...options, stop: asking }, lake, windows.get("chain_blocks"));
    const tallies = await collectWindows({ ...common, stop: asking }, (dataset, relay) =>
      askedWindows(options, dataset, relay, windows.get(dataset.name), nowMs),
    );
    // What is read again below was written before: that makes none of its chunk's other slots new.
    const written = writtenLately(previous?.writtenMs, lake, clock.now());
    if (!asking.aborted) await rereadSample({ ...common, stop: asking }, lake, windows, tallies, written);
    const askedAll = !asking.aborted;
    const live: LiveState[] = chain ? [chain.live] : [];
    for (const [name, { live: newest }] of windows) {
      for (const relay of sources.keys()) {
        if (newest && relay.state === "active" && serves(relay, name))
          live.push(await liveState(lake, { network, range, nowMs }, relay, name, newest));
      }
    }
    const directory = await directoryState(lake, options.relays);
    const loaded = stop.aborted ? undefined : await load(options, lake, windows, directory, loading);
    const asked = tallies.flatMap(({ relay, complete }) =>
      complete ? names.map((name) => [askedKey(name, relay), nowMs] as const) : [],
    );
    return {
      tallies: chain ? [...tallies, chain.tally] : tallies,
      datasets: names,
      live,
      loaded: loaded?.summary,
      unsettled: loading.aborted ? undefined : await settle(options),
      outOfTime: !stop.aborted && (!askedAll || loading.aborted),
      memory: {
        startedMs: nowMs,
        askedMs: new Map([...(previous?.askedMs ?? []), ...asked]),
        seenMs: new Map([...(previous?.seenMs ?? []), ...(loaded?.allSeen ? seenOf(windows) : [])]),
        directory,
        writtenMs: written,
      },
    };
  } finally {
    await Promise.all([askingTime.end(), tickTime.end()]);
  }
}

async function collectedChain(
  options: TickOptions,
  lake: Listings,
  windows: TickWindows | undefined,
): Promise<TickChain | undefined> {
  return options.chain && windows?.live
    ? collectNewest(options, lake, options.chain, windows.live)
    : undefined;
}

/** The windows of a dataset that a tick asks for, newest first, with the rule by which it does. */
function askedWindows(
  { network, previous, intervalMs, backload, firstSlot }: TickOptions,
  dataset: Dataset,
  relay: Relay,
  windows: TickWindows | undefined,
  nowMs: number,
): Window[] {
  if (!windows?.live) return [];
  const due = dueAtTick(network, dataset, nowMs, previous?.askedMs.get(askedKey(dataset.name, relay.name)));
  // The first tick of a process catches up on the newest slots, not on all of a lake that may never have been filled.
  const dueLater = dueAtTick(network, dataset, nowMs, previous?.startedMs ?? nowMs - intervalMs);
  const isOurs = (slot: number) => !backload || slot < backload.first || slot > backload.last;
  // A gap among what is stored is asked for whenever it is met, once a day. What nobody began isn't, unless it was named.
  const isGap = (slot: number, stored: SlotRange | undefined) =>
    firstSlot !== undefined || (stored !== undefined && slot >= stored.first && slot <= stored.last);
  return [
    { ...windows.live, wanted: due, again: due },
    ...windows.slices.map((slice) => ({
      ...slice,
      wanted: (slot: number, stored: SlotRange | undefined) => isGap(slot, stored) || dueLater(slot),
      again: dueLater,
      spared: (slot: number) => !isOurs(slot),
    })),
  ];
}

function seenOf(windows: ReadonlyMap<DatasetName, TickWindows>): [DatasetName, number][] {
  return [...windows].map(([name, { seenMs }]) => [name, seenMs]);
}

function askedKey(dataset: DatasetName, relay: string): string {
  return `${dataset} ${relay}`;
}

function isAuction(name: DatasetName): boolean {
  return AUCTION.some((one) => one === name);
}

/**
 * Loads what the windows hold: the newest slots, then the older lake, then what is being back-loaded, each at most so many
 * objects. However many wait, the newest come in with each tick. `allSeen` is false where objects of the older lake have to
 * wait, and the rotation with them.
 */
async function load(
  { warehouse, relays, previous, clock }: TickOptions,
  lake: Listings,
  windows: ReadonlyMap<DatasetName, TickWindows>,
  directory: string,
  signal: AbortSignal,
): Promise<{ summary: LoadSummary; allSeen: boolean }> {
  const newHour = isNewHour(previous, clock);
  // Rows are replaced once an hour at most: it bills whole days.
  const common = { maxObjects: MAX_OBJECTS, replace: newHour, signal };
  let summary: LoadSummary | undefined;
  let allSeen = true;
  for (const part of ["live", "older", "backload"] as const) {
    for (const [name, its] of windows) {
      const ranges = { live: its.live ? [its.live] : [], older: its.slices, backload: its.backload }[part];
      if (part !== "live" && (ranges.length === 0 || signal.aborted)) continue;
      const relayTables =
        part === "live" && name === "bids" && (newHour || previous?.directory !== directory);
      const loaded = await warehouse.load(lake, relays, { ...common, datasets: [name], ranges, relayTables });
      summary = summary ? sumOf(summary, loaded) : loaded;
      if (part === "older") allSeen &&= loaded.waiting === 0;
    }
  }
  return { summary: summary ?? NOTHING, allSeen: allSeen && !signal.aborted };
}

/** Settles payloads by the canonical chain, once an hour; returns why it couldn't. What stays open is settled later. */
async function settle({ warehouse, datasets, canonical, previous, clock }: TickOptions) {
  if (!canonical || !datasets.includes("payloads") || !isNewHour(previous, clock)) return undefined;
  try {
    await warehouse.settle(canonical, { loadedSince: clock.now() - SETTLED_WITHIN_MS });
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

/** True for the first tick of each hour, and of each process. */
export function isNewHour(previous: TickMemory | undefined, clock: Clock): boolean {
  return isNewTurn(3_600_000, previous, clock);
}

/** True for the first tick of each day (UTC), and of each process. */
export function isNewDay(previous: TickMemory | undefined, clock: Clock): boolean {
  return isNewTurn(86_400_000, previous, clock);
}

function isNewTurn(periodMs: number, previous: TickMemory | undefined, clock: Clock): boolean {
  const turnOf = (ms: number) => Math.floor(ms / periodMs);
  return previous === undefined || turnOf(previous.startedMs) !== turnOf(clock.now());
}

/** The directory and its horizons, as one text that changes when they do. */
async function directoryState(lake: Listings, relays: readonly Relay[]): Promise<string> {
  // What can't be read planning or loading reports.
  const horizon = async (dataset: DatasetName, relay: string) =>
    trusted(async () => (await lake.readHorizon(dataset, relay))?.oldest_slot, "unreadable");
  const active = relays.filter(({ state }) => state === "active");
  const horizons = active.flatMap((relay) =>
    DATASET_NAMES.filter((dataset) => serves(relay, dataset)).map((dataset) => horizon(dataset, relay.name)),
  );
  return JSON.stringify([relays, await Promise.all(horizons)]);
}

/** What a load that found nothing says. */
export const NOTHING: LoadSummary = { ...noCount(), failed: [] };

function sumOf(a: LoadSummary, b: LoadSummary): LoadSummary {
  const sum = noCount();
  for (const key of Object.keys(sum) as (keyof LoadCount)[]) sum[key] = a[key] + b[key];
  const isNew = ({ object }: { readonly object: string }) =>
    a.failed.every((known) => known.object !== object);
  return { ...sum, failed: [...a.failed, ...b.failed.filter(isNew)] };
}
