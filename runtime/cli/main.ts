import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseShard } from "../backload/shard.ts";
import { MAX_SEED } from "../chain/networks.ts";
import { ORDERS } from "../chain/slots.ts";
import { UserError, messageOf, printable, withoutUsers } from "../errors.ts";
import { speak } from "../log.ts";
import { shared } from "../settings/shared.ts";
import { parseListen } from "./listen.ts";
import { takenByNpm, withHint } from "./hints.ts";
import { addOptions, share, valueOf, wholeNumber } from "./options.ts";
import { dropUnread, exitWhenWritten } from "./output.ts";
import file from "../../package.json" with { type: "json" };

// Commands are imported when they run: --help must not wait for a database or an HTTP client.
const program = new Command("mev-boost-etl")
  .description(
    "Collects bids and delivered payloads from MEV-Boost relays, and states for every slot whether it has them",
  )
  .version(file.version, "-V, --version")
  .configureOutput({ outputError: (text) => speak("ERROR", oneLine(text), { exit_code: 2 }) })
  .showSuggestionAfterError(true)
  .hook("preAction", async (_program, command) => {
    if (command.opts()["stack"] !== undefined) await (await import("./stack.ts")).fillFromStack(command);
  })
  .exitOverride();

function oneLine(text: string): string {
  // An option that is misspelled is repeated with its value, which may be a URL with a password.
  const said = withHint(
    withoutUsers(
      text
        .trim()
        .replace(/^error: /, "")
        .replaceAll(/\n\s*/g, " "),
    ),
  );
  return `mev-boost-etl: ${printable(said, 500)} (--help lists what there is)`;
}

function command(name: string, description: string): Command {
  return program.command(name).description(description).exitOverride().allowExcessArguments(false);
}

addOptions(command("run", "collect what is missing in a range, load it, print coverage"), [
  "range",
  "lake",
  "warehouse",
  "loading",
  "asking",
])
  .option("--follow", "keep running, a tick every 5 minutes", false)
  .option("--dry-run", "what it would take, without asking any relay", false)
  .option(
    "--listen <addr>",
    "with --follow: serve /metrics, /health and /ready at HOST:PORT, or a port of this machine alone",
    parseListen,
  )
  .action(async (options) => finish((await import("./run.ts")).run(options)));

addOptions(command("backload", "collect a long range into the lake alone, sharded"), [
  "range",
  "lake",
  "asking",
])
  .option(
    "--shard <i/n>",
    "this worker's part (default: JOB_COMPLETION_INDEX of ETL_SHARDS)",
    parseShardOption,
  )
  .option("--workers <n>", "so many workers on this machine", wholeNumber(1, 10_000))
  .addOption(new Option("--order <end>", shared.order.meaning).choices(ORDERS).default(shared.order.default))
  .option("--dry-run", "what it would take, without asking any relay", false)
  .option("--time-limit <s>", shared.timeLimit.meaning, valueOf(shared.timeLimit.format))
  .option("--simulator <url>", "where simulate serves the simulated relays (default: in this process)")
  .addOption(new Option("--share <p>").argParser(share).default(1).hideHelp())
  .action(async (options) => finish((await import("./backload.ts")).backloadCommand(options)));

addOptions(command("load", "bring the warehouse up to the lake"), ["slots", "lake", "warehouse", "loading"])
  .option("--rebuild", "from nothing; with --slots those slots' chunks alone", false)
  .action(async (options) => finish((await import("./load.ts")).load(options)));

addOptions(command("prune", "take rows out of the warehouse by whole UTC days; ledgers and lake stay"), [
  "lake",
  "warehouse",
])
  .requiredOption("--older <n>d", "rows older than so many whole days", parseDays)
  .option(
    "--published <dir>",
    "take rows out of the lake instead: of days that are published there, and are what was published",
  )
  .option("--yes", "do it; else it only says what it would do", false)
  .action(async (options) => finish((await import("./prune.ts")).prune(options)));

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
  "loading",
  "asking",
])
  .option("--sample <p>", "share of the slots, 0 to 1", share, 1)
  .option("--empty", "only slots that are stored without rows: whether they really are empty", false)
  .option("--accept", "take the new answer, even one with fewer rows", false)
  .action(async (options) => finish((await import("./recheck.ts")).recheckCommand(options)));

addOptions(command("export", "Parquet, a file per complete day"), ["range", "warehouse"])
  .option("--out <dir>", "folder for the files")
  .addOption(new Option("--format <form>").default("parquet").hideHelp())
  .option("--partial", "incomplete days too", false)
  .action(async (options) => finish((await import("./export.ts")).exportCommand(options)));

addOptions(command("publish", "Parquet, a file per complete day, from the lake, with a catalog"), [
  "range",
  "lake",
])
  .requiredOption("--out <dir>", "folder for the files, or gs://BUCKET[/PREFIX]")
  .action(async (options) => finish((await import("./publish.ts")).publishCommand(options)));

addOptions(
  command("verify-published", "published files against their catalog and the lake").argument(
    "<dir>",
    "where they were published: a folder, or gs://BUCKET[/PREFIX]",
  ),
  ["lake"],
).action(async (place: string, options) =>
  finish((await import("./verifyPublished.ts")).verifyPublishedCommand(place, options)),
);

addOptions(command("check", "data-quality detectors over what is loaded"), [
  "slots",
  "lake",
  "warehouse",
]).action(async (options) => finish((await import("./check.ts")).checkCommand(options)));

addOptions(command("report", "a page of plots over what is loaded"), ["slots", "lake", "warehouse"])
  .option("--out <file>", "where the page goes (default: beside the warehouse)")
  .option("--builders <file>", "names of builders: a line `<pubkey> <name>` each")
  .addOption(
    new Option("--slot <n>", "a page of this slot's auction instead: every relay's bids, and what was left")
      .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER))
      .conflicts(["slots", "last", "from", "to"]),
  )
  .action(async (options) => finish((await import("./report.ts")).reportCommand(options)));

addOptions(command("verify", "hold delivered payloads against the chain: was the value paid"), [
  "slots",
  "warehouse",
])
  .requiredOption(
    "--chain <url|dir>",
    "execution node (JSON-RPC), or a folder of xatu's parquet files, a folder a table",
  )
  .option("--again", "those that have a verdict, too", false)
  .action(async (options) => finish((await import("./verify.ts")).verify(options)));

addOptions(command("probe", "each relay: reachable, latency, page limit, oldest slot, gzip"), [
  "asking",
]).action(async (options) => finish((await import("./probe.ts")).probe(options)));

command("simulate", "serve the simulated relays over HTTP on this machine")
  .option("--port <n>", "port on 127.0.0.1 (0: any free one)", wholeNumber(0, 65_535), 8645)
  .option("--seed <n>", "seed of the simulated network", wholeNumber(0, MAX_SEED), 1)
  .option("--faults <plan>", "none, mild or harsh", "none")
  .option("--cache <mb>", "most MB of answers kept ready for who asks again", wholeNumber(0, 1_000_000), 256)
  .option("--now <unix>", "fixes the clock, Unix s (for tests)", wholeNumber(0, 253_402_300_799))
  .option("--quiet", "say nothing", false)
  .action(async (options) => finish((await import("./simulate.ts")).simulate(options)));

command("serve", "the services' HTTP entry: a tick for each POST to /tick; settings from the environment")
  .addArgument(new Argument("<dataset>", "what it collects and loads").choices(["bids", "payloads"]))
  .action(async (dataset) => finish((await import("./serve.ts")).serveCommand(dataset)));

// What docs/commands.md is made from.
program.command("definition", { hidden: true }).action(async () => {
  const { definitionOf } = await import("./definition.ts");
  process.stdout.write(`${JSON.stringify(definitionOf(program))}\n`);
});

function parseDays(text: string): number {
  const [, digits] = /^(\d{1,5})d$/.exec(text) ?? [];
  const days = Number(digits ?? 0);
  if (days === 0) throw new InvalidArgumentError("Give a number of days, such as 90d.");
  return days;
}

function parseShardOption(text: string) {
  try {
    return parseShard(text);
  } catch (error) {
    if (error instanceof UserError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** Node's own warnings as lines of the log. */
function logWarnings(): void {
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => speak("WARNING", printable(message, 1000), { name }));
}

async function finish(result: Promise<number>): Promise<void> {
  process.exitCode = await result;
}

const [, , first, ...rest] = process.argv;
// `npm start` alone is the main job on the simulated network; options alone are options of the main job.
const words =
  first === undefined
    ? ["run"]
    : first.startsWith("-") && !["-h", "--help", "-V", "--version"].includes(first)
      ? ["run", first, ...rest]
      : [first, ...rest];

dropUnread();
if (!process.stderr.isTTY) logWarnings();
try {
  const meant = takenByNpm(words, program, process.env);
  if (meant !== undefined)
    throw new UserError(`npm takes options for its own unless -- stands before them; write: ${meant}`, {
      exitCode: 2,
    });
  await program.parseAsync(words, { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UserError) {
    speak("ERROR", `mev-boost-etl: ${printable(error.message, 2000)}`, { exit_code: error.exitCode });
    process.exitCode = error.exitCode;
  } else {
    const what = `unexpected: ${printable(messageOf(error), 2000)} (please report it, with MEV_BOOST_ETL_TRACE=1)`;
    speak("ERROR", `mev-boost-etl: ${what}`, { exit_code: 1 });
    if (process.env["MEV_BOOST_ETL_TRACE"] && error instanceof Error) speak("ERROR", error.stack ?? "");
    process.exitCode = 1;
  }
}
// Clients of storage and databases keep timers and idle sockets for up to a minute.
await exitWhenWritten();
