import type { Clock } from "../chain/clock.ts";
import type { Tally } from "../collect/tally.ts";
import type { RelayClient } from "../relays/http/client.ts";
import { type RelayBar, type Screen, liveScreen, totalLine } from "./bars.ts";
import { duration, elapsed, grouped } from "./numbers.ts";
import { type MeteredRelay, type RunState, RunMeter, type WantedSlots } from "./runMeter.ts";

/** What follows when all relays have been asked. */
export type LaterPhase = "loading" | "reporting";

/** What a run shows while it works. */
export interface Progress {
  add(tally: Tally): void;
  /** All relays have been asked; what is done now. */
  begin(phase: LaterPhase): void;
  stop(): void;
}

const SILENT: Progress = { add() {}, begin() {}, stop() {} };

/** What progress is made of. */
export interface ProgressInput {
  readonly quiet: boolean;
  readonly clock: Clock;
  readonly clients: ReadonlyMap<string, RelayClient>;
  /** Slots that will be asked for, where the lake was looked at before; else they count as they are planned. */
  readonly wanted?: WantedSlots | undefined;
}

/**
 * On a terminal a line a relay (requests, rows, requests a second, time left), one that names the phase and one with what all of
 * them have come to; nothing elsewhere, where logs say it.
 */
export function progressOn(stream: NodeJS.WriteStream, input: ProgressInput): Progress {
  const { quiet, clock, clients, wanted } = input;
  if (quiet || !stream.isTTY) return SILENT;
  const meter = new RunMeter(clock, clients, wanted);
  let later: { readonly phase: LaterPhase; readonly since: number } | undefined;
  const stop = liveScreen(stream, () => runScreen(meter.state(), later));
  return {
    add: (tally) => meter.add(tally),
    begin(phase) {
      later = { phase, since: meter.state().seconds };
    },
    stop,
  };
}

/** What a run shows: `later`, the phase after asking and when it began, s since the start. */
export function runScreen(
  state: RunState,
  later?: { readonly phase: LaterPhase; readonly since: number },
): Screen {
  const { relays, phase, seconds, requests, left, rows, bytes, secondsLeft } = state;
  const asked = `${grouped(requests)} of about ${grouped(requests + left)} requests`;
  const rest = secondsLeft === undefined ? "" : `, about ${duration(secondsLeft)} left before loading`;
  const now = later
    ? `${later.phase}, for ${elapsed(seconds - later.since)}`
    : phase === "done"
      ? "asked"
      : `${phase}: ${asked}${rest}`;
  return { relays: relays.map(barOf), below: [now, totalLine(seconds, { rows, bytes, requests })] };
}

function barOf({ relay, rows, requests, left, speed, secondsLeft, phase }: MeteredRelay): RelayBar {
  const time = secondsLeft === undefined ? "" : `${duration(secondsLeft)} left`;
  const state = phase === "done" || phase === "down" ? phase : phase === "asking" ? time : `again, ${time}`;
  return { relay, done: requests, total: requests + left, rows, speed, state };
}
