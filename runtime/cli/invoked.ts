/** True where `npm start` started this process: npm tells a script its name. */
export const byNpmStart = process.env["npm_lifecycle_event"] === "start";

/** The words that start this program where it runs, for the commands that it names. */
export const COMMAND = byNpmStart ? "npm start --" : "mev-boost-etl";

/**
 * So many times SIGINT comes until it means "at once". A terminal sends Ctrl-C to all of its processes, and npm, which is one
 * of them, passes it on to its script once more.
 */
export const INTERRUPTS_TO_END = byNpmStart ? 3 : 2;

/** A word as a shell takes it whole. */
export function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
