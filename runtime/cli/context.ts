import { stat } from "node:fs/promises";
import { type Clock, fixedDateClock, systemClock } from "../chain/clock.ts";
import { type Network, findNetwork } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import { DATASET_NAMES, type DatasetName } from "../datasets/dataset.ts";
import { UserError, codeOf, printable } from "../errors.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import type { Lake } from "../lake/lake.ts";
import { type Log, silentLog, speak, stderrLog } from "../log.ts";
import { LOG_LEVELS } from "../settings/shared.ts";
import { COMMAND, INTERRUPTS_TO_END } from "./invoked.ts";
import { type CommonOptions, DEFAULT_LAKE } from "./options.ts";
import { readerGone } from "./output.ts";
import { namedRange, namesRange, rangeText } from "./range.ts";

/** What every command works with, made from its options. */
export interface Context {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
  readonly datasets: readonly DatasetName[];
  /** Tells the person of a fault, a line on standard error with what it is about; `--quiet` doesn't silence it. */
  readonly say: (line: string, fields?: object) => void;
  /** Tells the person of what is no fault, a line on standard error. */
  readonly note: (line: string, fields?: object) => void;
  /** Writes the result for the person, lines with their ends, to standard output. */
  readonly print: (text: string) => void;
}

export function contextOf(options: CommonOptions): Context {
  const network = findNetwork(options.network, options.seed);
  if (!network) throw new UserError(`unknown network ${options.network}`, { exitCode: 2 });
  const { quiet } = options;
  return {
    network,
    clock: options.now === undefined ? systemClock : fixedDateClock(options.now * 1000),
    log: quiet ? silentLog : stderrLog(logLevel()),
    datasets: options.dataset ?? DATASET_NAMES,
    say: (line, fields) => speak("WARNING", line, fields),
    note: (line, fields) => (quiet ? undefined : speak("INFO", line, fields)),
    print: (text) => (quiet ? undefined : void process.stdout.write(text)),
  };
}

/** On a terminal people read what is said to them; logs are for where they are kept. */
function logLevel(): string {
  const level = process.env["LOG_LEVEL"] ?? (process.stderr.isTTY ? "silent" : "info");
  if (!["silent", ...LOG_LEVELS].includes(level))
    throw new UserError(`LOG_LEVEL=${printable(level, 60)}: give silent, ${LOG_LEVELS.join(", ")}`, {
      exitCode: 2,
    });
  return level;
}

/** The network's lake at `--lake`. The client for buckets is only imported where there is one. */
export async function lakeOf(options: CommonOptions, network: Network): Promise<Lake> {
  if (!options.lake.startsWith("gs://")) return openFolderLake(options.lake, network.name);
  const { openGcsLake } = await import("../lake/gcs/bucket.ts");
  return openGcsLake(options.lake, network.name);
}

/**
 * The network's lake at `--lake` for a command that only reads it. Throws UserError where the folder that was named isn't there: it would
 * be taken for a lake without anything in it. Only `isNeeded` refuses one that nobody named.
 */
export async function lakeToRead(
  options: CommonOptions,
  network: Network,
  isNeeded = options.lake !== DEFAULT_LAKE,
): Promise<Lake> {
  const lake = await lakeOf(options, network);
  if (isNeeded && !options.lake.startsWith("gs://")) await refuseAbsent(options.lake);
  return lake;
}

/** What else is wrong with a folder reading it says. */
async function refuseAbsent(folder: string): Promise<void> {
  try {
    await stat(folder);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") return;
    throw new UserError(
      `there is no lake ${printable(folder, 500)}: correct --lake, or let ${COMMAND} run make it`,
    );
  }
}

/** The DuckDB file or BigQuery URL at `--warehouse`, or the network's default file. */
export function warehousePath(options: CommonOptions, network: Network): string {
  return options.warehouse ?? `data/${network.name}.duckdb`;
}

/**
 * The slots that the options name, clipped to what is settled (said aloud); undefined where they name none. Throws UserError
 * (exit 2) when nothing of the range is settled.
 */
export function rangeOf(options: CommonOptions, { network, clock, note }: Context): SlotRange | undefined {
  const named = namedRange(options, network, clock.now());
  if (named?.clipped !== undefined) note(named.clipped);
  return named?.range;
}

/**
 * Says once which slots a command is about, and when they were. With `--json` that is no part of the result: it is noted where
 * the options say it in other words.
 */
export function tellRange(options: CommonOptions, { network, note, print }: Context, range: SlotRange): void {
  const line = `${network.name}, ${rangeText(network, range)}`;
  if (!options.json) print(`${line}\n`);
  else if (!options.slots && namesRange(options))
    note(line, { network: network.name, first_slot: range.first, last_slot: range.last });
}

/** Aborted by SIGINT or SIGTERM, and when nobody reads the output any more; a second signal ends the process at once. */
export function stopSignal(note: (line: string) => void): AbortSignal {
  const controller = new AbortController();
  let heard = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    heard += signal === "SIGINT" ? 1 : INTERRUPTS_TO_END - 1;
    if (heard >= INTERRUPTS_TO_END) process.exit(130);
    if (controller.signal.aborted) return;
    note(`${signal}: stopping; what was read is being written (again: stop at once)`);
    controller.abort(new Error(`stopped by ${signal}`));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  readerGone.addEventListener("abort", () => controller.abort(readerGone.reason));
  return controller.signal;
}
