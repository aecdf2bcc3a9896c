/** Texts that builders put into extra_data in many spellings, and the one name of each (relayscan's groups; beyond.md §D2). */
const GROUPS: readonly (readonly [RegExp, string])[] = [
  [/penguinbuild\.org/, "penguinbuild.org"],
  [/builder0x69/, "builder0x69"],
  [/rsync/, "rsync-builder"],
  [/BuilderNet/, "BuilderNet"],
  [/beaverbuild/, "beaverbuild"],
  [/[Tt]itan(builder)?\b/, "Titan"],
  [/^s[0-9]+e[0-9].*(t|f)/, "bob the builder"],
  // What clients write of themselves: no builder's name.
  [/^(geth|go-ethereum|Nethermind|besu|erigon|reth\/|\P{ASCII}*geth)/u, ""],
];
/** Longer ones are no names: extra_data has 32 bytes at most. */
const LONGEST = 40;

/**
 * The builder's name that a block's extra_data (as text) gives: of its group, else the text itself. Undefined where it gives none: no
 * text, or the name of an execution client. The text is foreign: whoever shows it escapes it.
 */
export function nameInExtraData(text: string): string | undefined {
  const [, group] = GROUPS.find(([pattern]) => pattern.test(text)) ?? [];
  const name = group ?? text.replaceAll(/[\p{C}\p{Z}]+/gu, " ").trim();
  return name === "" || name.length > LONGEST ? undefined : name;
}
