import type { Coverage } from "../collect/coverage.ts";
import type { SlotRange } from "../chain/slots.ts";
import { COMMAND, shellWord } from "./invoked.ts";
import { type CommonOptions, DEFAULT_LAKE } from "./options.ts";
import { exitCodeOf } from "./summary.ts";

/** How a run ended. */
export interface Ending {
  readonly range: SlotRange;
  readonly coverage: readonly Coverage[];
  /** False where nothing was brought into the warehouse. */
  readonly loaded: boolean;
  /** True where it was told to stop. */
  readonly stopped: boolean;
}

/** What a person may do after a run, as commands; first, where it was stopped or brought nothing, the one that does its work. */
export function nextCommands(options: CommonOptions, ending: Ending): string {
  const network = [
    ...(options.network === "simulated" ? [] : ["--network", options.network]),
    ...(options.seed === 1 ? [] : ["--seed", String(options.seed)]),
  ];
  const place = [...network, ...(options.lake === DEFAULT_LAKE ? [] : ["--lake", options.lake])];
  const file = options.warehouse === undefined ? [] : ["--warehouse", options.warehouse];
  const commands: string[][] = [];
  const isNothing = ending.coverage.every(({ covered }) => covered === 0);
  if ((ending.stopped || isNothing) && exitCodeOf(ending.coverage) !== 0)
    commands.push(["run", ...place, ...file, ...sameWork(options, ending.range)]);
  else if (!ending.loaded) commands.push(["load", ...place, ...file]);
  commands.push(["coverage", ...place]);
  // Of nothing there is nothing to look at: why the relays didn't answer is the question.
  if (isNothing && !ending.stopped) commands.push(["probe", ...network, ...relaysOf(options)]);
  if (!isNothing && !ending.stopped) commands.push(["recheck", ...place, ...file, "--sample", "0.1"]);
  if (!isNothing && ending.loaded) {
    commands.push(["check", ...network, ...file]);
    commands.push(["export", ...network, ...file, "--partial", "--out", "data/parquet"]);
  }
  const lines = commands.map((words) => `  ${COMMAND} ${words.map(shellWord).join(" ")}`);
  return `next:\n${lines.join("\n")}\n`;
}

function relaysOf({ relay }: CommonOptions): string[] {
  return relay.flatMap((spec) => ["--relay", spec.replace(/=.*$/s, "=URL")]);
}

/** The slots by number, since `--last` means others later. URLs may hold secrets, and are left for the person to write. */
function sameWork(options: CommonOptions, { first, last }: SlotRange): string[] {
  return [
    "--slots",
    `${first}-${last}`,
    ...(options.dataset === undefined ? [] : ["--dataset", options.dataset.join(",")]),
    ...relaysOf(options),
    ...(options.relayLimit ?? []).flatMap((limit) => ["--relay-limit", limit]),
    ...(options.relayHeader ?? []).flatMap((header) => ["--relay-header", header]),
    ...(options.rate === undefined ? [] : ["--rate", String(options.rate)]),
    ...(options.faults === "none" ? [] : ["--faults", options.faults]),
    ...(options.chain === undefined ? [] : ["--chain", "URL"]),
    ...(options.canonical === undefined ? [] : ["--canonical", "URL"]),
    ...(options.create ? ["--create"] : []),
  ];
}
