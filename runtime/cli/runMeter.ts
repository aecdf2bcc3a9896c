import { payloadRequests } from "../backload/expectedRequests.ts";
import { SLOT_BY_SLOT, payloadsLeft, slotsLeft } from "../backload/requestsLeft.ts";
import type { Clock } from "../chain/clock.ts";
import { REST_MS } from "../collect/sightings.ts";
import { type Counts, type Tally, sumOver } from "../collect/tally.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { RelayClient } from "../relays/http/client.ts";

/** How far one relay's part of a run has come. */
export interface MeteredRelay {
  readonly relay: string;
  readonly rows: number;
  /** Bytes of bodies on the wire. */
  readonly bytes: number;
  /** Requests sent, retries among them. */
  readonly requests: number;
  /** Requests that are still to be sent, as far as can be told by now. */
  readonly left: number;
  /** Requests a second lately; undefined while there are too few. */
  readonly speed: number | undefined;
  /** Undefined while the relay is down: nobody knows when it comes back. */
  readonly secondsLeft: number | undefined;
  readonly phase: "asking" | "asking again" | "done" | "down";
}

/** The same over all relays: they are asked side by side, so the last one decides. */
export interface RunState {
  readonly relays: readonly MeteredRelay[];
  readonly phase: "asking" | "asking again" | "done";
  readonly seconds: number;
  readonly requests: number;
  readonly left: number;
  readonly rows: number;
  readonly bytes: number;
  readonly secondsLeft: number | undefined;
}

/** Slots that a relay will be asked for, by dataset, as far as that is known before it is. */
export type WantedSlots = ReadonlyMap<string, Readonly<Partial<Record<DatasetName, number>>>>;

/** Speed is measured over at least so long, s, and over half of the time so far. */
const SHORTEST_WINDOW = 60;
/** Fewer requests say nothing about the speed, unless they took so long, s: it is taken to be the rate that is set. */
const FEW = { requests: 10, seconds: 20 };
interface Sample {
  readonly at: number;
  readonly requests: number;
}

/** Works out from the tallies of a run how many requests are left, and how long they will take. */
export class RunMeter {
  readonly #clock: Clock;
  readonly #clients: ReadonlyMap<string, RelayClient>;
  readonly #wanted: WantedSlots;
  readonly #started: number;
  readonly #relays = new Map<string, { tally: Tally; samples: Sample[]; read: number; readAt: number }>();

  constructor(clock: Clock, clients: ReadonlyMap<string, RelayClient>, wanted: WantedSlots = new Map()) {
    this.#clock = clock;
    this.#clients = clients;
    this.#wanted = wanted;
    this.#started = clock.monotonic();
  }

  /** A relay's work begins. */
  add(tally: Tally): void {
    const samples = [{ at: this.#now(), requests: this.#clients.get(tally.relay)?.counters.requests ?? 0 }];
    this.#relays.set(tally.relay, { tally, samples, read: 0, readAt: this.#now() });
  }

  /** How far the run has come by now. Speeds are measured between calls, so call it about every second. */
  state(): RunState {
    const relays = Array.from(this.#relays.values(), (relay) => this.#stateOf(relay));
    const sum = (key: "requests" | "left" | "rows" | "bytes") =>
      relays.reduce((total, state) => total + state[key], 0);
    const known = relays.flatMap(({ secondsLeft }) => secondsLeft ?? []);
    const isAsking = relays.some(({ phase }) => phase === "asking");
    const isAgain = relays.some(({ phase }) => phase === "asking again");
    return {
      relays,
      phase: isAsking ? "asking" : isAgain ? "asking again" : "done",
      seconds: this.#now(),
      requests: sum("requests"),
      left: sum("left"),
      rows: sum("rows"),
      bytes: sum("bytes"),
      secondsLeft: known.length === 0 ? undefined : Math.max(...known),
    };
  }

  #now(): number {
    return (this.#clock.monotonic() - (this.#started ?? 0)) / 1000;
  }

  #stateOf(relay: { tally: Tally; samples: Sample[]; read: number; readAt: number }): MeteredRelay {
    const { tally, samples } = relay;
    const client = this.#clients.get(tally.relay);
    const { requests, retries, bytes } = client?.counters ?? { requests: 0, retries: 0, bytes: 0 };
    const now = this.#now();
    const read = sumOver(tally, "read");
    if (read !== relay.read) Object.assign(relay, { read, readAt: now });
    const speed = speedOf(samples, { at: now, requests });
    const common = {
      relay: tally.relay,
      rows: sumOver(tally, "rows"),
      bytes,
      requests,
      speed,
    };
    if (tally.complete) return { ...common, left: 0, secondsLeft: 0, phase: "done" };
    const rate = client?.rate ?? 1;
    const work = workLeft(tally, this.#wanted.get(tally.relay), client?.payloadLimit ?? 1, rate);
    const left = Math.ceil((work.requests * requests) / Math.max(1, requests - retries));
    if (client?.down === true) return { ...common, left, secondsLeft: undefined, phase: "down" };
    // The last answers without rows rest before they are asked for again.
    const rest = work.again >= 1 ? REST_MS / 1000 - (work.unread > 0 ? 0 : now - relay.readAt) : 0;
    const secondsLeft = left / (speed ?? rate) + Math.max(0, rest);
    return { ...common, left, secondsLeft, phase: work.unread > 0 ? "asking" : "asking again" };
  }
}

/** Adds a sample where it is due; the speed since the oldest one that counts. */
function speedOf(samples: Sample[], newest: Sample): number | undefined {
  const window = Math.max(SHORTEST_WINDOW, newest.at / 2);
  if (newest.at - (samples.at(-1)?.at ?? -Infinity) >= 1) samples.push(newest);
  while (samples.length > 2 && newest.at - (samples[1]?.at ?? 0) >= window) samples.shift();
  const [oldest] = samples;
  if (!oldest) return undefined;
  const requests = newest.requests - oldest.requests;
  const seconds = newest.at - oldest.at;
  const isFew = requests < FEW.requests && seconds < FEW.seconds;
  return isFew || requests === 0 || seconds <= 0 ? undefined : requests / seconds;
}

/** What is left to ask one relay: questions, slots without an answer yet, and slots that will be asked again. */
function workLeft(
  tally: Tally,
  wanted: Readonly<Partial<Record<DatasetName, number>>> | undefined,
  pageLimit: number,
  rate: number,
): { requests: number; unread: number; again: number } {
  const unreadOf = (name: DatasetName, { wanted: listed, read, failed }: Counts) =>
    Math.max(0, Math.max(wanted?.[name] ?? 0, listed) - read - failed);
  const unread = (name: DatasetName) => unreadOf(name, tally[name]);
  const bySlot = slotsLeft((name) => tally[name], unread, rate);
  const pages = unread("payloads");
  const { payloads } = tally;
  // Payloads come first; once slots are asked, only what lies above the relay's newest payload is left of them.
  const areSlotsBegun = SLOT_BY_SLOT.some((name) => tally[name].read > 0);
  const ofPayloads =
    pages > 0 && areSlotsBegun
      ? payloadRequests(0, pageLimit, 1)
      : payloadsLeft(payloads, pages, pageLimit, 1);
  const isPagesAlone = SLOT_BY_SLOT.every((name) => (wanted?.[name] ?? 0) === 0 && tally[name].wanted === 0);
  return {
    requests: Math.max(1, bySlot.requests + ofPayloads),
    unread: isPagesAlone ? pages : SLOT_BY_SLOT.reduce((sum, name) => sum + unread(name), 0),
    again: bySlot.again,
  };
}
