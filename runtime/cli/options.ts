import { type Command, InvalidArgumentError, Option } from "commander";
import { MAX_SEED, MAX_SLOT, NETWORK_NAMES } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";

/** The options that commands share, as commander hands them over (design §5). */
export interface CommonOptions {
  readonly network: string;
  readonly relay: readonly string[];
  /** `NAME=N` and `NAME: Header: ENVVAR`, as written; of commands that ask. */
  readonly relayLimit?: readonly string[];
  readonly relayHeader?: readonly string[];
  readonly dataset?: DatasetName;
  readonly slots?: SlotRange;
  readonly last?: number;
  readonly lake: string;
  readonly warehouse?: string;
  readonly create?: boolean;
  readonly canonical?: string;
  readonly rate?: number;
  readonly seed: number;
  readonly faults: "none" | "mild" | "harsh";
  readonly now?: number;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Option groups, by what a command works on; `slots` is `range` without the dataset. */
export type OptionGroup = "range" | "slots" | "lake" | "warehouse" | "loading" | "asking";

/** Adds the options of the groups, and those that every command has. */
export function addOptions(command: Command, groups: readonly OptionGroup[]): Command {
  command
    .addOption(
      new Option("--network <name>", "directory of relays and genesis")
        .choices(NETWORK_NAMES)
        .default("simulated"),
    )
    .option("--relay <name[=url]>", "only this relay, or this one at that URL (repeatable)", collectText, [])
    .addOption(
      new Option(
        "--stack <name>",
        "network, lake and warehouse of this Pulumi stack, from pulumi stack output",
      ).conflicts(["network", "lake", "warehouse"]),
    )
    .option("--seed <n>", "seed of the simulated network", wholeNumber(0, MAX_SEED), 1)
    .option("--now <unix>", "fixes the clock, Unix s (for tests)", wholeNumber(0, 253_402_300_799))
    .option("--quiet", "no progress and no logs", false)
    .option("--json", "the result as JSON on standard output", false);
  if (groups.includes("range"))
    command.addOption(
      new Option("--dataset <name>", "one of the two; both without it").choices(["bids", "payloads"]),
    );
  if (groups.includes("range") || groups.includes("slots")) {
    command
      .addOption(
        new Option("--slots <first-last>", "inclusive range of slots").argParser(slotRange).conflicts("last"),
      )
      .option("--last <n>", "the newest n settled slots", wholeNumber(1, MAX_SLOT));
  }
  if (groups.includes("lake"))
    command.option("--lake <dir>", "folder of the lake, or gs://BUCKET[/PREFIX]", "data/lake");
  if (groups.includes("warehouse"))
    command.option(
      "--warehouse <file>",
      "DuckDB file (default: data/<network>.duckdb), or bigquery://PROJECT/DATASET",
    );
  if (groups.includes("loading"))
    command
      .option("--create", "make the datasets, tables and views in BigQuery where they aren't there", false)
      .option("--canonical <url>", "beacon or execution node that says which blocks are canonical");
  return groups.includes("asking") ? addAskingOptions(command) : command;
}

/** Adds the options of commands that ask relays. */
function addAskingOptions(command: Command): Command {
  return command
    .option("--rate <n>", "requests a second to one relay, at most", positiveNumber)
    .option(
      "--relay-limit <name=n>",
      "rows in a full page of this relay's payloads (repeatable)",
      collectText,
      [],
    )
    .option(
      "--relay-header <name: header: envvar>",
      "sends this relay a header with the value of an environment variable (repeatable)",
      collectText,
      [],
    )
    .addOption(
      new Option("--faults <plan>", "faults of the simulated network")
        .choices(["none", "mild", "harsh"])
        .default("none"),
    );
}

/** Reads a whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** Reads a share, 0–1. */
export function share(text: string): number {
  const value = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("Give a number from 0 to 1.");
  return value;
}

function positiveNumber(text: string): number {
  const value = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0)) throw new InvalidArgumentError("Give a number above 0.");
  return value;
}

function slotRange(text: string): SlotRange {
  const match = /^(\d{1,10})-(\d{1,10})$/.exec(text);
  if (!match) throw new InvalidArgumentError("Give FIRST-LAST, two slots, e.g. 13000000-13000063.");
  const range = { first: Number(match[1]), last: Number(match[2]) };
  if (range.last < range.first) throw new InvalidArgumentError("The range ends before it starts.");
  return range;
}

function collectText(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
