import { MultiBar, Presets, type SingleBar } from "cli-progress";
import type { Tally } from "../collect/tally.ts";
import type { RelayClient } from "../relay/client.ts";

/** What a run shows while it works. */
export interface Progress {
  add(tally: Tally): void;
  stop(): void;
}

const SILENT: Progress = { add() {}, stop() {} };

/** A line per relay on a terminal (slots, rows, requests a second, ETA); nothing elsewhere, where logs say it. */
export function progressOn(
  stream: NodeJS.WriteStream,
  quiet: boolean,
  clients: ReadonlyMap<string, RelayClient>,
  slotsPerRelay: (relay: string) => number,
): Progress {
  if (quiet || !stream.isTTY) return SILENT;
  const wide = stream.columns >= 100;
  const bars = new MultiBar(
    {
      stream,
      hideCursor: true,
      fps: 5,
      barsize: wide ? 30 : 14,
      format: "{relay} {bar} {value}/{total} slots {rows} rows {speed} req/s ETA {eta_formatted}",
      gracefulExit: false,
    },
    Presets.shades_grey,
  );
  const shown: { tally: Tally; bar: SingleBar }[] = [];
  const started = performance.now();
  const update = () => {
    const seconds = (performance.now() - started) / 1000;
    for (const { tally, bar } of shown) {
      const client = clients.get(tally.relay);
      const done = [tally.bids, tally.payloads].reduce((sum, c) => sum + c.covered + c.failed, 0);
      bar.update(Math.min(done, bar.getTotal()), {
        rows: tally.bids.rows + tally.payloads.rows,
        speed: ((client?.counters.requests ?? 0) / seconds).toFixed(1),
      });
    }
  };
  const timer = setInterval(update, 200);
  timer.unref();
  return {
    add(tally) {
      const relay = tally.relay.padEnd(16).slice(0, 16);
      shown.push({
        tally,
        bar: bars.create(slotsPerRelay(tally.relay), 0, { relay, rows: 0, speed: "0.0" }),
      });
    },
    stop() {
      clearInterval(timer);
      update();
      bars.stop();
    },
  };
}
