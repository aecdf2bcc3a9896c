import { type SlotRange, intersect, slotCount } from "../chain/slots.ts";
import type { Network } from "../chain/networks.ts";
import { target } from "../collect/plan.ts";
import { REST_MS } from "../collect/sightings.ts";
import type { Tally } from "../collect/tally.ts";
import { DATASET_NAMES, type DatasetName, forEachDataset } from "../datasets/dataset.ts";
import type { Log } from "../log.ts";
import type { RelayClient } from "../relays/http/client.ts";
import type { Connected } from "./connect.ts";
import { BACKLOAD_LINES } from "./logLines.ts";
import { payloadsLeft, slotsLeft } from "./requestsLeft.ts";
import { SEGMENT_SLOTS } from "./shard.ts";

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
  /** Requests that are still to be sent, as far as can be told by now. */
  readonly left: number;
  /** Seconds that the last answers without rows rest before they are asked for again; 0 where there are none. */
  readonly rest: number;
  readonly refusals: number;
  /** Bytes of bodies on the wire. */
  readonly bytes: number;
  /** Requests a second that the relay has borne (see Pace) from this address; null while that isn't known. */
  readonly borne: number | null;
}

/** What was counted of a dataset's slots. */
type Part = Readonly<Record<"passed" | "read" | "failed" | "rows" | "toAskAgain" | "askedAgain", number>>;
type Settled = Readonly<Record<DatasetName, Part>>;

const NONE: Part = { passed: 0, read: 0, failed: 0, rows: 0, toAskAgain: 0, askedAgain: 0 };

/** Follows the tallies of a worker's passes over its relays. */
export class ProgressMeter {
  readonly #relays = new Map<string, { slots: number; settled: Settled; running: Tally | undefined }>();
  readonly #names: readonly DatasetName[];
  readonly #connected: Connected;

  constructor(
    network: Network,
    names: readonly DatasetName[],
    range: SlotRange | undefined,
    nowMs: number,
    connected: Connected,
  ) {
    this.#names = names;
    this.#connected = connected;
    for (const relay of connected.sources.keys()) {
      const wanted = target(network, relay, nowMs);
      const asked = wanted && range && intersect(wanted, range);
      const slots = asked ? slotCount(asked) : 0;
      this.#relays.set(relay.name, { slots, settled: forEachDataset(() => NONE), running: undefined });
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
    const total = sum(relay.settled, relay.running, again);
    // What wasn't asked again in its pass won't be.
    relay.settled = forEachDataset(({ name: of }) => ({ ...total[of], askedAgain: total[of].toAskAgain }));
    relay.running = undefined;
  }

  snapshot(): RelayProgress[] {
    return Array.from(this.#relays, ([name, { slots, settled, running }]) => {
      const counts = running ? sum(settled, running, false) : settled;
      const of = (key: keyof Part) => DATASET_NAMES.reduce((total, one) => total + counts[one][key], 0);
      const client = this.#connected.clients.get(name);
      const borne = client?.borneRate;
      return {
        relay: name,
        slots: slots * this.#names.length,
        done: Math.min(slots * this.#names.length, of("passed") + of("read")),
        read: of("read"),
        failed: of("failed"),
        rows: of("rows"),
        requests: client?.counters.requests ?? 0,
        ...this.#left(client, slots, counts),
        refusals: client?.counters.refusals ?? 0,
        bytes: client?.counters.bytes ?? 0,
        borne: borne === undefined ? null : borne / this.#connected.share(name),
      };
    });
  }

  /** By what the slots so far took, those included that had to be sent anew. */
  #left(
    client: RelayClient | undefined,
    slots: number,
    counts: Settled,
  ): Pick<RelayProgress, "left" | "rest"> {
    const unread = (name: DatasetName, { passed, read, failed }: Part) =>
      this.#names.includes(name) ? Math.max(0, slots - passed - read - failed) : 0;
    const pages = unread("payloads", counts.payloads);
    const bySlot = slotsLeft(
      (name) => counts[name],
      (name) => unread(name, counts[name]),
      client?.rate ?? 1,
    );
    const questions =
      bySlot.requests +
      payloadsLeft(counts.payloads, pages, client?.payloadLimit ?? 1, Math.ceil(pages / SEGMENT_SLOTS));
    const { requests, retries } = client?.counters ?? { requests: 0, retries: 0 };
    return {
      left: Math.ceil((questions * Math.max(1, requests)) / Math.max(1, requests - retries)),
      rest: bySlot.again >= 1 ? REST_MS / 1000 : 0,
    };
  }
}

function sum(settled: Settled, tally: Tally, again: boolean): Settled {
  const part = (before: Part, now: Part): Part => ({
    passed: before.passed + (again ? 0 : now.passed),
    read: before.read + now.read,
    failed: again ? now.failed : before.failed + now.failed,
    rows: before.rows + now.rows,
    toAskAgain: before.toAskAgain + now.toAskAgain,
    askedAgain: before.askedAgain + now.askedAgain,
  });
  return forEachDataset(({ name }) => part(settled[name], tally[name]));
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

const SUMMED = ["slots", "done", "read", "failed", "rows", "requests", "left", "refusals", "bytes"] as const;

function sumOf(a: RelayProgress, b: RelayProgress): RelayProgress {
  const sums = Object.fromEntries(SUMMED.map((key) => [key, a[key] + b[key]]));
  return { ...a, ...sums, rest: Math.max(a.rest, b.rest), borne: highest(a.borne, b.borne) };
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
    for (const { borne, rest, ...counts } of progress()) {
      const settled = counts.read - (readBefore.get(counts.relay) ?? 0);
      readBefore.set(counts.relay, counts.read);
      const rate = Number((counts.requests / seconds).toFixed(3));
      const eta = secondsLeft({ ...counts, rest }, seconds);
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

/** Seconds until all slots are done, at the requests a second so far; undefined before anything was asked. */
export function secondsLeft(
  { slots, done, requests, left, rest }: Pick<RelayProgress, "slots" | "done" | "requests" | "left" | "rest">,
  seconds: number,
): number | undefined {
  if (done >= slots) return 0;
  return requests === 0 ? undefined : Math.ceil((left * seconds) / requests + rest);
}
