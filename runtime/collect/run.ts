import pLimit from "p-limit";
import type { Clock } from "../chain/clock.ts";
import { type Network, SETTLE_LAG_SLOTS } from "../chain/networks.ts";
import { type SlotRange, intersect, slotCount, type Order } from "../chain/slots.ts";
import { type Dataset, type DatasetName, datasets } from "../datasets/dataset.ts";
import { payloads } from "../datasets/payloads.ts";
import { type Horizon, type Lake, trusted } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import { type Relay, serves } from "../relays/relay.ts";
import type { RelaySource } from "./relaySource.ts";
import { oldestKept } from "./coverage.ts";
import { markUnexplained } from "./markMissingDelivered.ts";
import { deliveredPlans } from "./deliveredTarget.ts";
import { Delivered } from "./delivered.ts";
import { PayloadsCollector } from "./payloads.ts";
import { type Window, planMissing, target, windowsOf } from "./plan.ts";
import { type RelayJob, isOver } from "./relayJob.ts";
import { Shift } from "./shift.ts";
import { Sightings } from "./sightings.ts";
import { SlotCollector } from "./slotCollector.ts";
import { type Tally, countsOf, newTally } from "./tally.ts";

/** What one pass over the relays is given. */
export interface CollectOptions {
  readonly network: Network;
  readonly lake: Lake;
  readonly clock: Clock;
  readonly log: Log;
  /** The relays, each with what asks it. Only active ones are asked. */
  readonly sources: ReadonlyMap<Relay, RelaySource>;
  readonly datasets: readonly DatasetName[];
  readonly range: SlotRange;
  /** Which bids are asked for first (newest without it). Payloads come in pages, and those go down from the newest. */
  readonly order?: Order;
  readonly stop: AbortSignal;
  /** Slots above the target that are asked for at most, per relay and dataset, to find a newer witness; all of them without it. */
  readonly newerQuestions?: number;
  /** Bytes of answers that wait for a second ask; given where several passes share them. */
  readonly held?: { bytes: number };
  /** Told of each relay's tally as its work begins. */
  readonly onTally?: (tally: Tally) => void;
}

/** Relays that are collected at the same time: each has its own pace, and memory is bounded by the byte budget. */
const RELAYS_AT_ONCE = 16;

/**
 * Collects what is missing in a range into the lake: relays side by side, in each the payloads first, so that bids can be
 * checked against what was delivered. Throws when the lake fails; a relay that fails only leaves its slots missing.
 */
export async function collect(options: CollectOptions): Promise<Tally[]> {
  return collectWindows(options, (dataset) => {
    const windows = windowsOf(dataset, options.range);
    return dataset.asked === "slot" && options.order === "oldest" ? [...windows].toReversed() : windows;
  });
}

/** Collects what is missing and wanted in some windows, in their order, as far as they lie in the range. */
export async function collectWindows(
  options: CollectOptions,
  windows: (dataset: Dataset, relay: Relay) => Iterable<Window>,
): Promise<Tally[]> {
  const limit = pLimit(RELAYS_AT_ONCE);
  const active = [...options.sources].filter(([relay]) => relay.state === "active");
  const shift = new Shift(options.clock, active.length, options.stop);
  const held = options.held ?? { bytes: 0 };
  const work = async (relay: Relay, source: RelaySource) => {
    const tally = newTally(relay.name);
    options.onTally?.(tally);
    try {
      await collectRelay({ ...options, held }, windows, relay, source, tally);
      // While others give something to do, a relay that went down is waited for.
      while (source.down && (await shift.rest()))
        if (await source.knock()) await collectRelay({ ...options, held }, windows, relay, source, tally);
      return tally;
    } finally {
      shift.leave();
    }
  };
  const ended = await Promise.allSettled(active.map(([relay, source]) => limit(() => work(relay, source))));
  // The lake may fail for one relay and not for another: what the others have read is written first.
  return ended.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

async function collectRelay(
  options: CollectOptions,
  windows: (dataset: Dataset, relay: Relay) => Iterable<Window>,
  relay: Relay,
  source: RelaySource,
  tally: Tally,
): Promise<void> {
  const job = jobOf(options, relay, source, tally);
  const range = job && intersect(job.target, options.range);
  if (!job || !range) {
    tally.complete = true;
    return;
  }
  const ofPayloads = new PayloadsCollector(job);
  if (options.datasets.includes("payloads")) {
    const plans = await plan(job, windows, payloads, range);
    await ofPayloads.collect(plans.missing);
  }
  // Slots of which the relay was asked what it made.
  const reached = new Set<number>();
  const collectSlots = async (name: DatasetName) => {
    const { missing, oldestKept: horizon } = await plan(job, windows, datasets[name], range, options.order);
    const { order } = options;
    const common = { dataset: name, horizon, purpose: "collect" } as const;
    const wanted =
      datasets[name].target === "delivered" ? deliveredPlans(job, datasets[name], missing, reached) : missing;
    await new SlotCollector(job, { ...common, ...(order ? { order } : {}) }).collect(wanted);
  };
  // Side by side: what is asked again has to rest, and all share the relay's pace.
  const bySlot = options.datasets.filter((name) => datasets[name].asked === "slot" && serves(relay, name));
  const [first, later] = [[], []] as [DatasetName[], DatasetName[]];
  for (const name of bySlot) (datasets[name].target === "all" ? first : later).push(name);
  await allSettled(first.map(collectSlots));
  await ofPayloads.finish();
  await allSettled(later.map(collectSlots));
  if (relay.adjusts) await markUnexplained(job, reached);
  tally.complete = !isOver(job);
}

/** Waits for all, and throws what the first that failed threw: nothing goes on behind the caller's back. */
async function allSettled(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === "rejected") throw result.reason;
}

/** What working on one relay needs; undefined where it has no slots yet. */
export function jobOf(
  options: CollectOptions,
  relay: Relay,
  source: RelaySource,
  tally: Tally,
): RelayJob | undefined {
  const { network, lake, clock, log, stop, held = { bytes: 0 } } = options;
  const whole = target(network, relay, clock.now());
  if (!whole) return undefined;
  const newerQuestions = options.newerQuestions ?? SETTLE_LAG_SLOTS;
  const common = { network, relay, target: whole, lake, source, clock, log, tally, stop };
  const delivered = new Delivered(lake, relay);
  return { ...common, held, newerQuestions, delivered, bidsSeen: new Sightings() };
}

async function plan(
  job: RelayJob,
  windows: (dataset: Dataset, relay: Relay) => Iterable<Window>,
  dataset: Dataset,
  range: SlotRange,
  order: Order = "newest",
) {
  const { lake, relay, clock, tally } = job;
  const kept = oldestKept(await readHorizon(job, dataset.name), clock.now());
  const counts = countsOf(tally, dataset.name);
  if (kept !== undefined) counts.passed += Math.min(slotCount(range), Math.max(0, kept - range.first));
  const askable = intersect(range, { first: kept ?? 0, last: Infinity });
  const missing = planMissing(lake, dataset, relay.name, askable ? windows(dataset, relay) : [], {
    askable: askable ?? range,
    order,
    onBad: ({ fault }) => tally.faults.push(fault),
    onListed: (slots, missingSlots) => {
      counts.wanted += missingSlots;
      counts.passed += slots - missingSlots;
    },
  });
  return { missing, oldestKept: kept };
}

/** The stored horizon; one that can't be read is noted and found again. */
export async function readHorizon(job: RelayJob, name: DatasetName): Promise<Horizon | undefined> {
  const read = () => job.lake.readHorizon(name, job.relay.name);
  return trusted(read, undefined, ({ message }) => job.tally.faults.push(message));
}
