import { MultiBar, Presets, type SingleBar } from "cli-progress";

/** How far a relay's work has come. */
export interface RelayBar {
  readonly relay: string;
  /** Slots. */
  readonly done: number;
  readonly total: number;
  readonly rows: number;
  readonly requests: number;
  /** Seconds that are left; undefined where nothing is known of it yet. */
  readonly left: number | undefined;
}

const EVERY_MS = 200;

/**
 * A line a relay on a terminal (slots, rows, requests a second, ETA), until the returned function is called. `bars` is given the
 * seconds since the start.
 */
export function relayBars(
  stream: NodeJS.WriteStream,
  bars: (seconds: number) => readonly RelayBar[],
): () => void {
  const lines = new MultiBar(
    {
      stream,
      hideCursor: true,
      fps: 5,
      barsize: stream.columns >= 100 ? 30 : 12,
      format: "{relay} {bar} {value}/{total} slots {rows} rows {speed} req/s ETA {left}",
      gracefulExit: false,
    },
    Presets.shades_grey,
  );
  const shown = new Map<string, SingleBar>();
  const started = performance.now();
  const update = () => {
    const seconds = (performance.now() - started) / 1000;
    for (const { relay, done, total, rows, requests, left } of bars(seconds)) {
      const texts = {
        relay: relay.padEnd(16).slice(0, 16),
        rows: String(rows),
        speed: (requests / seconds).toFixed(1),
        left: left === undefined ? "-" : duration(left),
      };
      let bar = shown.get(relay);
      if (!bar) shown.set(relay, (bar = lines.create(total, 0, texts)));
      bar.setTotal(total);
      bar.update(done, texts);
    }
  };
  const timer = setInterval(update, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    update();
    lines.stop();
  };
}

/** Seconds as a person says them. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}
