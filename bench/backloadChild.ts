// One side of the back-load bench: `serve` is the simulator, `work` fills a shard from them.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backload } from "../runtime/backload/backload.ts";
import { connect } from "../runtime/backload/connect.ts";
import { type PlannedRelay, planShards } from "../runtime/backload/plan.ts";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import type { SlotRange } from "../runtime/chain/slots.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import { silentLog } from "../runtime/log.ts";
import { relayOf } from "../runtime/relays/described.ts";
import { startSimulator } from "../runtime/simulator/server.ts";
import { type CpuShares, sharesOf } from "./cpuShares.ts";

/** What a worker of the bench is told. */
export interface BenchWork {
  readonly base: string;
  readonly lake: string;
  readonly index: number;
  readonly count: number;
  readonly profile: boolean;
}

/** What it tells in the end. */
export interface BenchDone {
  readonly outcome: string;
  readonly rows: number;
  /** Of the process, user and system, since the work began. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** Empty without a profile. */
  readonly shares: CpuShares;
}

const network = simulatedNetwork(1);
/** Sixteen units of 320 slots, so that four workers have four each. */
const RANGE = { first: 1_000_000 - (1_000_000 % 320), last: 1_000_000 - (1_000_000 % 320) + 5119 };
/** What each worker fills first, elsewhere: its code is compiled then, as that of one which runs for hours. */
const WARM_UP = { first: RANGE.last + 1, last: RANGE.last + 1280 };
/** A relay and its alias, which show the same: where one has nothing and another much, asking again would be waited for. */
const RELAYS = ["kestrel", "kestrel-filtered"];
/** Leaves some 300 bids a slot of its 2,200. */
const SCALE = 0.15;
/** Holds all answers, compressed. */
const CACHE_BYTES = 1 << 30;

/** Serves the simulated relays, with all answers that will be asked for made beforehand. */
async function serve(): Promise<void> {
  const head = WARM_UP.last + 1000;
  const options = { seed: 1, faults: "none", clock: systemClock, head, scale: SCALE, record: false } as const;
  const { url } = await startSimulator({ ...options, cacheBytes: CACHE_BYTES });
  for (let slot = RANGE.first; slot <= WARM_UP.last; slot++) {
    for (const relay of RELAYS) {
      const answer = await fetch(
        `${url}/${relay}/relay/v1/data/bidtraces/builder_blocks_received?slot=${slot}`,
      );
      if (!answer.ok) throw new Error(`${relay}, slot ${slot}: HTTP ${answer.status}`);
      await answer.arrayBuffer();
    }
  }
  process.send?.(url);
}

/** Fills a range, of which a worker has its shard. */
async function fill(base: string, lake: string, range: SlotRange, index: number, count: number) {
  const relays = RELAYS.map((name) =>
    relayOf({ name, url: `${base}/${name}`, pubkey: null, filtering: null, requestsPerSecond: 1e6 }),
  );
  const planned = RELAYS.map((name): PlannedRelay => ({ name, span: range, keeps: undefined }));
  const input = {
    network: network.name,
    range,
    relays: planned,
    datasets: ["bids"],
    order: "newest",
  } as const;
  const stop = new AbortController().signal;
  return backload({
    network,
    lake: openFolderLake(lake, network.name),
    clock: systemClock,
    log: silentLog,
    connected: connect(
      relays.map((relay) => ({ relay, allowPrivate: true })),
      { network, clock: systemClock, stop },
    ),
    datasets: ["bids"],
    range: planShards({ ...input, shards: count })[index]?.range,
    order: "newest",
    stop,
  });
}

async function work({ base, lake, index, count, profile }: BenchWork): Promise<void> {
  const elsewhere = await mkdtemp(join(tmpdir(), "bench-warm-up-"));
  await fill(base, elsewhere, WARM_UP, 0, 1);
  await rm(elsewhere, { recursive: true, force: true });
  process.send?.("ready");
  await once(process, "message");
  const session = new Session();
  if (profile) {
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
  }
  const before = process.cpuUsage();
  const { outcome, progress } = await fill(base, lake, RANGE, index, count);
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const shares = profile ? sharesOf((await session.post("Profiler.stop")).profile, cpuSeconds) : {};
  const done: BenchDone = {
    outcome,
    rows: progress.reduce((sum, { rows }) => sum + rows, 0),
    cpuSeconds,
    peakMb: process.resourceUsage().maxRSS / 1024,
    shares,
  };
  process.send?.(done, () => process.exit(0));
}

const [, , what, told = "{}"] = process.argv;
if (what === "serve") await serve();
else await work(JSON.parse(told) as BenchWork);
