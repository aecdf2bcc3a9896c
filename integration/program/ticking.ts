import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { VirtualClock } from "../../runtime/chain/virtualClock.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { NOTHING } from "../../runtime/tick/tick.ts";
import { AUCTION, type AuctionDataset } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import { silentLog } from "../../runtime/log.ts";
import type { RelayClientLimits } from "../../runtime/relays/http/client.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { compareLake } from "./compare.ts";
import { NOW, standingStill } from "./line.ts";
import { startService } from "./service.ts";

/** The scheduler's time between two ticks, ms. */
export const TICK_MS = 5 * 60_000;

/** Where ticks collect to; a folder and DuckDB without it. */
export type Places = (clock: VirtualClock) => { readonly lake: Lake; readonly warehouse: Warehouse };

export interface TickingOptions extends Pick<SimulatorOptions, "faults"> {
  readonly seed: number;
  readonly names: readonly string[];
  /** Slots that are settled when it begins and are wanted. */
  readonly before: number;
  /** Slots that settle afterwards and are wanted; what comes later isn't. */
  readonly after: number;
  readonly simulator?: Partial<SimulatorOptions>;
  readonly places?: Places;
  /** One load in so many is done (all, without it): each costs more of the machine's time than a tick's other work. */
  readonly oneLoadIn?: number;
  readonly relayLimits?: Partial<RelayClientLimits>;
}

/** Both services of a stack on a virtual clock, over some simulated relays that stay where they are when they are replaced. */
export async function ticking(t: ExecutionContext, options: TickingOptions) {
  const { seed, names, before, after, faults, relayLimits, oneLoadIn = 1 } = options;
  const network = simulatedNetwork(seed);
  const clock = new VirtualClock(NOW, { idleMs: 0 });
  const common = { seed, clock, scale: 0.02, ...options.simulator };
  let simulator = await startSimulator({ ...common, faults });
  t.teardown(async () => simulator.close());
  const { lake, warehouse } = (options.places ?? folders(seed))(clock);
  const collectFrom = settledSlot(network, NOW) - before + 1;
  const range = { first: collectFrom, last: collectFrom + before + after - 1 };
  const relays = [...simulator.relays, ...simulator.others]
    .filter(({ name }) => names.includes(name))
    .map((relay) => ({ ...relay, collectFrom, activeTo: range.last }));
  const tick = await startBoth(t, {
    seed,
    relays,
    lake: still(clock, lake),
    warehouse: still(clock, seldom(warehouse, oneLoadIn)),
    clock,
    timer: standingStill(clock),
    ...(relayLimits ? { relayLimits } : {}),
  });
  const coverage = async () => {
    const onFault = (fault: string) => t.fail(fault);
    const asked = { network, range, nowMs: clock.now() };
    const of = (dataset: AuctionDataset) =>
      relays.map(async (relay) => coverageOf(lake, asked, relay, dataset, onFault));
    return Promise.all(AUCTION.flatMap(of));
  };
  return {
    clock,
    lake,
    warehouse,
    network,
    range,
    relays,
    tick,
    coverage,
    get simulator(): Simulator {
      return simulator;
    },
    /** Ticks for so long, ms, every five minutes. */
    async tickFor(ms: number) {
      for (const end = clock.now() + ms; clock.now() < end;) {
        const next = clock.now() + TICK_MS;
        await tick();
        await clock.sleep(Math.max(0, next - clock.now()));
      }
    },
    /** Puts another simulator in place of the one there is. */
    async replace(plan: SimulatorOptions["faults"]) {
      await simulator.close();
      const port = Number(new URL(simulator.url).port);
      simulator = await startSimulator({ ...common, faults: plan, port });
    },
    /** No slot is covered with anything but the truth, nor unavailable. */
    async isTrue(when: string) {
      t.deepEqual((await compareLake(lake, simulator.truth)).differences, [], when);
      for (const { relay, dataset, unavailable } of await coverage())
        t.is(unavailable, 0, `${relay} ${dataset} ${when}`);
    },
  };
}

/** Starts both services; a tick of both at once. */
async function startBoth(t: ExecutionContext, parts: Omit<Parameters<typeof startService>[0], "dataset">) {
  const start = async (dataset: AuctionDataset) => startService({ dataset, ...parts });
  const services = await Promise.all(AUCTION.map(start));
  t.teardown(async () => Promise.all(services.map(async (service) => service.close())));
  return async () => {
    const replies = await Promise.all(services.map(async ({ service }) => service.tick(undefined)));
    for (const { status, body } of replies) t.is(status, 200, JSON.stringify(body));
  };
}

/** A folder and a DuckDB file, both new. */
export function folders(seed: number): Places {
  const folder = mkdtempSync(join(tmpdir(), "etl-ticks-"));
  const network = simulatedNetwork(seed);
  return (clock) => ({
    lake: openFolderLake(join(folder, "lake"), network.name),
    warehouse: openDuckDb(join(folder, "warehouse.duckdb"), network, { clock, log: silentLog }),
  });
}

/** The same warehouse, whose loads find nothing to do but for one in so many. */
function seldom(warehouse: Warehouse, oneIn: number): Warehouse {
  let loads = 0;
  const load: Warehouse["load"] = async (...args) =>
    loads++ % oneIn === 0 ? warehouse.load(...args) : NOTHING;
  return new Proxy(warehouse, {
    get(target, name): unknown {
      const member: unknown = name === "load" ? load : Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/**
 * The same lake or warehouse; while one of its calls is under way, time on the clock stands still: it doesn't see what threads
 * and other processes do.
 */
function still<T extends object>(clock: VirtualClock, of: T): T {
  const during = async (work: Promise<unknown>): Promise<unknown> => {
    const release = clock.hold();
    try {
      return await work;
    } finally {
      release();
    }
  };
  async function* each(items: AsyncIterable<unknown>) {
    const iterator = items[Symbol.asyncIterator]();
    for (;;) {
      const next = (await during(iterator.next())) as IteratorResult<unknown>;
      if (next.done) return;
      yield next.value;
    }
  }
  return new Proxy(of, {
    get(target, name): unknown {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: readonly unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, target, args);
        if (result instanceof Promise) return during(result);
        const isList = typeof result === "object" && result !== null && Symbol.asyncIterator in result;
        return isList ? each(result as AsyncIterable<unknown>) : result;
      };
    },
  });
}
