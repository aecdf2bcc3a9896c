import { Command, CommanderError } from "commander";
import { UserError, messageOf, printable } from "../errors.ts";
import { addOptions, share, wholeNumber } from "./options.ts";

// Commands are imported when they run: --help must not wait for a database or an HTTP client.
const program = new Command("mev-boost-etl")
  .description(
    "Collects bids and delivered payloads from MEV-Boost relays, and states for every slot whether it has them",
  )
  .configureOutput({ outputError: (text, write) => write(oneLine(text)) })
  .showSuggestionAfterError(true)
  .exitOverride();

function oneLine(text: string): string {
  return `${printable(text.trim().replaceAll(/\n\s*/g, " "), 500)} (--help lists what there is)\n`;
}

function command(name: string, description: string): Command {
  return program.command(name).description(description).exitOverride().allowExcessArguments(false);
}

addOptions(command("run", "collect what is missing in a range, load it, print coverage"), [
  "range",
  "lake",
  "warehouse",
  "asking",
])
  .option("--follow", "keep running, a tick every 5 minutes", false)
  .action(async (options) => finish((await import("./run.ts")).run(options)));

addOptions(command("load", "bring the warehouse up to the lake"), ["lake", "warehouse"])
  .option("--rebuild", "from nothing", false)
  .action(async (options) => finish((await import("./load.ts")).load(options)));

addOptions(command("coverage", "what is covered, missing, unavailable, suspect, from the lake"), [
  "range",
  "lake",
])
  .option("--format <form>", "table or json", "table")
  .action(async (options) => finish((await import("./coverage.ts")).coverage(options)));

addOptions(command("recheck", "ask covered slots again and compare"), [
  "range",
  "lake",
  "warehouse",
  "asking",
])
  .option("--sample <p>", "share of the slots, 0 to 1", share, 1)
  .option("--accept", "take the new answer, even one with fewer rows", false)
  .action(async (options) => finish((await import("./recheck.ts")).recheckCommand(options)));

addOptions(command("export", "Parquet, a file per complete day"), ["range", "warehouse"])
  .requiredOption("--out <dir>", "folder for the files")
  .option("--partial", "incomplete days too", false)
  .action(async (options) => finish((await import("./export.ts")).exportCommand(options)));

addOptions(command("check", "data-quality detectors over what is loaded"), [
  "slots",
  "lake",
  "warehouse",
]).action(async (options) => finish((await import("./check.ts")).checkCommand(options)));

addOptions(command("report", "a page of plots over what is loaded"), ["slots", "lake", "warehouse"])
  .option("--out <file>", "where the page goes (default: beside the warehouse)")
  .option("--builders <file>", "names of builders: a line `<pubkey> <name>` each")
  .action(async (options) => finish((await import("./report.ts")).reportCommand(options)));

addOptions(command("probe", "each relay: reachable, latency, page limit, oldest slot, gzip"), [
  "asking",
]).action(async (options) => finish((await import("./probe.ts")).probe(options)));

command("simulate", "serve the simulated relays over HTTP on this machine")
  .option("--port <n>", "port on 127.0.0.1 (0: any free one)", wholeNumber(0, 65_535), 8645)
  .option("--seed <n>", "seed of the simulated network", wholeNumber(0, 2 ** 32 - 1), 1)
  .option("--faults <plan>", "none, mild or harsh", "none")
  .option("--now <unix>", "fixes the clock, Unix s (for tests)", wholeNumber(0, 253_402_300_799))
  .option("--quiet", "say nothing", false)
  .action(async (options) => finish((await import("./simulate.ts")).simulate(options)));

async function finish(result: Promise<number>): Promise<void> {
  process.exitCode = await result;
}

const [, , first, ...rest] = process.argv;
// `npm start` alone is the main job on the simulated network; options alone are options of the main job.
const words =
  first === undefined
    ? ["run"]
    : first.startsWith("-") && !["-h", "--help"].includes(first)
      ? ["run", first, ...rest]
      : [first, ...rest];

try {
  await program.parseAsync(words, { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UserError) {
    process.stderr.write(`mev-boost-etl: ${printable(error.message, 2000)}\n`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(
      `mev-boost-etl: unexpected: ${printable(messageOf(error), 2000)} (please report it, with MEV_BOOST_ETL_TRACE=1)\n`,
    );
    if (process.env["MEV_BOOST_ETL_TRACE"] && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  }
}
