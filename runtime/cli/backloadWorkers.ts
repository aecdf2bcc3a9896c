import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { type BackloadCommandOptions, startRelays } from "./backloadRelays.ts";
import { type RelayProgress, together } from "../backload/progress.ts";
import { MAX_SHARDS } from "../settings/shared.ts";
import { type Shares, divideRates, smaller } from "../backload/shares.ts";
import type { SlotRange } from "../chain/slots.ts";
import { UserError, printable } from "../errors.ts";
import { ONE_CORE_FLAGS } from "../heap.ts";
import { progressLines, ratesTable } from "./backloadProgress.ts";
import { FLUSH_MS, type FleetMessage, type WorkerMessage } from "./backloadWorker.ts";
import { type Context, lakeOf, stopSignal, tellRange } from "./context.ts";
import { coverageTables, coverageLines } from "./coverageTable.ts";
import { coverageOfAll } from "../collect/coverageOfAll.ts";
import { exitCodeOf } from "./summary.ts";

/** A worker that was killed is started again; one that is killed more often than this has something else wrong with it. */
const RESTARTS = 5;
/** Workers' parts of the relays' rates follow what they have left at this distance, ms … */
const DIVIDE_EVERY_MS = 5000;
/** … and who is given more takes it so much later, ms: by then the others have given it back. */
const TAKE_AFTER_MS = 1000;

/**
 * `backload --workers N`: a process a shard, as in a cluster, but with one address and so one rate for all, divided by what
 * each has left; one progress display, and one result.
 */
export async function runWorkers(
  options: BackloadCommandOptions,
  context: Context,
  range: SlotRange,
  count: number,
): Promise<number> {
  const { network, clock, log, datasets, say, note, print } = context;
  if (count > MAX_SHARDS) throw new UserError(`--workers ${count}: at most ${MAX_SHARDS}`, { exitCode: 2 });
  const lake = await lakeOf(options, network);
  const relays = await startRelays(options, context);
  const stop = stopSignal(note);
  tellRange(options, context, range);
  const started = clock.monotonic();
  const fleet = new Fleet(count, workerArguments(options, range, relays.base, count), options.quiet, stop);
  const stopShowing = progressLines(process.stderr, options.quiet, log, () => fleet.progress());
  let codes: readonly number[];
  try {
    codes = await fleet.run();
  } finally {
    stopShowing();
    await relays.close();
  }
  const seconds = (clock.monotonic() - started) / 1000;
  const active = relays.chosen.map(({ relay }) => relay).filter(({ state }) => state === "active");
  const { coverage, faults } = stop.aborted
    ? { coverage: [], faults: [] }
    : await coverageOfAll(lake, { network, range, nowMs: clock.now() }, active, datasets);
  const progress = fleet.progress();
  if (options.json) {
    const told = { order: options.order, workers: count, exit_codes: codes };
    const relaysTold = { relays: progress, coverage, faults };
    process.stdout.write(`${JSON.stringify({ range, ...told, seconds, ...relaysTold })}\n`);
  } else {
    print(`${count} workers, ${options.order} first\n\n`);
    if (coverage.length > 0) print(`${coverageTables(coverage)}\n\n`);
    print(`${ratesTable(progress, seconds)}\n\nlake: ${lake.url}\n`);
    for (const line of coverageLines(coverage)) print(`${line}\n`);
  }
  for (const line of new Set([...fleet.said, ...faults])) say(line);
  if (stop.aborted) return 3;
  for (const worst of [2, 1]) if (codes.includes(worst)) return worst;
  return faults.length > 0 ? 1 : Math.max(exitCodeOf(coverage), ...codes);
}

/** The command line of a worker, but for its shard. */
function workerArguments(
  options: BackloadCommandOptions,
  range: SlotRange,
  base: string | undefined,
  count: number,
): string[] {
  const { network, relay, dataset, lake, rate, seed, now, order, timeLimit } = options;
  const named: Record<string, string | number | undefined> = {
    network,
    dataset: dataset?.join(","),
    slots: `${range.first}-${range.last}`,
    lake,
    rate,
    seed,
    now,
    order,
    "time-limit": timeLimit,
    simulator: base,
    share: (1 / count).toFixed(6),
  };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return [
    "backload",
    ...given.flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...relay.flatMap((spec) => ["--relay", spec]),
    ...(options.relayLimit ?? []).flatMap((spec) => ["--relay-limit", spec]),
    ...(options.relayHeader ?? []).flatMap((spec) => ["--relay-header", spec]),
    ...(options.quiet ? ["--quiet"] : []),
  ];
}

/** The workers of one machine. */
class Fleet {
  readonly #arguments: readonly string[];
  readonly #quiet: boolean;
  readonly #stop: AbortSignal;
  readonly #children: (ChildProcess | undefined)[];
  readonly #progress: (readonly RelayProgress[])[];
  /** Progress of processes that were killed, which their successors don't know of. */
  readonly #before: (readonly RelayProgress[])[] = [];
  #shares: Shares | undefined;
  /** What the workers had to say to the person. */
  readonly said = new Set<string>();

  constructor(count: number, args: readonly string[], quiet: boolean, stop: AbortSignal) {
    this.#arguments = args;
    this.#quiet = quiet;
    this.#stop = stop;
    this.#children = Array.from({ length: count }, () => undefined);
    this.#progress = Array.from({ length: count }, () => []);
  }

  progress(): RelayProgress[] {
    return together([...this.#before, ...this.#progress]);
  }

  /** Starts all workers and waits for their end; their exit codes, by shard. */
  async run(): Promise<number[]> {
    const dividing = setInterval(() => this.#divide(), DIVIDE_EVERY_MS);
    const onStop = () => this.#children.forEach((child) => child?.kill("SIGTERM"));
    this.#stop.addEventListener("abort", onStop, { once: true });
    try {
      return await Promise.all(this.#children.map((_, shard) => this.#keepRunning(shard)));
    } finally {
      clearInterval(dividing);
      this.#stop.removeEventListener("abort", onStop);
    }
  }

  async #keepRunning(shard: number): Promise<number> {
    for (let starts = 0; ; starts++) {
      const { code, signal } = await this.#start(shard);
      if (code !== null) return code;
      if (this.#stop.aborted) return 3;
      this.said.add(`shard ${shard}/${this.#children.length}: its process was ended by ${signal}`);
      if (starts >= RESTARTS) return 1;
      const killed = this.#progress[shard] ?? [];
      // What it did counts; how far it had come its successor finds in the lake.
      this.#before.push(killed.map((progress) => ({ ...progress, slots: 0, done: 0, failed: 0, left: 0 })));
      this.#progress[shard] = [];
    }
  }

  async #start(shard: number): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const name = `${shard}/${this.#children.length}`;
    const [, entry = ""] = process.argv;
    const child = fork(entry, [...this.#arguments, "--shard", name], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: [...process.execArgv, ...ONE_CORE_FLAGS],
    });
    this.#children[shard] = child;
    child.on("message", (message: WorkerMessage) => {
      this.#progress[shard] = message.progress;
    });
    const { stderr } = child;
    if (stderr) createInterface({ input: stderr }).on("line", (line) => this.#hear(name, line));
    // A stop that came while the process was being started.
    if (this.#stop.aborted) child.kill("SIGTERM");
    const late = () => setTimeout(() => child.kill("SIGKILL"), FLUSH_MS + 5000).unref();
    this.#stop.addEventListener("abort", late, { once: true });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        this.#children[shard] = undefined;
        this.#stop.removeEventListener("abort", late);
        resolve({ code, signal });
      });
    });
  }

  /** Logs go through; what a worker says to the person is said once, at the end, for all that say it. */
  #hear(name: string, line: string): void {
    if (!line.startsWith("{")) this.said.add(printable(line.replaceAll(`shard ${name}: `, ""), 2000));
    else if (!this.#quiet && !process.stderr.isTTY) process.stderr.write(`${line}\n`);
  }

  #divide(): void {
    const before = this.#shares;
    const shares = divideRates(
      this.#children.map((child, shard) => (child && child.connected ? this.#progress[shard] : undefined)),
    );
    this.#shares = shares;
    this.#tell(before ? smaller(shares, before) : smaller(shares, this.#even(shares)));
    setTimeout(() => this.#tell(shares), TAKE_AFTER_MS).unref();
  }

  #even(shares: Shares): Shares {
    return shares.map((mine) =>
      Object.fromEntries(Object.keys(mine).map((relay) => [relay, 1 / shares.length])),
    );
  }

  #tell(shares: Shares): void {
    shares.forEach((mine, shard) => {
      const message: FleetMessage = { shares: mine };
      const child = this.#children[shard];
      if (child?.connected && Object.keys(mine).length > 0) child.send(message);
    });
  }
}
