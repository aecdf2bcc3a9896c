import { MultiBar, Presets, type SingleBar } from "cli-progress";
import Table from "cli-table3";
import type { RelayProgress } from "../backload/progress.ts";
import type { Log } from "../log.ts";
import { BORDERLESS } from "./coverageTable.ts";
import { duration } from "./progress.ts";

/** Logs say how far a back-load has come this often, ms. */
const LOG_EVERY_MS = 60_000;

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
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  if (quiet || !stream.isTTY) {
    const timer = setInterval(() => logProgress(log, progress(), seconds()), LOG_EVERY_MS);
    timer.unref();
    return () => clearInterval(timer);
  }
  const bars = new MultiBar(
    {
      stream,
      hideCursor: true,
      fps: 5,
      barsize: stream.columns >= 100 ? 30 : 10,
      format: "{relay} {bar} {value}/{total} slots {rows} rows {speed} req/s ETA {left}",
      gracefulExit: false,
    },
    Presets.shades_grey,
  );
  const shown = new Map<string, SingleBar>();
  const update = () => {
    for (const one of progress()) {
      const payload = {
        relay: one.relay.padEnd(14).slice(0, 14),
        rows: String(one.rows),
        speed: (one.requests / seconds()).toFixed(1),
        left: eta(one, seconds()),
      };
      let bar = shown.get(one.relay);
      if (!bar) shown.set(one.relay, (bar = bars.create(one.slots, 0, payload)));
      bar.setTotal(one.slots);
      bar.update(one.done, payload);
    }
  };
  const timer = setInterval(update, 250);
  timer.unref();
  return () => {
    clearInterval(timer);
    update();
    bars.stop();
  };
}

function logProgress(log: Log, progress: readonly RelayProgress[], seconds: number): void {
  for (const { borne, ...counts } of progress) {
    const rate = Number((counts.requests / seconds).toFixed(3));
    const eta_seconds = secondsLeft(counts, seconds);
    log.info(
      { ...counts, rate, borne, ...(eta_seconds === undefined ? {} : { eta_seconds }) },
      "backload.progress",
    );
  }
}

/** Seconds until all slots are done, at the speed so far; undefined before anything was read. */
export function secondsLeft(
  { slots, done, read }: Pick<RelayProgress, "slots" | "done" | "read">,
  seconds: number,
): number | undefined {
  if (done >= slots) return 0;
  return read === 0 ? undefined : Math.ceil(((slots - done) * seconds) / read);
}

function eta(progress: RelayProgress, seconds: number): string {
  const left = secondsLeft(progress, seconds);
  return left === undefined ? "-" : duration(left);
}

/** What was asked of each relay, and what it bore, as a table within 80 columns. */
export function ratesTable(progress: readonly RelayProgress[], seconds: number): string {
  const head = ["asked", "requests", "refused", "MB", "rows", "per second", "borne"];
  const table = new Table({
    head,
    chars: BORDERLESS,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: ["left", ...head.slice(1).map(() => "right" as const)],
  });
  for (const { relay, requests, refusals, bytes, rows, borne } of progress) {
    const cells = [requests, refusals, (bytes / 1e6).toFixed(1), rows, (requests / seconds).toFixed(2)];
    table.push([relay, ...cells.map(String), borne === null ? "-" : borne.toFixed(2)]);
  }
  return table.toString();
}
