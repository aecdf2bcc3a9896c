import { type SlotRange, intersect, slotCount } from "../chain/slots.ts";
import type { Network } from "../chain/networks.ts";
import { target } from "../collect/plan.ts";
import type { Tally } from "../collect/tally.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { Log } from "../log.ts";
import type { Connected } from "./connect.ts";
import { BACKLOAD_LINES } from "./logLines.ts";

/** How far a relay's part of a back-load has come. A slot of each dataset counts for itself. */
export interface RelayProgress {
  readonly relay: string;
  /** Slots that are to be settled. */
  readonly slots: number;
  /** Slots that needn't be asked for any more: covered, or forgotten by the relay. */
  readonly done: number;
  /** Slots of `done` that were asked for in this run. */
  readonly read: number;
  /** Slots that gave no answer; they stay missing. */
  readonly failed: number;
  readonly rows: number;
  readonly requests: number;
  readonly refusals: number;
  /** Bytes of bodies on the wire. */
  readonly bytes: number;
  /** Requests a second that the relay has borne (see Pace) from this address; null while that isn't known. */
  readonly borne: number | null;
}

/** Follows the tallies of a worker's passes over its relays. */
export class ProgressMeter {
  readonly #relays = new Map<string, { slots: number; settled: Settled; running: Tally | undefined }>();
  readonly #connected: Connected;

  constructor(
    network: Network,
    names: readonly DatasetName[],
    range: SlotRange | undefined,
    nowMs: number,
    connected: Connected,
  ) {
    this.#connected = connected;
    for (const relay of connected.sources.keys()) {
      const wanted = target(network, relay, nowMs);
      const asked = wanted && range && intersect(wanted, range);
      const slots = asked ? slotCount(asked) * names.length : 0;
      this.#relays.set(relay.name, { slots, settled: NOTHING, running: undefined });
    }
  }

  /** A pass over a part of the range begins. */
  begin(tally: Tally): void {
    const relay = this.#relays.get(tally.relay);
    if (relay) relay.running = tally;
  }

  /** The running pass is over. `again`: it went over slots that an earlier pass had counted. */
  end(name: string, again: boolean): void {
    const relay = this.#relays.get(name);
    if (!relay?.running) return;
    relay.settled = sum(relay.settled, relay.running, again);
    relay.running = undefined;
  }

  snapshot(): RelayProgress[] {
    return Array.from(this.#relays, ([name, { slots, settled, running }]) => {
      const { passed, read, failed, rows } = running ? sum(settled, running, false) : settled;
      const client = this.#connected.clients.get(name);
      const borne = client?.borneRate;
      return {
        relay: name,
        slots,
        done: Math.min(slots, passed + read),
        read,
        failed,
        rows,
        requests: client?.counters.requests ?? 0,
        refusals: client?.counters.refusals ?? 0,
        bytes: client?.counters.bytes ?? 0,
        borne: borne === undefined ? null : borne / this.#connected.share(name),
      };
    });
  }
}

interface Settled {
  readonly passed: number;
  readonly read: number;
  readonly failed: number;
  readonly rows: number;
}

const NOTHING: Settled = { passed: 0, read: 0, failed: 0, rows: 0 };

function sum(settled: Settled, { bids, payloads }: Tally, again: boolean): Settled {
  const of = (key: "passed" | "read" | "failed" | "rows") => bids[key] + payloads[key];
  return {
    passed: settled.passed + (again ? 0 : of("passed")),
    read: settled.read + of("read"),
    failed: again ? of("failed") : settled.failed + of("failed"),
    rows: settled.rows + of("rows"),
  };
}

/** The progress of several workers as one, relay by relay. */
export function together(workers: Iterable<readonly RelayProgress[]>): RelayProgress[] {
  const relays = new Map<string, RelayProgress>();
  for (const progress of [...workers].flat()) {
    const known = relays.get(progress.relay);
    relays.set(progress.relay, known ? sumOf(known, progress) : progress);
  }
  return [...relays.values()];
}

const SUMMED = ["slots", "done", "read", "failed", "rows", "requests", "refusals", "bytes"] as const;

function sumOf(a: RelayProgress, b: RelayProgress): RelayProgress {
  const sums = Object.fromEntries(SUMMED.map((key) => [key, a[key] + b[key]]));
  return { ...a, ...sums, borne: highest(a.borne, b.borne) };
}

function highest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

/** Logs say how far a worker has come this often, ms. */
const LOG_EVERY_MS = 60_000;

/** Logs a line a relay once a minute, until the returned function is called. */
export function logProgress(log: Log, progress: () => readonly RelayProgress[]): () => void {
  const started = performance.now();
  const readBefore = new Map<string, number>();
  const timer = setInterval(() => {
    const seconds = (performance.now() - started) / 1000;
    for (const { borne, ...counts } of progress()) {
      const settled = counts.read - (readBefore.get(counts.relay) ?? 0);
      readBefore.set(counts.relay, counts.read);
      const rate = Number((counts.requests / seconds).toFixed(3));
      const eta = secondsLeft(counts, seconds);
      const known = {
        ...(borne === null ? {} : { borne }),
        ...(eta === undefined ? {} : { eta_seconds: eta }),
      };
      log.info({ ...counts, settled, rate, ...known }, BACKLOAD_LINES.relay.message);
    }
  }, LOG_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Seconds until all slots are done, at the speed so far; undefined before anything was read. */
export function secondsLeft(
  { slots, done, read }: Pick<RelayProgress, "slots" | "done" | "read">,
  seconds: number,
): number | undefined {
  if (done >= slots) return 0;
  return read === 0 ? undefined : Math.ceil(((slots - done) * seconds) / read);
}
