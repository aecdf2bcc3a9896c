import { AUCTION } from "../datasets/dataset.ts";
import { type BackloadCommandOptions, startRelays } from "./backloadRelays.ts";
import { type SlotRange, settledSlot, type Order } from "../chain/slots.ts";
import { type BackloadResult, backload } from "../backload/backload.ts";
import { connect } from "../backload/connect.ts";
import { planShards, plannedRelay } from "../backload/plan.ts";
import { type ShardNumber, parseShard } from "../backload/shard.ts";
import { withTimeLimit } from "../chain/timeLimit.ts";
import { UserError, printable } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import { progressLines, ratesTable } from "./backloadProgress.ts";
import { isWorkerOfAFleet, tellFleet, workerStop } from "./backloadWorker.ts";
import { type Context, contextOf, lakeOf, rangeOf, stopSignal, tellRange } from "./context.ts";
import { coverageTables, coverageLines } from "./coverageTable.ts";
import { isFixed } from "./range.ts";
import { resolved } from "./relays.ts";

/**
 * `backload`: a long range into the lake alone, by one worker, or as one shard of many, or by several workers on this
 * machine. Returns the exit code: 0 every slot is settled, 3 some are missing and another run may bring them.
 */
export async function backloadCommand(options: BackloadCommandOptions): Promise<number> {
  const context = contextOf({ ...options, dataset: options.dataset ?? AUCTION });
  const shard = options.shard ?? (options.workers === undefined ? shardOfJob() : undefined);
  if (options.shard && options.workers !== undefined)
    throw new UserError("--shard is one worker's part, --workers starts many: give one of the two", {
      exitCode: 2,
    });
  const { network, clock, say } = context;
  const whole = { first: network.floor, last: settledSlot(network, clock.now()) };
  const range = rangeOf(options, context) ?? whole;
  if (options.dryRun) return (await import("./backloadDryRun.ts")).dryRun(options, context, range);
  if (shard && !isFixed(options) && options.now === undefined)
    say("shards are cut from the range: give every worker the same --slots FIRST-LAST, or they leave holes");
  if (options.workers !== undefined)
    return (await import("./backloadWorkers.ts")).runWorkers(options, context, range, options.workers);
  return work(options, context, range, shard);
}

/** The shard that a Kubernetes Indexed Job has for this pod. */
function shardOfJob(): ShardNumber | undefined {
  const { JOB_COMPLETION_INDEX: index, ETL_SHARDS: count } = process.env;
  if (index === undefined || index === "") return undefined;
  if (count === undefined)
    throw new UserError(
      `JOB_COMPLETION_INDEX is ${printable(index, 20)}, but ETL_SHARDS says not of how many`,
      {
        exitCode: 2,
      },
    );
  return parseShard(`${index}/${count}`);
}

async function work(
  options: BackloadCommandOptions,
  context: Context,
  range: SlotRange,
  number: ShardNumber | undefined,
): Promise<number> {
  const { network, clock, log, datasets, say, note } = context;
  const { order } = options;
  const lake = await lakeOf(options, network);
  // A relay that isn't known is refused before anything is started.
  const known = (await resolved({ ...options, quiet: true }, context)).map(({ relay }) => relay);
  const shard = shardRange(context, range, known, order, number);
  const fleet = isWorkerOfAFleet() ? workerStop() : undefined;
  const limited = withTimeLimit(fleet?.signal ?? stopSignal(note), clock, options.timeLimit);
  const relays = await startRelays(options, context);
  const connected = connect(relays.chosen, {
    network,
    clock,
    stop: limited.stop,
    ceiling: options.rate,
    share: options.share,
    ...(options.quiet ? {} : { warn: say }),
  });
  if (shard) tellRange(options, context, shard);
  const started = clock.monotonic();
  let stopShowing = () => {};
  let result: BackloadResult;
  try {
    result = await backload({
      network,
      lake,
      clock,
      log,
      connected,
      datasets,
      range: shard,
      order,
      stop: limited.stop,
      onStart: (progress) => {
        stopShowing = fleet
          ? tellFleet(progress, connected)
          : progressLines(process.stderr, options.quiet, log, progress);
      },
    });
  } finally {
    stopShowing();
    connected.close();
    await limited.end();
    await relays.close();
    fleet?.end();
  }
  const seconds = (clock.monotonic() - started) / 1000;
  printResult(result, { options, context, lake, range: shard, number, seconds });
  const { outcome, reason, faults, lastErrors } = result;
  for (const [relay, error] of lastErrors) say(`${relay}: ${printable(error, 300)}`);
  for (const fault of faults) say(fault);
  if (reason !== undefined) say(`${nameOf(number)}: ${reason}${outcome === "retry" ? "; run again" : ""}`);
  return { done: 0, retry: 3, "bad-input": 1 }[outcome];
}

function nameOf(number: ShardNumber | undefined): string {
  return number ? `shard ${number.index}/${number.count}` : "back-load";
}

/** The part of a back-load that one worker has done. */
interface WorkedShard {
  readonly options: BackloadCommandOptions;
  readonly context: Context;
  readonly lake: Lake;
  readonly range: SlotRange | undefined;
  readonly number: ShardNumber | undefined;
  readonly seconds: number;
}

function printResult(
  result: BackloadResult,
  { options, context, lake, range, number, seconds }: WorkedShard,
): void {
  const { outcome, reason, progress, coverage, faults, lastErrors } = result;
  const { order } = options;
  const { print } = context;
  if (options.json) {
    const { index, count } = number ?? { index: 0, count: 1 };
    const errors = Object.fromEntries(lastErrors);
    const peak = Math.round(process.resourceUsage().maxRSS / 1024);
    const told = { outcome, reason: reason ?? null, shard: { index, count, range: range ?? null }, order };
    process.stdout.write(
      `${JSON.stringify({ ...told, seconds, peak_mb: peak, relays: progress, coverage, faults, last_errors: errors })}\n`,
    );
    return;
  }
  print(`${nameOf(number)}, ${range ? "" : "no slots, "}${order} first\n\n`);
  if (coverage.length > 0) print(`${coverageTables(coverage)}\n\n`);
  print(`${ratesTable(progress, seconds)}\n\nlake: ${lake.url}\n`);
  for (const line of coverageLines(coverage)) print(`${line}\n`);
}

/** The slots of a shard; all of the range where there are no shards, and none where there are more shards than slots. */
function shardRange(
  { network, datasets }: Context,
  range: SlotRange,
  relays: readonly Parameters<typeof plannedRelay>[1][],
  order: Order,
  number: ShardNumber | undefined,
): SlotRange | undefined {
  if (!number) return range;
  const planned = relays.map((relay) => plannedRelay(network, relay));
  const input = { network: network.name, range, relays: planned, datasets, order };
  return planShards({ ...input, shards: number.count })[number.index]?.range;
}
