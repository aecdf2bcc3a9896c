import { type SlotRange, intersect, slotCount } from "../chain/slots.ts";
import { bids } from "../datasets/dataset.ts";
import type { Coverage } from "../collect/coverage.ts";
import { target } from "../collect/plan.ts";
import { type TickMemory, tick } from "../tick/tick.ts";
import { takeableSlot } from "../tick/windows.ts";
import { collect } from "../collect/run.ts";
import type { Tally } from "../collect/tally.ts";
import { UserError, printable } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import { type Asking, startAsking } from "./asking.ts";
import { type Context, contextOf, lakeOf, rangeOf, stopSignal, tellRange } from "./context.ts";
import { coverageTables, coverageLines } from "./coverageTable.ts";
import { canonicalOf, settleBy } from "./canonical.ts";
import { type Loaded, loadInto, openWarehouse } from "./load.ts";
import type { CommonOptions } from "./options.ts";
import { rangeText } from "./range.ts";
import { progressOn } from "./progress.ts";
import { coverageOfAll, exitCodeOf } from "./summary.ts";
import { type Unasked, unaskedBeside, unaskedJson, unaskedLines } from "./unasked.ts";

/** Slots that `run` collects when it isn't told which. */
const DEFAULT_LAST = 64;
/** Time between two ticks of `--follow`. */
const TICK_MS = 5 * 60 * 1000;
/** A tick asks nothing more after this time, so that it has ended when the next is due. */
const TICK_DEADLINE_MS = 4 * 60 * 1000;

type RunOptions = CommonOptions & { follow: boolean };

/** What is collected: these slots of these relays, into this lake, until it is to stop. */
interface Collecting {
  readonly lake: Lake;
  readonly asking: Asking;
  readonly range: SlotRange;
  readonly stop: AbortSignal;
}

/** What a pass has done. */
interface Done {
  readonly tallies: readonly Tally[];
  readonly loaded: Pick<Loaded, "rows" | "warehouse" | "failed"> | undefined;
}

/** `run`: collect what is missing, load it, say what is covered. Returns the exit code. */
export async function run(options: RunOptions): Promise<number> {
  const context = contextOf(options);
  if (options.to && !options.from)
    throw new UserError(
      `--to ${options.to.text} alone begins at slot ${context.network.floor}: say with --from where to begin`,
      { exitCode: 2 },
    );
  const range = rangeOf(options, context) ?? rangeOf({ ...options, last: DEFAULT_LAST }, context);
  if (!range) throw new UserError("no slots to collect", { exitCode: 2 });
  const lake = await lakeOf(options, context.network);
  const stop = stopSignal(context.note);
  const asking = await startAsking(options, context, stop);
  try {
    const collecting = { lake, asking, range, stop };
    return await (options.follow ? follow : once)(options, context, collecting);
  } finally {
    await asking.close();
  }
}

async function once(options: RunOptions, context: Context, collecting: Collecting): Promise<number> {
  const { network, clock, log, datasets } = context;
  const { lake, asking, range, stop } = collecting;
  tellRange(options, context, range);
  return pass(options, context, collecting, async (onTally) => {
    const { sources } = asking;
    const tallies = await collect({ network, lake, clock, log, sources, datasets, range, stop, onTally });
    const loaded = stop.aborted ? undefined : await loadInto(options, context, lake, asking.relays);
    return { tallies, loaded };
  });
}

/** One pass over the relays, with progress while it lasts and a summary at its end. Returns the exit code. */
async function pass(
  options: RunOptions,
  context: Context,
  collecting: Collecting,
  work: (onTally: (tally: Tally) => void) => Promise<Done>,
): Promise<number> {
  const { network, clock, datasets, say } = context;
  const { lake, asking, range } = collecting;
  const started = clock.monotonic();
  const inRange = (name: string) => {
    const relay = asking.relays.find((relay) => relay.name === name);
    const wanted = relay && target(network, relay, clock.now());
    const asked = wanted && intersect(wanted, range);
    return asked ? slotCount(asked) * datasets.length : 0;
  };
  const progress = progressOn(process.stderr, options.quiet, asking.clients, inRange);
  let done;
  try {
    done = await work((tally) => progress.add(tally));
  } finally {
    progress.stop();
  }
  const { tallies, loaded } = done;
  const { coverage, faults } = await coverageOfAll(
    lake,
    { network, range, nowMs: clock.now() },
    asking.relays,
    datasets,
  );
  const summary = summaryOf(asking, (clock.monotonic() - started) / 1000);
  // Ticks ask for gaps between what is stored whenever they meet one.
  const scope = { network, range, nowMs: clock.now() };
  const unasked = options.follow ? [] : await unaskedBeside(lake, scope, asking.relays, datasets);

  for (const tally of tallies) sayTrouble(tally, asking, say);
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ coverage, ...summary, loaded_rows: loaded?.rows ?? 0, unasked: unaskedJson(unasked, options) })}\n`,
    );
  else printSummary(options, context, collecting, { coverage, ...summary, loaded, unasked });
  // Where nothing is covered there is nothing to see, and why has been said.
  if (loaded && !options.follow && coverage.some(({ covered }) => covered > 0)) {
    const { reportOfRun } = await import("./report.ts");
    const page = await reportOfRun(options, context, lake, range);
    if (page !== undefined && !options.json) context.print(`report: ${page}\n`);
  }
  const troubles = new Set([
    ...faults,
    ...tallies.flatMap((tally) => tally.faults),
    ...(loaded?.failed ?? []),
  ]);
  for (const trouble of troubles) say(trouble);
  return troubles.size > 0 ? 1 : exitCodeOf(coverage);
}

function printSummary(
  options: RunOptions,
  { network, print }: Context,
  { lake, asking, range }: Collecting,
  summary: ReturnType<typeof summaryOf> &
    Pick<Done, "loaded"> & { coverage: readonly Coverage[]; unasked: readonly Unasked[] },
): void {
  const { coverage, requests, retries, bytes, seconds, loaded, unasked } = summary;
  const table = coverageTables(coverage, (row) => retriesOf(row, asking));
  print(`${options.follow ? `${network.name}, ${rangeText(network, range)}\n` : ""}\n${table}\n\n`);
  for (const line of [...coverageLines(coverage), ...unaskedLines(network, unasked, options)])
    print(`${line}\n`);
  print(`${requests} requests, ${retries} retries, ${megabytes(bytes)} MB in ${seconds.toFixed(1)} s; `);
  print(loaded ? `${loaded.rows} rows loaded into ${loaded.warehouse}\n` : "nothing loaded: stopped\n");
  print(`lake: ${lake.url}\n`);
  if (!options.follow) print(nextCommands(options, loaded?.warehouse));
}

async function follow(options: RunOptions, context: Context, collecting: Collecting): Promise<number> {
  const { network, clock, log, datasets } = context;
  const { lake, asking, range, stop } = collecting;
  const canonical = await canonicalOf(options, context);
  const warehouse = await openWarehouse(options, context);
  let previous: TickMemory | undefined;
  let code = 0;
  try {
    while (!stop.aborted) {
      for (const client of asking.clients.values()) client.revive();
      const last = takeableSlot(network, bids, clock.now());
      const grown = { first: Math.min(range.first, last), last };
      code = await pass(options, context, { ...collecting, range: grown }, async (onTally) => {
        const done = await tick({
          network,
          lake,
          warehouse,
          clock,
          log,
          datasets,
          previous,
          stop,
          onTally,
          relays: asking.relays,
          sources: (until) => asking.sourcesUntil(until),
          deadlineMs: TICK_DEADLINE_MS,
          intervalMs: TICK_MS,
          firstSlot: range.first,
        });
        previous = done.memory;
        const { loaded } = done;
        const unloaded = loaded?.failed.map(({ error }) => printable(error, 500)) ?? [];
        const failed = [...unloaded, ...(loaded ? await settleBy(canonical, warehouse, context) : [])];
        return {
          tallies: done.tallies,
          loaded: loaded && { rows: loaded.rows, warehouse: warehouse.url, failed },
        };
      });
      try {
        await clock.sleep(TICK_MS, stop);
      } catch (error) {
        if (!stop.aborted) throw error;
      }
    }
  } finally {
    await warehouse.close();
  }
  return code;
}

function summaryOf(asking: Asking, seconds: number) {
  const sum = { requests: 0, retries: 0, bytes: 0, seconds };
  for (const { counters } of asking.clients.values()) {
    sum.requests += counters.requests;
    sum.retries += counters.retries;
    sum.bytes += counters.bytes;
  }
  return sum;
}

/** A relay's datasets share one client, which counts retries by what was asked for. */
function retriesOf(row: Coverage, asking: Asking): number {
  const counters = asking.clients.get(row.relay)?.counters;
  return (row.dataset === "bids" ? counters?.bidsRetries : counters?.payloadsRetries) ?? 0;
}

function sayTrouble(tally: Tally, asking: Asking, say: (line: string) => void): void {
  const { relay, lastError, bids, payloads } = tally;
  if (lastError === undefined) return;
  const unread = bids.failed + payloads.failed;
  const why = asking.clients.get(relay)?.downWhy;
  if (why) say(`${printable(why.message, 300)}: it is down, and its slots stay missing`);
  else say(`${printable(lastError, 300)}: ${unread} slots stay missing; run again`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function nextCommands(options: RunOptions, warehouse: string | undefined): string {
  const words = [
    ...(options.network === "simulated" ? [] : ["--network", options.network]),
    ...(options.seed === 1 ? [] : ["--seed", String(options.seed)]),
    ...(options.lake === "data/lake" ? [] : ["--lake", options.lake]),
  ];
  const place = words.map((word) => ` ${word}`).join("");
  const file = options.warehouse === undefined ? "" : ` --warehouse ${options.warehouse}`;
  const lines = [
    "next:",
    `  npm start -- coverage${place}`,
    `  npm start -- recheck${place}${file} --sample 0.1`,
  ];
  if (warehouse !== undefined) {
    const network = place.replace(/ --lake \S+/, "");
    lines.push(`  npm start -- check${network}${file}`);
    lines.push(`  npm start -- export${network}${file} --partial --out data/parquet`);
  }
  return `${lines.join("\n")}\n`;
}
