import { MultiBar, Presets, type SingleBar } from "cli-progress";
import { speakBy } from "../log.ts";
import { elapsed, grouped, scaledBytes, scaledCount, terminalColumns } from "./numbers.ts";

/** How far a relay's work has come. */
export interface RelayBar {
  readonly relay: string;
  /** Requests. */
  readonly done: number;
  readonly total: number;
  readonly rows: number;
  /** Requests a second; undefined where nothing is known of it yet. */
  readonly speed: number | undefined;
  /** How long it will take, or why that can't be said. */
  readonly state: string;
}

/** What stands on the terminal: a line a relay, and lines about all of them. */
export interface Screen {
  readonly relays: readonly RelayBar[];
  readonly below: readonly string[];
}

/** What all relays have come to, as the last line of a screen. */
export function totalLine(
  seconds: number,
  { rows, bytes, requests }: { readonly rows: number; readonly bytes: number; readonly requests: number },
): string {
  const speed = seconds > 0 ? requests / seconds : 0;
  const sums = [elapsed(seconds), `${scaledCount(rows)} rows`, scaledBytes(bytes)];
  return `total: ${sums.join(", ")}, ${grouped(requests)} requests, ${speed.toFixed(1)} a second`;
}

const EVERY_MS = 200;
/** Widths between which a bar is drawn; narrower ones say nothing. */
const [SHORTEST, LONGEST] = [4, 30];

/** Keeps a screen up to date on a terminal until the returned function is called, by which it is drawn a last time. */
export function liveScreen(stream: NodeJS.WriteStream, screen: () => Screen): () => void {
  const drawn = new MultiBar(
    {
      stream,
      hideCursor: true,
      fps: 5,
      format: (_options, _params, payload: { readonly text: string }) => payload.text,
      gracefulExit: false,
    },
    Presets.shades_grey,
  );
  const lines: SingleBar[] = [];
  const update = () => {
    screenLines(screen(), terminalColumns(stream)).forEach((text, at) => {
      lines[at] ??= drawn.create(1, 0, { text });
      lines[at].update(0, { text });
    });
  };
  const timer = setInterval(update, EVERY_MS);
  timer.unref();
  // What is said meanwhile stands above.
  const silence = speakBy((text) => drawn.log(text));
  return () => {
    clearInterval(timer);
    update();
    drawn.update();
    silence();
    drawn.stop();
  };
}

/** The lines of a screen in so many columns. Names are never cut: where it is narrow, speeds and rows are left off first. */
export function screenLines({ relays, below }: Screen, columns: number): string[] {
  const name = widest(relays.map(({ relay }) => relay));
  const texts = relays.map(({ done, total, rows, speed, state }) => ({
    counts: `${grouped(done)}/${grouped(total)}`,
    rows: `${scaledCount(rows)} rows`,
    speed: speed === undefined ? "" : `${speed.toFixed(1)}/s`,
    state,
  }));
  const widthOf = (key: "counts" | "rows" | "speed" | "state") => widest(texts.map((text) => text[key]));
  const widths = {
    counts: widthOf("counts"),
    rows: widthOf("rows"),
    speed: widthOf("speed"),
    state: widthOf("state"),
  };
  const room = columns - name - widths.counts - widths.state - SHORTEST - 3;
  const withRows = room > widths.rows;
  const withSpeed = room > widths.rows + 1 + widths.speed;
  const used = (withRows ? widths.rows + 1 : 0) + (withSpeed ? widths.speed + 1 : 0);
  const width = Math.max(0, Math.min(LONGEST, SHORTEST + room - used));
  const lines = relays.map(({ relay, done, total }, at) => {
    const text = texts[at];
    if (!text) return relay;
    const parts = [relay.padEnd(name), bar(done, total, width), text.counts.padStart(widths.counts)];
    if (withRows) parts.push(text.rows.padStart(widths.rows));
    if (withSpeed) parts.push(text.speed.padStart(widths.speed));
    return [...parts, text.state].filter((part) => part !== "").join(" ");
  });
  return [...lines, ...below].map((line) => line.slice(0, columns));
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}

function bar(done: number, total: number, width: number): string {
  const full = total === 0 ? width : Math.floor((width * Math.min(done, total)) / total);
  return "█".repeat(full) + "░".repeat(width - full);
}
