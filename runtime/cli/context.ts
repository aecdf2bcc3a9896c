import { type Clock, fixedDateClock, systemClock } from "../chain/clock.ts";
import { type Network, findNetwork } from "../chain/networks.ts";
import { type SlotRange, intersect, settledSlot } from "../chain/slots.ts";
import { DATASET_NAMES, type DatasetName } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import type { Lake } from "../lake/lake.ts";
import { type Log, silentLog, stderrLog } from "../log.ts";
import { INTERRUPTS_TO_END } from "./invoked.ts";
import type { CommonOptions } from "./options.ts";
import { readerGone } from "./output.ts";

/** What every command works with, made from its options. */
export interface Context {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
  readonly datasets: readonly DatasetName[];
  /** Writes a line for the person to standard error; `--quiet` doesn't silence it. */
  readonly say: (line: string) => void;
}

export function contextOf(options: CommonOptions): Context {
  const network = findNetwork(options.network, options.seed);
  if (!network) throw new UserError(`unknown network ${options.network}`, { exitCode: 2 });
  const onTerminal = process.stderr.isTTY;
  const level = process.env["LOG_LEVEL"] ?? (onTerminal ? "silent" : "info");
  return {
    network,
    clock: options.now === undefined ? systemClock : fixedDateClock(options.now * 1000),
    log: options.quiet ? silentLog : stderrLog(level),
    datasets: options.dataset ? [options.dataset] : DATASET_NAMES,
    say: (line) => void process.stderr.write(`${line}\n`),
  };
}

/** The network's lake at `--lake`. The client for buckets is only imported where there is one. */
export async function lakeOf(options: CommonOptions, network: Network): Promise<Lake> {
  if (!options.lake.startsWith("gs://")) return openFolderLake(options.lake, network.name);
  const { openGcsLake } = await import("../lake/gcs/bucket.ts");
  return openGcsLake(options.lake, network.name);
}

/** The DuckDB file or BigQuery URL at `--warehouse`, or the network's default file. */
export function warehousePath(options: CommonOptions, network: Network): string {
  return options.warehouse ?? `data/${network.name}.duckdb`;
}

/**
 * The slots that `--slots` or `--last` name, clipped to what is settled (said aloud); undefined when neither is given.
 * Throws UserError (exit 2) when nothing of the range is settled.
 */
export function rangeOf(options: CommonOptions, { network, clock, say }: Context): SlotRange | undefined {
  const settled = settledSlot(network, clock.now());
  const whole = { first: network.floor, last: settled };
  if (settled < network.floor) {
    throw new UserError(`${network.name} has no settled slot yet (its clock says slot ${settled + 50})`, {
      exitCode: 2,
    });
  }
  if (options.last !== undefined)
    return { first: Math.max(network.floor, settled - options.last + 1), last: settled };
  if (!options.slots) return undefined;
  const { first, last } = options.slots;
  const range = intersect(options.slots, whole);
  if (!range) {
    const why =
      first > settled
        ? `lies in the future: the newest settled slot is ${settled} (head - 50)`
        : `lies before the first MEV-Boost slot, ${network.floor}`;
    throw new UserError(`--slots ${first}-${last} ${why}`, { exitCode: 2 });
  }
  if (range.first !== first || range.last !== last) {
    say(
      `--slots ${first}-${last} is clipped to ${range.first}-${range.last}: slots settle 50 behind the head`,
    );
  }
  return range;
}

/** Aborted by SIGINT or SIGTERM, and when nobody reads the output any more; a second signal ends the process at once. */
export function stopSignal(say: (line: string) => void): AbortSignal {
  const controller = new AbortController();
  let heard = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    heard += signal === "SIGINT" ? 1 : INTERRUPTS_TO_END - 1;
    if (heard >= INTERRUPTS_TO_END) process.exit(130);
    if (controller.signal.aborted) return;
    say(`${signal}: stopping; what was read is being written (again: stop at once)`);
    controller.abort(new Error(`stopped by ${signal}`));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  readerGone.addEventListener("abort", () => controller.abort(readerGone.reason));
  return controller.signal;
}
