import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { CommandDefinition, OptionDefinition } from "../runtime/cli/definition.ts";
import { tableOf } from "./generated.ts";

const ROOT = join(import.meta.dirname, "..");

/** The command line's own definition, as the program says it. */
export function commandDefinitions(): readonly CommandDefinition[] {
  return JSON.parse(printedBy(["definition"])) as CommandDefinition[];
}

/** What a command prints on standard output, run where nothing of it is kept. */
export function printedBy(words: readonly string[]): string {
  return execFileSync(process.execPath, ["--import=tsx", "runtime/cli/main.ts", ...words], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, COLUMNS: "80" },
  });
}

/** A row a command: what it does, and the options that it alone has. */
export function commandsTable(commands: readonly CommandDefinition[]): string {
  const rows = commands.map(({ name, meaning, words, options }) => [
    `\`${[name, ...words.map(({ choices }) => choices.join("\\|"))].join(" ")}\``.replaceAll("\\|", "|"),
    meaning,
    options
      .filter((option) => usersOf(commands, option).length === 1)
      .map((option) => `\`${longOf(option)}\``)
      .join(", "),
  ]);
  return tableOf([["command", "does", "options of its own"], ...rows]);
}

/** A row an option that several commands have in the same form. */
export function sharedOptionsTable(commands: readonly CommandDefinition[]): string {
  const rows = optionsOf(commands).filter(({ users }) => users.length > 1);
  return tableOf([
    ["option", "meaning", "default", "of"],
    ...rows.map(({ option, users }) => [...cellsOf(option), usersText(users, commands)]),
  ]);
}

/** A row an option that one command has. */
export function ownOptionsTable(commands: readonly CommandDefinition[]): string {
  const rows = optionsOf(commands).filter(({ users }) => users.length === 1);
  return tableOf([
    ["command", "option", "meaning", "default"],
    ...rows.map(({ option, users }) => [`\`${users[0]}\``, ...cellsOf(option)]),
  ]);
}

interface UsedOption {
  readonly option: OptionDefinition;
  readonly users: readonly string[];
}

function optionsOf(commands: readonly CommandDefinition[]): UsedOption[] {
  const seen = new Map<string, UsedOption>();
  for (const { options } of commands)
    for (const option of options)
      seen.set(JSON.stringify(option), { option, users: usersOf(commands, option) });
  return [...seen.values()];
}

function usersOf(commands: readonly CommandDefinition[], option: OptionDefinition): string[] {
  const text = JSON.stringify(option);
  return commands
    .filter(({ options }) => options.some((one) => JSON.stringify(one) === text))
    .map(({ name }) => name);
}

function cellsOf(option: OptionDefinition): string[] {
  const { flags, meaning, choices, default: without, isRequired } = option;
  const said = choices.length > 0 ? `${meaning}: ${choices.join(", ")}` : meaning;
  return [`\`${flags}\``, said, isRequired ? "must be given" : without === undefined ? "" : `\`${without}\``];
}

/** Which commands have an option; by the fewer where nearly all have it. */
function usersText(users: readonly string[], commands: readonly CommandDefinition[]): string {
  const others = commands.map(({ name }) => name).filter((name) => !users.includes(name));
  if (others.length === 0) return "all";
  return others.length <= 3 ? `all but ${others.join(", ")}` : users.join(", ");
}

function longOf({ flags }: OptionDefinition): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}
