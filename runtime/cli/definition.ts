import type { Argument, Command, Option } from "commander";

/** An option as commander has it, for whoever describes the command line. */
export interface OptionDefinition {
  /** As `--help` writes it, such as `--last <n>`. */
  readonly flags: string;
  readonly meaning: string;
  /** The texts that it takes, where there are only some. */
  readonly choices: readonly string[];
  /** What holds without it; absent where that is nothing. */
  readonly default?: string;
  readonly isRequired: boolean;
}

/** A command as commander has it. */
export interface CommandDefinition {
  readonly name: string;
  readonly meaning: string;
  /** Words that it takes, each with its choices. */
  readonly words: readonly { readonly name: string; readonly choices: readonly string[] }[];
  readonly options: readonly OptionDefinition[];
}

/** Every command with its options, in the order of `--help`; what `--help` hides isn't there. */
export function definitionOf(program: Command): CommandDefinition[] {
  const help = program.createHelp();
  return help
    .visibleCommands(program)
    .filter((command) => command.name() !== "help")
    .map((command) => ({
      name: command.name(),
      meaning: command.description(),
      words: command.registeredArguments.map((word: Argument) => ({
        name: word.name(),
        choices: word.argChoices ?? [],
      })),
      options: help
        .visibleOptions(command)
        .filter(({ long }) => long !== "--help")
        .map(optionOf),
    }));
}

function optionOf({ flags, description, argChoices, defaultValue, mandatory }: Option): OptionDefinition {
  const without = defaultText(defaultValue);
  return {
    flags,
    meaning: description,
    choices: argChoices ?? [],
    ...(without === undefined ? {} : { default: without }),
    isRequired: mandatory,
  };
}

/** A default in words; a switch that is off and a list without anything are none. */
function defaultText(value: unknown): string | undefined {
  if (value === undefined || value === false || (Array.isArray(value) && value.length === 0))
    return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
