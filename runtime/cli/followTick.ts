import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import { nameBuilders } from "../builders/nameBuilders.ts";
import { serves } from "../relays/relay.ts";
import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { SlotRange } from "../chain/slots.ts";
import type { Coverage } from "../collect/coverage.ts";
import { bids } from "../datasets/bids.ts";
import { codeOf, messageOf } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import type { TickOutcome } from "../services/logLines.ts";
import { type RelayCounts, relayCounts, said, tickCounts, troubles } from "../services/tickLines.ts";
import { type TickMemory, type TickResult, tick, isNewHour } from "../tick/tick.ts";
import { takeableSlot } from "../tick/windows.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import type { Asking } from "./asking.ts";
import { type CanonicalSource, settleBy } from "./canonical.ts";
import type { CollectedChain } from "./chain.ts";
import type { Context } from "./context.ts";
import { coverageOfAll } from "../collect/coverageOfAll.ts";
import { joined } from "./summary.ts";

/** Time from the start of one tick of `run --follow` to the start of the next, ms. */
export const FOLLOW_INTERVAL_MS = 5 * 60 * 1000;
/** A tick asks nothing more after this time, so that it has ended when the next is due. */
const TICK_DEADLINE_MS = 4 * 60 * 1000;

/** Slots before the newest in which a tick looks for what it lacks of the chain. */
const CHAIN_SLOTS = 32_000;

/** What is followed: these relays, from a slot on, into this lake and warehouse, until it is to stop. */
export interface Following {
  readonly lake: Lake;
  readonly warehouse: Warehouse;
  readonly asking: Asking;
  readonly chain: CollectedChain;
  readonly canonical: CanonicalSource | undefined;
  readonly firstSlot: number;
  readonly stop: AbortSignal;
}

/** What a tick of `run --follow` did, and how the lake stands after it. */
export interface TickReport {
  readonly outcome: TickOutcome;
  readonly seconds: number;
  /** What coverage is of: from the first slot that is wanted to the end of the newest chunk of bids that is settled. */
  readonly range: SlotRange;
  readonly counts: ReturnType<typeof tickCounts>;
  readonly relays: readonly RelayCounts[];
  /** By relay and dataset; empty for a tick that failed. */
  readonly coverage: readonly Coverage[];
  /** Requests of this tick that were refused (408, 425, 429, 503), by relay. */
  readonly refused: ReadonlyMap<string, number>;
  /** Bytes that are free where lake and warehouse lie; of what lies elsewhere there are none. */
  readonly freeBytes: Readonly<Record<string, number>>;
  /** Why it failed, one line. */
  readonly fault: string | undefined;
  /** Why slots stay missing: what relays left unanswered, one line a relay. */
  readonly unanswered: readonly string[];
  /** What can't be trusted, loaded or settled, one line each. */
  readonly faults: readonly string[];
}

/**
 * Makes what does one tick after another. A tick that fails says so in its report, and the next one goes on; where the first one
 * fails already, nothing has ever worked, and it throws what the tick threw.
 */
export function ticksOf(context: Context, following: Following): () => Promise<TickReport> {
  const { clock, network } = context;
  const clients = [...following.asking.clients.values()];
  let previous: TickMemory | undefined;
  return async () => {
    const started = clock.monotonic();
    const refusals = new Map(clients.map(({ relay, counters }) => [relay.name, counters.refusals]));
    const last = takeableSlot(network, bids, clock.now());
    const range = { first: following.firstSlot, last };
    let done: Awaited<ReturnType<typeof once>> | undefined;
    let fault: string | undefined;
    try {
      done = await once(context, following, range, previous);
      previous = done.result.memory;
    } catch (error) {
      if (!previous) throw error;
      fault = said(messageOf(error), 500);
    }
    return {
      outcome: outcomeOf(done?.result, following.stop),
      seconds: Math.round(clock.monotonic() - started) / 1000,
      range,
      counts: tickCounts(done?.result),
      relays: done?.relays ?? [],
      coverage: done?.coverage ?? [],
      refused: new Map(
        clients.map(({ relay: { name }, counters }) => [name, counters.refusals - (refusals.get(name) ?? 0)]),
      ),
      freeBytes: await freeBytes(following),
      fault,
      unanswered: done?.unanswered ?? [],
      faults: done?.faults ?? [],
    };
  };
}

function outcomeOf(result: TickResult | undefined, stop: AbortSignal): TickOutcome {
  if (stop.aborted) return "stopped";
  if (!result) return "failed";
  return result.outOfTime ? "out-of-time" : "done";
}

async function once(
  context: Context,
  { lake, warehouse, asking, chain, canonical, firstSlot, stop }: Following,
  range: SlotRange,
  previous: TickMemory | undefined,
) {
  const { network, clock, log, datasets } = context;
  for (const client of asking.clients.values()) client.revive();
  // Before the tick, which loads what it meets in the lake; of a long range the part that is listed at once.
  await chain.collect({ first: Math.max(firstSlot, range.last - CHAIN_SLOTS), last: range.last }, stop);
  const result = await tick({
    network,
    lake,
    warehouse,
    clock,
    log,
    datasets,
    previous,
    stop,
    relays: asking.relays,
    sources: (until) => asking.sourcesUntil(until),
    deadlineMs: TICK_DEADLINE_MS,
    intervalMs: FOLLOW_INTERVAL_MS,
    firstSlot,
  });
  const unsettled = result.loaded ? await settleBy(canonical, warehouse, context) : [];
  if (result.loaded && isNewHour(previous, clock))
    await nameBuilders(warehouse, sqlDialectOf(warehouse.url), network, clock.now());
  const scope = { network, range, nowMs: clock.now() };
  const ofRelays = await coverageOfAll(lake, scope, asking.relays, datasets);
  const { coverage, faults } = joined(ofRelays, await chain.coverage(scope));
  const { unanswered, objects_at_fault: atFault } = troubles(result);
  const relays = result.datasets.flatMap((dataset) =>
    [...asking.clients.values()]
      .filter(({ relay }) => serves(relay, dataset))
      .flatMap((client) => relayCounts(dataset, client, result) ?? []),
  );
  return {
    result,
    relays,
    coverage,
    unanswered,
    faults: [...new Set([...atFault, ...faults, ...unsettled])],
  };
}

/** Bytes that this process may still write where lake and warehouse lie, as far as that is on this machine. */
async function freeBytes({ lake, warehouse }: Following): Promise<Record<string, number>> {
  const free: Record<string, number> = {};
  for (const [name, { url }] of Object.entries({ lake, warehouse })) {
    if (/^[a-z]+:\/\//.test(url)) continue;
    const { bavail, bsize } = await statfsNear(resolve(url));
    free[name] = bavail * bsize;
  }
  return free;
}

/** The file system of a path, or of the folder that it is going to be made in. */
async function statfsNear(path: string): Promise<StatsFs> {
  try {
    return await statfs(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    return statfsNear(dirname(path));
  }
}
