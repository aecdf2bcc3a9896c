import { MultiBar, Presets, type SingleBar } from "cli-progress";
import type { Tally } from "../collect/tally.ts";
import type { RelayClient } from "../relays/http/client.ts";

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
      format: "{relay} {bar} {value}/{total} slots {rows} rows {speed} req/s ETA {left}",
      gracefulExit: false,
    },
    Presets.shades_grey,
  );
  const shown: { tally: Tally; bar: SingleBar }[] = [];
  const started = performance.now();
  const update = () => {
    const seconds = (performance.now() - started) / 1000;
    for (const { tally, bar } of shown) {
      const counts = [tally.bids, tally.payloads];
      const sum = (key: "passed" | "read" | "failed" | "wanted" | "rows") =>
        counts.reduce((total, c) => total + c[key], 0);
      const asked = sum("read") + sum("failed");
      // A recheck learns how much there is as it goes.
      bar.setTotal(Math.max(slotsPerRelay(tally.relay), sum("wanted")));
      const done = Math.min(asked + sum("passed"), bar.getTotal());
      bar.update(done, {
        rows: sum("rows"),
        speed: ((clients.get(tally.relay)?.counters.requests ?? 0) / seconds).toFixed(1),
        left: asked === 0 ? "-" : duration(((bar.getTotal() - done) * seconds) / asked),
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
        bar: bars.create(slotsPerRelay(tally.relay), 0, { relay, rows: 0, speed: "0.0", left: "-" }),
      });
    },
    stop() {
      clearInterval(timer);
      update();
      bars.stop();
    },
  };
}

/** Seconds as a person says them. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}
