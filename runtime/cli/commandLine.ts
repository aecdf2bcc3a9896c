import { withoutUsers } from "../errors.ts";
import type { CommonOptions } from "./options.ts";

/** How the program is started here: by npm in its repository, else by its name. */
export function programName(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env["npm_lifecycle_event"] === "start" ? "npm start --" : "mev-boost-etl";
}

/** Options that a command which follows on a `run` takes from it, and what they are where nobody gave them. */
const KEPT = [
  ["network", "simulated"],
  ["seed", 1],
  ["dataset", undefined],
  ["lake", "data/lake"],
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
  return [programName(), ...[...words, ...more].map((word) => quoted(withoutUsers(word)))].join(" ");
}

function flag(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A word as a shell takes it whole. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
