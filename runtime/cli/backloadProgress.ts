import { type RelayProgress, logProgress, secondsLeft } from "../backload/progress.ts";
import type { Log } from "../log.ts";
import { type Screen, liveScreen, totalLine } from "./bars.ts";
import { duration, grouped, scaledBytes } from "./numbers.ts";
import { tableText } from "./tables.ts";

/**
 * Shows how far a back-load has come until the returned function is called: on a terminal a line a relay with slots, rows,
 * requests a second and time left; elsewhere the same in a log line a relay, once a minute.
 */
export function progressLines(
  stream: NodeJS.WriteStream,
  quiet: boolean,
  log: Log,
  progress: () => readonly RelayProgress[],
): () => void {
  if (quiet || !stream.isTTY) return logProgress(log, progress);
  const started = performance.now();
  return liveScreen(stream, () => backloadScreen(progress(), (performance.now() - started) / 1000));
}

/** What a back-load shows after so many seconds. */
export function backloadScreen(progress: readonly RelayProgress[], seconds: number): Screen {
  const relays = progress.map((of) => {
    const { relay, done, slots: total, rows, requests } = of;
    const left = secondsLeft(of, seconds);
    const state = left === undefined ? "" : left === 0 ? "done" : `${duration(left)} left`;
    return { relay, done, total, rows, speed: seconds > 0 ? requests / seconds : undefined, state };
  });
  const sum = (key: "rows" | "requests" | "bytes") => progress.reduce((total, of) => total + of[key], 0);
  const sums = { rows: sum("rows"), bytes: sum("bytes"), requests: sum("requests") };
  return { relays, below: [totalLine(seconds, sums)] };
}

/** What was asked of each relay, and what it bore, as a table within 80 columns. */
export function ratesTable(progress: readonly RelayProgress[], seconds: number): string {
  const head = ["asked", "requests", "refused", "bytes", "rows", "per second", "borne"];
  const sum = (key: "requests" | "refusals" | "bytes" | "rows") =>
    progress.reduce((total, of) => total + of[key], 0);
  const rows = progress.map(({ relay, requests, refusals, bytes, rows: read, borne }) => [
    relay,
    grouped(requests),
    grouped(refusals),
    scaledBytes(bytes),
    grouped(read),
    (requests / seconds).toFixed(2),
    borne === null ? "-" : borne.toFixed(2),
  ]);
  if (rows.length > 1)
    rows.push([
      "total",
      grouped(sum("requests")),
      grouped(sum("refusals")),
      scaledBytes(sum("bytes")),
      grouped(sum("rows")),
      (sum("requests") / seconds).toFixed(2),
      "",
    ]);
  return tableText(head, rows);
}
