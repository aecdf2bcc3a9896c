import type { SlotRange } from "../chain/slots.ts";
import type { Coverage } from "../collect/coverage.ts";
import { collect } from "../collect/run.ts";
import { type Tally, sumOver } from "../collect/tally.ts";
import { UserError, printable } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import { type Asking, startAsking } from "./asking.ts";
import { type CollectedChain, chainToCollect } from "./chain.ts";
import { type Context, contextOf, lakeOf, rangeOf, stopSignal, tellRange } from "./context.ts";
import { coverageTables, coverageLines } from "./coverageTable.ts";
import { answerWays, answerWaysLines } from "./answerWays.ts";
import { forecastLines, forecastOf, printForecast } from "./forecast.ts";
import { type FollowOptions, follow } from "./follow.ts";
import { type Loaded, loadInto } from "./load.ts";
import { nextCommands } from "./next.ts";
import type { CommonOptions } from "./options.ts";
import { grouped, prose } from "./numbers.ts";
import { offlineSentence, patientLog } from "./offline.ts";
import { importedSlots } from "./importedSlots.ts";
import { type Progress, progressOn } from "./progress.ts";
import { resolved } from "./relays.ts";
import type { WantedSlots } from "./runMeter.ts";
import { coverageOfAll } from "../collect/coverageOfAll.ts";
import { exitCodeOf, joined } from "./summary.ts";
import { verifySimulated } from "./verify.ts";
import { type Unasked, unaskedBeside, unaskedJson, unaskedLines } from "./unasked.ts";

/** Slots that `run` collects when it isn't told which. */
const DEFAULT_LAST = 64;

type RunOptions = CommonOptions & FollowOptions & { dryRun: boolean };

/** What is collected: these slots of these relays, into this lake, until it is to stop. */
interface Collecting {
  readonly lake: Lake;
  readonly asking: Asking;
  readonly chain: CollectedChain;
  readonly range: SlotRange;
  readonly stop: AbortSignal;
  /** What each relay will be asked for; a tick finds that out as it goes. */
  readonly wanted?: WantedSlots;
}

/** What a pass has done. */
interface Done {
  readonly tallies: readonly Tally[];
  readonly loaded: Pick<Loaded, "rows" | "warehouse" | "failed"> | undefined;
  /** What came of holding the payloads against the chain, for the person. */
  readonly verified?: string;
}

/** `run`: collect what is missing, load it, say what is covered. Returns the exit code. */
export async function run(options: RunOptions): Promise<number> {
  if (options.listen && !options.follow)
    throw new UserError("--listen serves the metrics of --follow: give both", { exitCode: 2 });
  const context = contextOf(options);
  if (options.to && !options.from)
    throw new UserError(
      `--to ${options.to.text} alone begins at slot ${context.network.floor}: say with --from where to begin`,
      { exitCode: 2 },
    );
  const range = rangeOf(options, context) ?? rangeOf({ ...options, last: DEFAULT_LAST }, context);
  if (!range) throw new UserError("no slots to collect", { exitCode: 2 });
  const lake = await lakeOf(options, context.network);
  const expected =
    options.follow && !options.dryRun ? undefined : await expect(options, context, lake, range);
  if (options.dryRun && expected) return printForecast(options, context, range, expected);
  if (expected) for (const line of forecastLines(expected)) context.note(prose(line, process.stderr));
  const stop = stopSignal(context.note);
  const asking = await startAsking(options, context, stop);
  let chain: CollectedChain | undefined;
  try {
    chain = await chainToCollect(options, context, lake, asking.nodes);
    const collecting = { lake, asking, chain, range, stop, ...(expected && { wanted: expected.wanted }) };
    return await (options.follow ? follow : once)(options, context, collecting);
  } finally {
    chain?.close();
    await asking.close();
  }
}

/** What the run will take, of all relays that it would ask. */
async function expect(options: RunOptions, context: Context, lake: Lake, range: SlotRange) {
  return forecastOf(options, context, lake, await resolved({ ...options, quiet: true }, context), range);
}

async function once(options: RunOptions, context: Context, collecting: Collecting): Promise<number> {
  const { network, clock, datasets } = context;
  const { lake, asking, chain, range, stop } = collecting;
  tellRange(options, context, range);
  return pass(options, context, collecting, async ({ progress, log }) => {
    const { sources } = asking;
    const onTally = (tally: Tally) => progress.add(tally);
    const works = [
      collect({ network, lake, clock, log, sources, datasets, range, stop, onTally }),
      chain.collect(range, stop, onTally),
    ];
    const tallies = (await Promise.all(works)).flat();
    if (!stop.aborted) progress.begin("loading");
    const loaded = stop.aborted ? undefined : await loadInto(options, context, lake, asking.relays);
    const isVerified = loaded && asking.nodes && datasets.includes("payloads");
    const verified = isVerified && (await verifySimulated(options, context, range, asking.nodes.execution));
    return { tallies, loaded, ...(verified && { verified }) };
  });
}

/** One pass over the relays, with progress while it lasts and a summary at its end. Returns the exit code. */
async function pass(
  options: RunOptions,
  context: Context,
  collecting: Collecting,
  work: (shown: { readonly progress: Progress; readonly log: Log }) => Promise<Done>,
): Promise<number> {
  const { network, clock, datasets, say } = context;
  const { lake, asking, chain, range, wanted } = collecting;
  const started = clock.monotonic();
  const { clients } = asking;
  const progress = progressOn(process.stderr, { quiet: options.quiet, clock, clients, wanted });
  const patient = patientLog(context.log, clients);
  let done;
  let found;
  let offline: string | undefined;
  let page: string | undefined;
  try {
    done = await work({ progress, log: patient.log });
    offline = offlineSentence(done.tallies, clients);
    const imported = await importedSlots(options, network);
    const scope = { network, range, nowMs: clock.now(), imported };
    const ofRelays = await coverageOfAll(lake, scope, asking.relays, datasets);
    found = joined(ofRelays, await chain.coverage(scope));
    // Where nothing is covered there is nothing to see, and why will be said.
    if (done.loaded && found.coverage.some(({ covered }) => covered > 0)) {
      progress.begin("reporting");
      const { reportOfRun } = await import("./report.ts");
      page = await reportOfRun(options, context, lake, range);
    }
  } finally {
    progress.stop();
    patient.end();
  }
  const { tallies, loaded } = done;
  const { coverage, faults } = found;
  const answers = answerWays(tallies);
  const summary = summaryOf(asking, (clock.monotonic() - started) / 1000);
  const scope = { network, range, nowMs: clock.now() };
  const unasked = await unaskedBeside(lake, scope, asking.relays, datasets);

  if (offline !== undefined) say(prose(offline, process.stderr));
  else for (const tally of tallies) sayTrouble(tally, asking, say);
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ coverage, ...summary, answers, loaded_rows: loaded?.rows ?? 0, unasked: unaskedJson(unasked, options) })}\n`,
    );
  else if (offline === undefined)
    printSummary(options, context, collecting, { ...done, coverage, ...summary, answers, loaded, unasked });
  if (page !== undefined && !options.json) context.print(`report: ${page}\n`);
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
  { lake, asking, range, stop }: Collecting,
  summary: ReturnType<typeof summaryOf> &
    Pick<Done, "loaded" | "verified"> & {
      coverage: readonly Coverage[];
      answers: ReturnType<typeof answerWays>;
      unasked: readonly Unasked[];
    },
): void {
  const { coverage, requests, retries, bytes, seconds, loaded, unasked } = summary;
  const table = coverageTables(coverage, (row) => retriesOf(row, asking));
  print(`\n${table}\n\n`);
  for (const line of [...coverageLines(coverage), ...unaskedLines(network, unasked, options)])
    print(`${line}\n`);
  print(
    `${grouped(requests)} requests, ${grouped(retries)} retries, ${megabytes(bytes)} MB in ${seconds.toFixed(1)} s\n`,
  );
  for (const line of answerWaysLines(summary.answers)) print(`${line}\n`);
  print(
    loaded ? `${grouped(loaded.rows)} rows loaded into ${loaded.warehouse}\n` : "nothing loaded: stopped\n",
  );
  if (summary.verified !== undefined) print(`${summary.verified}\n`);
  print(`lake: ${lake.url}\n`);
  const ending = { range, coverage, loaded: loaded !== undefined, stopped: stop.aborted };
  print(nextCommands(options, ending));
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
  return asking.clients.get(row.relay)?.counters.retriesOf[row.dataset] ?? 0;
}

function sayTrouble(tally: Tally, asking: Asking, say: (line: string) => void): void {
  const { relay, lastError } = tally;
  if (lastError === undefined) return;
  const unread = sumOver(tally, "failed");
  const why = asking.clients.get(relay)?.downWhy;
  if (why) say(`${printable(why.message, 300)}: it is down, and its slots stay missing`);
  else say(`${printable(lastError, 300)}: ${grouped(unread)} slots stay missing; run again`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}
