import { type RelayProgress, logProgress, secondsLeft } from "../backload/progress.ts";
import type { Log } from "../log.ts";
import { relayBars } from "./bars.ts";
import { tableText } from "./tables.ts";

/**
 * Shows how far a back-load has come until the returned function is called: on a terminal a line a relay with slots, rows,
 * requests a second and ETA; elsewhere the same in a log line a relay, once a minute.
 */
export function progressLines(
  stream: NodeJS.WriteStream,
  quiet: boolean,
  log: Log,
  progress: () => readonly RelayProgress[],
): () => void {
  if (quiet || !stream.isTTY) return logProgress(log, progress);
  return relayBars(stream, (seconds) =>
    progress().map((progress) => ({
      ...progress,
      total: progress.slots,
      left: secondsLeft(progress, seconds),
    })),
  );
}

/** What was asked of each relay, and what it bore, as a table within 80 columns. */
export function ratesTable(progress: readonly RelayProgress[], seconds: number): string {
  const head = ["asked", "requests", "refused", "MB", "rows", "per second", "borne"];
  const rows = progress.map(({ relay, requests, refusals, bytes, rows: read, borne }) => [
    relay,
    ...[requests, refusals, (bytes / 1e6).toFixed(1), read, (requests / seconds).toFixed(2)].map(String),
    borne === null ? "-" : borne.toFixed(2),
  ]);
  return tableText(head, rows);
}
