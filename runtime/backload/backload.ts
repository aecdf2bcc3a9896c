import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import type { SlotRange, Order } from "../chain/slots.ts";
import type { RelaySource } from "../collect/relaySource.ts";
import { type Coverage, coverageOf } from "../collect/coverage.ts";
import { type CollectOptions, collect } from "../collect/run.ts";
import { Shift } from "../collect/shift.ts";
import type { Tally } from "../collect/tally.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { Lake } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import type { Relay } from "../relays/relay.ts";
import type { Connected } from "./connect.ts";
import { ProgressMeter, type RelayProgress } from "./progress.ts";
import { segmentsOf } from "./shard.ts";

/** What a worker is given. */
export interface BackloadOptions {
  readonly network: Network;
  readonly lake: Lake;
  readonly clock: Clock;
  readonly log: Log;
  readonly connected: Connected;
  readonly datasets: readonly DatasetName[];
  /** The worker's shard; undefined: there is none for it. */
  readonly range: SlotRange | undefined;
  readonly order: Order;
  /** Aborted when the worker is to stop: nothing more is asked, what was read is written. */
  readonly stop: AbortSignal;
  /** Given a way to look at the progress, before anything is asked. */
  readonly onStart?: (progress: () => RelayProgress[]) => void;
}

/**
 * `done`: every slot of the shard is covered or unavailable. `retry`: some are missing, and another try may bring them (a
 * relay was down, slots failed, time ran out, the worker was stopped). `bad-input`: objects of the lake can't be trusted,
 * and no further try mends that.
 */
export type Outcome = "done" | "retry" | "bad-input";

export interface BackloadResult {
  readonly outcome: Outcome;
  /** Why it isn't `done`, one line. */
  readonly reason: string | undefined;
  readonly progress: readonly RelayProgress[];
  /** Empty when the worker was stopped: then nothing more is listed. */
  readonly coverage: readonly Coverage[];
  /** Objects that can't be trusted, one line each. */
  readonly faults: readonly string[];
  /** Why relays' last unanswered requests failed, by relay. */
  readonly lastErrors: ReadonlyMap<string, string>;
}

/** Times that slots which gave no answer are asked for: the rest is for another run. */
const PASSES = 3;

/**
 * Fills what a shard lacks: all relays at once, each at its own pace and through its own segments. Writes only the lake,
 * and needs nothing but it: may be stopped and started any number of times, beside any other writer. Throws when the lake
 * fails.
 */
export async function backload(options: BackloadOptions): Promise<BackloadResult> {
  const { network, clock, connected, datasets, range, stop } = options;
  const { sources, clients } = connected;
  const meter = new ProgressMeter(network, datasets, range, clock.now(), connected);
  options.onStart?.(() => meter.snapshot());
  const faults = new Set<string>();
  const lastErrors = new Map<string, string>();
  const shift = new Shift(clock, sources.size, stop);
  const held = { bytes: 0 };
  const work = async (relay: Relay, source: RelaySource) => {
    try {
      for await (const tally of passes({ ...options, held }, relay, source, meter, shift)) {
        for (const fault of tally.faults) faults.add(fault);
        if (tally.lastError !== undefined) lastErrors.set(relay.name, tally.lastError);
      }
    } finally {
      shift.leave();
    }
  };
  const ended = await Promise.allSettled([...sources].map(([relay, source]) => work(relay, source)));
  // The lake may fail for one relay and not for another: what the others have read is written first.
  for (const result of ended) if (result.status === "rejected") throw result.reason;

  const coverage = stop.aborted ? [] : await coverageOfShard(options, faults);
  const missing = coverage.reduce((sum, row) => sum + row.missing, 0);
  const common = { progress: meter.snapshot(), coverage, faults: [...faults], lastErrors };
  if (stop.aborted) return { ...common, outcome: "retry", reason: stopReason(stop) };
  if (faults.size > 0) {
    const reason = `${faults.size} objects of the lake can't be used`;
    return { ...common, outcome: "bad-input", reason };
  }
  if (missing > 0) {
    const down = [...clients].filter(([, client]) => client.down).map(([name]) => name);
    const unproven = coverage.reduce((sum, row) => sum + row.unproven, 0);
    const unanswered =
      unproven > 0
        ? `${unproven} of them were answered without rows, which isn't proven yet`
        : "they gave no answer";
    const why = down.length > 0 ? `${down.join(", ")} can't be reached` : unanswered;
    return { ...common, outcome: "retry", reason: `${missing} slots are still missing: ${why}` };
  }
  return { ...common, outcome: "done", reason: undefined };
}

/** A relay's passes over the segments of the shard, until nothing is missing or asking on is no use. */
async function* passes(
  options: BackloadOptions & Pick<CollectOptions, "held">,
  relay: Relay,
  source: RelaySource,
  meter: ProgressMeter,
  shift: Shift,
): AsyncGenerator<Tally> {
  const { range, order, stop } = options;
  if (!range) return;
  const segments = segmentsOf(range);
  let open = order === "oldest" ? segments.toReversed() : segments;
  for (let pass = 1; pass <= PASSES && open.length > 0; pass++) {
    const unanswered: SlotRange[] = [];
    for (const segment of open) {
      if (stop.aborted) return;
      for (let tries = 1; ; tries++) {
        const tally = await collectOne(options, relay, source, segment, meter);
        meter.end(relay.name, pass > 1 || tries > 1);
        yield tally;
        const { bids, payloads } = tally;
        const failed = bids.failed + payloads.failed > 0;
        if (!source.down || stop.aborted) {
          if (failed) unanswered.push(segment);
          break;
        }
        do if (!(await shift.rest())) return;
        while (!(await source.knock()));
      }
    }
    open = unanswered;
  }
}

async function collectOne(
  options: BackloadOptions & Pick<CollectOptions, "held">,
  relay: Relay,
  source: RelaySource,
  range: SlotRange,
  meter: ProgressMeter,
): Promise<Tally> {
  const { network, lake, clock, log, datasets, order, held, stop } = options;
  const sources = new Map([[relay, source]]);
  const onTally = (tally: Tally) => meter.begin(tally);
  const shared = held ? { held } : {};
  const common = { network, lake, clock, log, datasets, order, stop, ...shared };
  const [tally] = await collect({ ...common, sources, range, onTally });
  if (!tally) throw new Error(`${relay.name} isn't active, and was to be collected`);
  return tally;
}

async function coverageOfShard(options: BackloadOptions, faults: Set<string>): Promise<Coverage[]> {
  const { network, lake, clock, connected, datasets, range } = options;
  const coverage: Coverage[] = [];
  if (!range) return coverage;
  for (const relay of connected.sources.keys()) {
    for (const name of datasets) {
      const onFault = (fault: string) => void faults.add(fault);
      coverage.push(await coverageOf(lake, { network, range, nowMs: clock.now() }, relay, name, onFault));
    }
  }
  return coverage;
}

function stopReason(stop: AbortSignal): string {
  return stop.reason instanceof Error ? stop.reason.message : "stopped";
}
