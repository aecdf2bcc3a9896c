import { readFile } from "node:fs/promises";
import { UserError, messageOf, printable } from "../errors.ts";
import { builtInBuilders } from "../warehouse/sql/mainnetBuilders.ts";

/** Longest name that is shown whole. */
const MAX_NAME = 40;
const PUBKEY = /^0x[0-9a-f]{96}$/;

/** Names of builders by public key (0x hex, lower case). A builder may have many keys. */
export class BuilderNames {
  readonly #byKey: ReadonlyMap<string, string>;

  constructor(byKey: ReadonlyMap<string, string>) {
    this.#byKey = byKey;
  }

  /** The names that are built in for a network. */
  static of(network: string): BuilderNames {
    return new BuilderNames(builtInBuilders(network));
  }

  /** These names with others added; a key that has a name already gets the new one. */
  with(others: ReadonlyMap<string, string>): BuilderNames {
    return new BuilderNames(new Map([...this.#byKey, ...others]));
  }

  /** What a builder is shown as: its name, else the ends of its key. Control characters are made visible. */
  nameOf(pubkey: string): string {
    const name = this.#byKey.get(pubkey);
    if (name !== undefined) return printable(name, MAX_NAME);
    return pubkey.length > 14 ? `${pubkey.slice(0, 6)}…${pubkey.slice(-4)}` : printable(pubkey);
  }
}

/**
 * Reads a file of builder names: a line `<pubkey> <name>` each (a comma or white space between), empty lines and those that
 * begin with `#` apart. Throws UserError (exit 2) that names the line.
 */
export async function readNames(path: string): Promise<ReadonlyMap<string, string>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new UserError(`--builders ${path} can't be read: ${messageOf(error)}`, { exitCode: 2 });
  }
  const names = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [, key = "", name = ""] = /^(\S*?)[\s,]+(.*)$/.exec(trimmed) ?? [];
    const pubkey = key.toLowerCase();
    if (!PUBKEY.test(pubkey) || name.trim() === "")
      throw new UserError(
        `--builders ${path}, line ${index + 1}: write a builder's public key (0x and 96 hex digits), a space, and its name`,
        { exitCode: 2 },
      );
    names.set(pubkey, name.trim());
  }
  return names;
}
