import { type Command, InvalidArgumentError, Option } from "commander";
import * as E from "fp-ts/lib/Either.js";
import { MAX_SEED, NETWORK_NAMES } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { type Format, whole } from "../settings/formats.ts";
import { shared } from "../settings/shared.ts";
import { LAST_FORMS, MOMENT_FORMS, type RangeOptions, lastOf, momentOf } from "./range.ts";

/** The options that commands share, as commander hands them over. */
export interface CommonOptions extends RangeOptions {
  readonly network: string;
  readonly relay: readonly string[];
  /** `NAME=N` and `NAME: Header: ENVVAR`, as written; of commands that ask. */
  readonly relayLimit?: readonly string[];
  readonly relayHeader?: readonly string[];
  readonly dataset?: readonly DatasetName[];
  readonly lake: string;
  readonly warehouse?: string;
  readonly create?: boolean;
  readonly chain?: string;
  readonly canonical?: string;
  readonly rate?: number;
  readonly seed: number;
  readonly faults: "none" | "mild" | "harsh";
  readonly now?: number;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** The lake where none is named. */
export const DEFAULT_LAKE = "data/lake";

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
    .option(
      "--relay <name[=url]>",
      "only this relay, or this one at that URL (repeatable, or with commas)",
      collectRelays,
      [],
    )
    .addOption(
      new Option(
        "--stack <name>",
        "network, lake and warehouse of this Pulumi stack, from pulumi stack output",
      ).conflicts(["network", "lake", "warehouse"]),
    )
    .option("--seed <n>", "seed of the simulated network", wholeNumber(0, MAX_SEED), 1)
    .option("--now <unix>", "fixes the clock, Unix s (for tests)", wholeNumber(0, 253_402_300_799))
    .option("--quiet", "say nothing but faults (and the result with --json)", false)
    .option("--json", "the result as JSON on standard output", false);
  if (groups.includes("range")) command.option("--dataset <names>", shared.dataset.meaning, collectDatasets);
  if (groups.includes("range") || groups.includes("slots")) addRangeOptions(command);
  if (groups.includes("lake"))
    command.option("--lake <dir>", "folder of the lake, or gs://BUCKET[/PREFIX]", DEFAULT_LAKE);
  if (groups.includes("warehouse"))
    command.option(
      "--warehouse <file>",
      "DuckDB file (default: data/<network>.duckdb), or bigquery://PROJECT/DATASET",
    );
  if (groups.includes("loading"))
    command
      .option("--create", "make the datasets, tables and views in BigQuery where they aren't there", false)
      .option(
        "--chain <url|dir>",
        "what tells of the chain: a beacon or execution node, or a folder of xatu's parquet files, a folder a table",
      )
      .addOption(new Option("--canonical <url>", "another name of --chain").conflicts("chain"));
  return groups.includes("asking") ? addAskingOptions(command) : command;
}

/** Adds the options that say which slots a command is about. */
function addRangeOptions(command: Command): void {
  command
    .addOption(
      new Option("--slots <first-last>", shared.slots.meaning)
        .argParser(slotsOf)
        .conflicts(["last", "from", "to"]),
    )
    .addOption(
      new Option("--last <n|24h|7d>", "the newest n settled slots, or those of so long")
        .argParser(given(LAST_FORMS, lastOf))
        .conflicts(["from", "to"]),
    )
    .option("--from <t>", `from here on: ${MOMENT_FORMS}`, given(MOMENT_FORMS, momentOf))
    .option("--to <t>", "up to here, that slot, time or day included", given(MOMENT_FORMS, momentOf));
}

/** Adds the options of commands that ask relays. */
function addAskingOptions(command: Command): Command {
  return command
    .option("--rate <n>", shared.rate.meaning, valueOf(shared.rate.format))
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

/** Reads an option's text by its format. */
export function valueOf<A>(format: Format<A>): (text: string) => A {
  return (text) => {
    const value = format.decode(text);
    if (E.isLeft(value)) throw new InvalidArgumentError(`Give ${format.name}.`);
    return value.right;
  };
}

function given<A>(forms: string, read: (text: string) => A | undefined): (text: string) => A {
  return (text) => {
    const value = read(text);
    if (value === undefined) throw new InvalidArgumentError(`Give ${forms}.`);
    return value;
  };
}

/** Reads `--slots`; a date is told where it belongs. */
function slotsOf(text: string): SlotRange {
  const { format } = shared.slots;
  const value = format.decode(text);
  if (E.isRight(value)) return value.right;
  const isDated = momentOf(text.slice(0, 10))?.kind === "day";
  throw new InvalidArgumentError(`Give ${format.name}${isDated ? "; dates go to --from and --to" : ""}.`);
}

/** Reads a whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return valueOf(whole("a whole number", least, most));
}

/** Reads a share, 0–1. */
export function share(text: string): number {
  const value = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("Give a number from 0 to 1.");
  return value;
}

/** Commas part names; one that no name follows belongs to a URL. */
function collectRelays(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(/,\s*(?=[^,=/?&]*(?:[=,]|$))/)];
}

function collectDatasets(text: string, before: readonly DatasetName[] = []): readonly DatasetName[] {
  const given = valueOf(shared.dataset.format)(text);
  return [...before, ...given.filter((name) => !before.includes(name))];
}

function collectText(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
