import { MultiBar, Presets, type SingleBar } from "cli-progress";
import Table from "cli-table3";
import { type RelayProgress, logProgress, secondsLeft } from "../backload/progress.ts";
import type { Log } from "../log.ts";
import { BORDERLESS } from "./coverageTable.ts";
import { duration } from "./progress.ts";

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
    return logProgress(log, progress);
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
