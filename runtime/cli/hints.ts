import { Command, CommanderError } from "commander";
import { withoutUsers } from "../errors.ts";

/** Other programs' names of options, and what they are here. */
const KNOWN_ELSEWHERE: Readonly<Record<string, string>> = {
  since: "--from",
  start: "--from",
  after: "--from",
  until: "--to",
  end: "--to",
  before: "--to",
  db: "--warehouse",
  output: "--out",
  relays: "--relay",
};

/** npm sets these by itself, whatever it was given. */
const ALWAYS_SET = new Set(["cache", "yes"]);

/** A complaint about the command line with what was probably meant, where that can be told. */
export function withHint(complaint: string): string {
  const [, word = "", list] =
    /argument (?:value )?'(.*)' is invalid.*\. Allowed choices are (.+)\.$/.exec(complaint) ?? [];
  const meant = list === undefined ? undefined : closest(word, list.split(", "));
  if (meant !== undefined) return `${complaint} Did you mean ${meant}?`;
  const [, option = ""] = /unknown option '--([a-z-]+)/.exec(complaint) ?? [];
  const here = Object.hasOwn(KNOWN_ELSEWHERE, option) ? KNOWN_ELSEWHERE[option] : undefined;
  return here === undefined || complaint.includes("Did you mean")
    ? complaint
    : `${complaint} (Did you mean ${here}?)`;
}

/** The word that was probably meant, by commander's own measure, which it only shows for commands and options. */
function closest(word: string, words: readonly string[]): string | undefined {
  const guess = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const one of words) guess.command(one).exitOverride();
  try {
    guess.parse([word], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return /Did you mean (?:one of )?([^,?]+)/.exec(error.message)?.[1];
  }
  return undefined;
}

/**
 * The command line with `--` where npm took options of this program for its own, since none stood before them; undefined where
 * it didn't. npm 11 leaves their values among the words, earlier ones put them into the environment.
 */
export function takenByNpm(
  words: readonly string[],
  program: Command,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (env["npm_lifecycle_event"] !== "start") return undefined;
  const command = program.commands.find((one) => one.name() === words[0]);
  const options = (command ?? program.commands[0])?.options ?? [];
  const taken = options.flatMap((option) => {
    const value = env[`npm_config_${option.name().replaceAll("-", "_")}`];
    return value === undefined || value === "" || ALWAYS_SET.has(option.name()) ? [] : [{ option, value }];
  });
  if (taken.length === 0) return undefined;
  const left = words.slice(command ? 1 : 0).filter((word) => !word.startsWith("-"));
  const isPlain = taken.filter(({ option, value }) => option.required && value === "true").length === 1;
  const told = taken.map(({ option, value }) => {
    if (!option.required) return option.long ?? "";
    if (value !== "true") return `${option.long} ${withoutUsers(value)}`;
    return isPlain && left.length === 1 ? `${option.long} ${withoutUsers(left[0] ?? "")}` : option.flags;
  });
  return ["npm start --", ...(command ? [command.name()] : []), ...told].join(" ");
}
