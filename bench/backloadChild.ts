// One side of the back-load bench: `serve` hands out answers that are ready, `work` fills a shard from them.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { Session } from "node:inspector/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { backload } from "../runtime/backload/backload.ts";
import { connect } from "../runtime/backload/connect.ts";
import { type PlannedRelay, planShards } from "../runtime/backload/plan.ts";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import type { SlotRange } from "../runtime/chain/slots.ts";
import { openFolderLake } from "../runtime/lake/folder.ts";
import { silentLog } from "../runtime/log.ts";
import { relayOf } from "../runtime/relay/described.ts";
import { bodyOf } from "../runtime/simulator/bodies.ts";
import { ask } from "../runtime/simulator/dialects.ts";
import { SimulatedData } from "../runtime/simulator/truth.ts";
import { type Shares, sharesOf } from "./cpuShares.ts";

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
  readonly shares: Shares;
}

const network = simulatedNetwork(1);
/** Sixteen units of 320 slots, so that four workers have four each. */
const RANGE = { first: 1_000_000 - (1_000_000 % 320), last: 1_000_000 - (1_000_000 % 320) + 5119 };
/** What each worker fills first, elsewhere: its code is compiled then, as that of one which runs for hours. */
const WARM_UP = { first: RANGE.last + 1, last: RANGE.last + 320 };
const RELAYS = ["one", "two"];
/** The relay whose rows both show: some 300 bids a slot. */
const MODEL = "heron";

async function serve(): Promise<void> {
  const data = new SimulatedData({ seed: 1, clock: systemClock, head: WARM_UP.last + 1000 });
  const bodies = new Map<number, Buffer>();
  for (let slot = RANGE.first - 4; slot <= WARM_UP.last; slot++) {
    const answer = ask(data, MODEL, "bids", new URLSearchParams({ slot: String(slot) }), 0);
    if ("status" in answer) throw new Error(answer.message);
    bodies.set(slot, gzipSync(bodyOf(answer.rows, true).plain));
  }
  const server = createServer((request, response) => {
    const body = bodies.get(Number(/slot=(\d+)$/.exec(request.url ?? "")?.[1]));
    if (!body) return void response.writeHead(404).end();
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    response.writeHead(200, { ...headers, "content-length": body.length }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
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
