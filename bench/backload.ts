import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planShards, plannedRelay } from "../runtime/backload/plan.ts";
import { findNetwork } from "../runtime/chain/networks.ts";
import { AUCTION } from "../runtime/datasets/dataset.ts";
import { ONE_CORE_FLAGS } from "../runtime/heap.ts";
import { directoryOf } from "../runtime/relays/directory.ts";
import type { BenchDone, BenchWork } from "./backloadChild.ts";
import { median } from "./rounds.ts";

/** The history of mainnet until August 2026. */
export const HISTORY = { first: 4_700_567, last: 15_029_999 };
const ROUNDS = 3;
const WORKERS = 4;

/** The relays of mainnet that are asked, as a plan takes them. */
export function mainnetPlan() {
  const mainnet = findNetwork("mainnet", 0);
  if (!mainnet) throw new Error("no mainnet");
  const relays = directoryOf("mainnet").filter(({ state }) => state === "active");
  return { relays, planned: relays.map((relay) => plannedRelay(mainnet, relay)) };
}

/** Seconds for a plan of the whole history in a thousand shards. */
export async function benchPlan(): Promise<Record<string, number>> {
  const { planned } = mainnetPlan();
  const input = { network: "mainnet", range: HISTORY, relays: planned, datasets: AUCTION } as const;
  const seconds: number[] = [];
  for (let round = 0; round < 9; round++) {
    const start = performance.now();
    planShards({ ...input, shards: 1000, order: "newest" });
    seconds.push((performance.now() - start) / 1000);
  }
  return { backload_plan_relays: planned.length, backload_plan_1000_shards_s: median(seconds) };
}

/**
 * One worker against four on this machine, in turns, over the same 5,120 slots of each of two relays that set no limit. The
 * simulator serves them from its cache: it made its answers beforehand, so that the workers are what is measured. Start-up
 * isn't counted, nor is a warm-up of 1,280 slots. `backload_cpu_*` are the parts of one worker's processor time, in a run of
 * its own.
 */
export async function benchBackload(): Promise<Record<string, number>> {
  const child = join(import.meta.dirname, "backloadChild.ts");
  const options = { execArgv: ["--import=tsx"] };
  const server = fork(child, ["serve"], options);
  try {
    const [base] = (await once(server, "message")) as [string];
    const run = (count: number, profile = false) => fleet(child, base, count, profile);
    const ones: number[] = [];
    const fours: number[] = [];
    const peaks: number[] = [];
    let rows = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const [one, four] =
        round % 2 === 0 ? [await run(1), await run(WORKERS)] : swapped(await run(WORKERS), await run(1));
      ones.push(one.seconds);
      fours.push(four.seconds);
      peaks.push(...one.peaks, ...four.peaks);
      ({ rows } = one);
      if (four.rows !== rows) throw new Error(`four workers brought ${four.rows} rows, one ${rows}`);
    }
    const profiled = await run(1, true);
    const shares = Object.entries(profiled.shares).map(
      ([kind, share]) => [`backload_cpu_${kind}`, share] as const,
    );
    return {
      backload_rows_per_s_1_worker: rows / median(ones),
      backload_rows_per_s_4_workers: rows / median(fours),
      backload_4_workers_to_1: median(ones.map((seconds, round) => seconds / (fours[round] ?? Number.NaN))),
      backload_1_worker_cores: profiled.cpuSeconds / profiled.seconds,
      backload_worker_peak_mb: Math.max(...peaks),
      ...Object.fromEntries(shares),
    };
  } finally {
    server.kill("SIGKILL");
  }
}

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rows: number;
  readonly peaks: readonly number[];
  readonly shares: Readonly<Record<string, number>>;
}

function swapped<T>(a: T, b: T): [T, T] {
  return [b, a];
}

/** Starts workers, lets them go together, and waits for the last. */
async function fleet(child: string, base: string, count: number, profile: boolean): Promise<Run> {
  const lake = await mkdtemp(join(tmpdir(), "bench-backload-"));
  try {
    const workers: ChildProcess[] = [];
    for (let index = 0; index < count; index++) {
      const work: BenchWork = { base, lake, index, count, profile };
      const worker = fork(child, ["work", JSON.stringify(work)], {
        execArgv: ["--import=tsx", ...ONE_CORE_FLAGS],
      });
      await once(worker, "message");
      workers.push(worker);
    }
    const start = performance.now();
    const done = await Promise.all(
      workers.map(async (worker) => {
        worker.send("go");
        const [told] = (await once(worker, "message")) as [BenchDone];
        if (told.outcome !== "done") throw new Error(`a worker ended with ${told.outcome}`);
        return told;
      }),
    );
    return {
      seconds: (performance.now() - start) / 1000,
      cpuSeconds: done.reduce((sum, one) => sum + one.cpuSeconds, 0),
      rows: done.reduce((sum, one) => sum + one.rows, 0),
      peaks: done.map(({ peakMb }) => peakMb),
      shares: done[0]?.shares ?? {},
    };
  } finally {
    await rm(lake, { recursive: true, force: true });
  }
}
