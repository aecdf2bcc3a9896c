import { withoutUsers } from "../errors.ts";
import { COMMAND, shellWord } from "./invoked.ts";
import { type CommonOptions, DEFAULT_LAKE } from "./options.ts";

/** Options that a command which follows on a `run` takes from it, and what they are where nobody gave them. */
const KEPT = [
  ["network", "simulated"],
  ["seed", 1],
  ["dataset", undefined],
  ["lake", DEFAULT_LAKE],
  ["warehouse", undefined],
  ["rate", undefined],
  ["faults", "none"],
  ["now", undefined],
] as const satisfies readonly (readonly [keyof CommonOptions, unknown])[];
const REPEATED: readonly (keyof CommonOptions)[] = ["relay", "relayLimit", "relayHeader"];

/**
 * A command line in full that does `command` where and as `options` say, with `more` at its end. It holds no credentials: users of
 * URLs are left out.
 */
export function commandLine(command: string, options: CommonOptions, more: readonly string[]): string {
  const words = [command];
  for (const [name, usual] of KEPT)
    if (options[name] !== usual && options[name] !== undefined) words.push(flag(name), String(options[name]));
  for (const name of REPEATED)
    for (const spec of (options[name] as readonly string[] | undefined) ?? []) words.push(flag(name), spec);
  return [COMMAND, ...[...words, ...more].map((word) => shellWord(withoutUsers(word)))].join(" ");
}

function flag(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
