import { type Shard, answerable, planShards } from "../runtime/backload/plan.ts";
import { bidsRequests, payloadRequests } from "../runtime/backload/expectedRequests.ts";
import { expectedEmpties, expectedRows } from "../runtime/backload/expectedRows.ts";
import { bytesOf, fleetHourUsd, ROWS_A_CORE_SECOND, WORKER_CORES } from "../runtime/backload/work.ts";
import { prices } from "../runtime/prices.ts";
import { segmentsOf } from "../runtime/backload/shard.ts";
import { type SlotRange, intersect, slotCount } from "../runtime/chain/slots.ts";
import { VirtualClock } from "../runtime/chain/virtualClock.ts";
import { AUCTION, datasets } from "../runtime/datasets/dataset.ts";
import { Pace } from "../runtime/relays/http/pace.ts";
import { HISTORY, mainnetPlan } from "./backload.ts";
import { Random } from "../runtime/simulator/random.ts";

const SHARDS = 1000;
const FLEETS = [20, 200];
/** Fleets that are tried to find where more workers are of no more use. */
const DOUBLINGS = [20, 40, 80, 160, 320, 640, 1280];
/** A doubling that saves less of the time than this is of no more use. */
const WORTHWHILE = 0.2;
type EmptiesOf = (relay: string, part: SlotRange) => number;
/** Slots of a relay's part of a shard without bids, which are asked twice: as the planner assumes. */
const ASSUMED: EmptiesOf = (relay, part) => expectedEmpties("mainnet", relay, part);
/** The ends between which the truth lies: none, and all but one of twenty throughout. */
const EXTREMES: Readonly<Record<string, EmptiesOf>> = {
  no_empties: () => 0,
  quiet: (_, part) => 0.95 * slotCount(part),
};
/** Requests a second that one relay answers in all: what the reference software did with four at once (facts: relay-data-api §7). */
const RELAY_CAPACITY = 195;
const LATENCY_MS = 300;
/** Turns of the real pace by which its steady rate is found, after as many to settle. */
const TURNS = 600;
const DAY_S = 86_400;
/** A pod's start on a node that is there, and on a new one after a preemption, s. */
const POD_START_S = 20;
const NODE_START_S = 180;

/** What a worker of a fleet of some size gets out of a relay. */
interface Borne {
  /** Answers a second. */
  readonly rate: number;
  /** Requests a request's answer takes, refusals among them. */
  readonly cost: number;
}

/** What a fleet did. */
interface FleetRun {
  days: number;
  requests: number;
  listCalls: number;
  objects: number;
  preemptions: number;
  /** Part of the workers' time in which they had a shard. */
  busy: number;
}

/**
 * The whole history by fleets of spot nodes, each preempted once a day, on a virtual clock. The shards are the real
 * planner's. How fast a worker gets answers from a relay is found by the real pace, asking a relay that lets each address
 * have the directory's rate and all of them together what one server can do; shards are then gone through at that rate,
 * relay by relay side by side.
 */
export async function benchBackloadSimulation(): Promise<Record<string, number>> {
  const { relays, planned } = mainnetPlan();
  const plan = { network: "mainnet", range: HISTORY, relays: planned, datasets: AUCTION } as const;
  const shards = planShards({ ...plan, shards: SHARDS, order: "newest" });
  const figures: Record<string, number> = {
    backload_sim_slots: slotCount(HISTORY),
    backload_sim_shards: SHARDS,
  };
  const workFor = (borne: ReadonlyMap<string, Borne>, emptiesOf: EmptiesOf) =>
    shards.map((shard) => workOf(shard, relays, planned, borne, emptiesOf));
  const days = new Map<number, number>();
  const known = new Map<string, Borne>();
  for (const workers of new Set([...FLEETS, ...DOUBLINGS])) {
    const borne = new Map<string, Borne>();
    for (const { name, requestsPerSecond } of relays) {
      const limit = Math.min(requestsPerSecond, RELAY_CAPACITY / workers);
      const key = `${requestsPerSecond} ${limit}`;
      const found = known.get(key) ?? (await borneBy(requestsPerSecond, limit));
      known.set(key, found);
      borne.set(name, found);
    }
    const work = workFor(borne, ASSUMED);
    const run = await simulate(work, borne, workers);
    days.set(workers, run.days);
    if (!FLEETS.includes(workers)) continue;
    Object.assign(figures, told(run, workers, work));
    for (const [extreme, emptiesOf] of Object.entries(EXTREMES)) {
      const other = await simulate(workFor(borne, emptiesOf), borne, workers);
      figures[`backload_sim_${workers}_${extreme}_days`] = other.days;
      figures[`backload_sim_${workers}_${extreme}_requests_m`] = other.requests / 1e6;
    }
  }
  const useless = DOUBLINGS.find((workers) => {
    const [now, doubled] = [days.get(workers), days.get(2 * workers)];
    return now !== undefined && doubled !== undefined && doubled > now * (1 - WORTHWHILE);
  });
  const [few = 1, many = 1] = FLEETS;
  figures["backload_sim_speedup_10x_workers"] = (days.get(few) ?? 0) / (days.get(many) ?? 1);
  figures["backload_sim_no_faster_from_workers"] = useless ?? Number.NaN;
  const free = new Map(relays.map(({ name, requestsPerSecond: rate }) => [name, { rate, cost: 1 }]));
  const seconds = workFor(free, ASSUMED).flatMap((shard) =>
    shard.relays.map(({ name, requests }) => requests / (free.get(name)?.rate ?? 1)),
  );
  figures["backload_sim_longest_shard_days"] = Math.max(...seconds) / DAY_S;
  return figures;
}

/** What one shard takes: of each relay, and of the worker. */
interface ShardWork {
  readonly relays: readonly { readonly name: string; readonly requests: number; readonly bids: number }[];
  readonly rows: number;
  readonly objects: number;
  /** List calls of one going through the shard. */
  readonly lists: number;
  readonly lakeBytes: number;
}

function workOf(
  { range }: Shard,
  relays: ReturnType<typeof mainnetPlan>["relays"],
  planned: ReturnType<typeof mainnetPlan>["planned"],
  borne: ReadonlyMap<string, Borne>,
  emptiesOf: EmptiesOf,
): ShardWork {
  let [rows, objects, lists, lakeBytes] = [0, 0, 0, 0];
  const asked = relays.flatMap((relay, at) => {
    const of = planned[at];
    const kept = of && answerable(of, HISTORY);
    const part = range && kept && intersect(range, kept);
    if (!part) return [];
    const slots = slotCount(part);
    const expected = (name: "bids" | "payloads") =>
      expectedRows("mainnet", relay.name, name, part, relays.length);
    const [bids, payloads] = [expected("bids"), expected("payloads")];
    rows += bids + payloads;
    lakeBytes += bids * bytesOf("lake", "bids") + payloads * bytesOf("lake", "payloads");
    for (const name of AUCTION) {
      objects += Math.ceil(slots / datasets[name].chunkSlots);
      // Before it is filled, and when the shard is checked.
      lists += 2 * segmentsOf(part).length;
    }
    const requests =
      bidsRequests(slots, emptiesOf(relay.name, part), borne.get(relay.name)?.rate ?? 1) +
      payloadRequests(payloads, relay.payloadLimit, segmentsOf(part).length);
    return [{ name: relay.name, requests, bids: slots }];
  });
  return { relays: asked, rows, objects, lists, lakeBytes };
}

/** Runs the real pace, set to a rate, against a relay that refuses what is above a limit; how fast and how cleanly it ends up. */
async function borneBy(rate: number, limit: number): Promise<Borne> {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const pace = new Pace(rate, clock);
  let [tokens, filledAt, turns, answered] = [1, 0, 0, 0];
  let settledAt = 0;
  const worker = async () => {
    while (turns < 2 * TURNS) {
      const turn = await pace.turn();
      if (turns++ === TURNS) [settledAt, answered] = [clock.monotonic(), 0];
      await clock.sleep(LATENCY_MS);
      const now = clock.monotonic();
      tokens = Math.min(Math.max(1, limit), tokens + ((now - filledAt) * limit) / 1000);
      filledAt = now;
      if (tokens < 1) {
        pace.refused(turn);
        continue;
      }
      tokens--;
      answered++;
      pace.succeeded(turn);
    }
  };
  await Promise.all(Array.from({ length: Math.ceil((rate * LATENCY_MS) / 1000) + 1 }, worker));
  return { rate: (1000 * answered) / (clock.monotonic() - settledAt), cost: TURNS / answered };
}

/** Lets a fleet go through all shards, first come, first served, each worker preempted at random once a day. */
async function simulate(
  shards: readonly ShardWork[],
  borne: ReadonlyMap<string, Borne>,
  workers: number,
): Promise<FleetRun> {
  const clock = new VirtualClock(0, { idleMs: 0 });
  const queue = [...shards];
  const run: FleetRun = { days: 0, requests: 0, listCalls: 0, objects: 0, preemptions: 0, busy: 0 };
  let [busySeconds, endedAt] = [0, 0];
  const secondsOf = ({ relays, rows }: ShardWork, left: number) =>
    Math.max(
      (left * rows) / (WORKER_CORES * ROWS_A_CORE_SECOND),
      ...relays.map(({ name, requests }) => (left * requests) / (borne.get(name)?.rate ?? 1)),
    );
  const worker = async (number: number) => {
    const random = new Random(1, workers, number);
    const nextPreemption = () => clock.monotonic() / 1000 - Math.log(1 - random.unit()) * DAY_S;
    let preemptedAt = nextPreemption();
    for (let shard = queue.shift(); shard; shard = queue.shift()) {
      let left = 1;
      const began = clock.monotonic();
      await clock.sleep(POD_START_S * 1000);
      while (left > 0) {
        const all = secondsOf(shard, left);
        const until = preemptedAt - clock.monotonic() / 1000;
        if (until >= all) {
          await clock.sleep(all * 1000);
          left = 0;
          continue;
        }
        await clock.sleep(Math.max(0, until) * 1000);
        const done = all === 0 ? 0 : (left * Math.max(0, until)) / all;
        left -= done;
        // Half a chunk of each relay that was read and not yet written is read again, and the shard listed up to here.
        for (const { requests } of shard.relays) {
          const again = Math.min(16, (1 - left) * requests);
          run.requests += again;
        }
        const slots = Math.max(1, ...shard.relays.map(({ bids }) => bids));
        left = Math.min(1, left + Math.min(16, (1 - left) * slots) / slots);
        run.listCalls += Math.ceil(shard.lists * (1 - left)) / 2;
        run.objects += shard.relays.length;
        run.preemptions++;
        await clock.sleep(NODE_START_S * 1000);
        preemptedAt = nextPreemption();
      }
      for (const { name, requests } of shard.relays) run.requests += requests * (borne.get(name)?.cost ?? 1);
      run.listCalls += shard.lists;
      run.objects += shard.objects;
      busySeconds += (clock.monotonic() - began) / 1000;
      endedAt = Math.max(endedAt, clock.monotonic());
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, number) => worker(number)));
  run.days = endedAt / 1000 / DAY_S;
  run.busy = busySeconds / (workers * run.days * DAY_S);
  return run;
}

function told(run: FleetRun, workers: number, work: readonly ShardWork[]): Record<string, number> {
  const { days, requests, listCalls, objects, preemptions, busy } = run;
  const gb = work.reduce((sum, { lakeBytes }) => sum + lakeBytes, 0) / 1e9;
  // The pool shrinks as workers run out of shards: a node costs while it has one.
  const nodes = 24 * days * fleetHourUsd(workers * busy);
  const at = (name: string) => `backload_sim_${workers}_${name}`;
  return {
    [at("days")]: days,
    [at("requests_m")]: requests / 1e6,
    [at("object_writes_m")]: objects / 1e6,
    [at("list_calls")]: listCalls,
    [at("preemptions")]: preemptions,
    [at("busy_share")]: busy,
    [at("lake_gb")]: gb,
    [at("storage_usd_month")]: ((gb * 1e9) / 2 ** 30) * prices.bucketStorage.usd,
    [at("cost_usd")]: nodes + (objects + listCalls) * prices.bucketWrites.usd,
  };
}
