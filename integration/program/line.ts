import type { Clock } from "../../runtime/chain/clock.ts";
import { VirtualClock } from "../../runtime/chain/virtualClock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import type { SlotRange } from "../../runtime/chain/slots.ts";
import { Connection } from "../../runtime/collect/connection.ts";
import { collect } from "../../runtime/collect/run.ts";
import { recheck } from "../../runtime/collect/recheck.ts";
import type { Tally } from "../../runtime/collect/tally.ts";
import { AUCTION, type DatasetName } from "../../runtime/datasets/dataset.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import { silentLog } from "../../runtime/log.ts";
import type { RelayClientLimits } from "../../runtime/relays/http/client.ts";
import { type Timer, realTimer } from "../../runtime/relays/http/transfer.ts";
import type { Relay } from "../../runtime/relays/relay.ts";

/** The date of the simulated network's tests, Unix ms. */
export const NOW = 1_760_000_000_000;

/** A clock on which waiting costs nothing, and which stands still while a relay is asked. */
export interface LineClock extends Clock {
  readonly timer?: Timer;
}

/** A clock of a test's own, on which waiting costs nothing, the date included; its parts can be replaced one by one. */
export function hastyClock(startUnixMs: number = NOW): LineClock {
  // All that a line waits for is announced: requests by their timers, files by the system.
  const clock = new VirtualClock(startUnixMs, { idleMs: 0 });
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: async (ms, signal) => clock.sleep(ms, signal),
    timer: standingStill(clock),
  };
}

/** Ends requests by the machine's time; while one is under way the clock stands still. */
export function standingStill(clock: VirtualClock): Timer {
  return (onTime, ms) => {
    const release = clock.hold();
    const cancel = realTimer(onTime, ms);
    return () => {
      cancel();
      release();
    };
  };
}

/** What each relay may cost. */
export type LimitsOf = (relay: Relay) => Partial<RelayClientLimits>;

/** A busy machine must not pass for a relay that doesn't answer. */
export const PATIENT = { timeoutMs: 300_000 } as const;

/** For relays that hang: what is given up too early is asked again, as after any fault. */
export const SOON_GIVEN_UP = { timeoutMs: 3000 } as const;

/** How relays are asked. */
export interface LineOptions {
  readonly limitsOf?: LimitsOf | undefined;
  /** Requests a second to each of them. */
  readonly rate?: number;
}

/** The whole line from relays over loopback to a lake, as the command line builds it. */
export function lineOf(
  seed: number,
  relays: readonly Relay[],
  lake: Lake,
  clock: LineClock,
  { limitsOf = () => PATIENT, rate = 5000 }: LineOptions = {},
) {
  const network = simulatedNetwork(seed);
  const pass = async <T>(
    work: (options: Parameters<typeof collect>[0]) => Promise<T>,
    range: SlotRange,
  ): Promise<T> => {
    const stop = new AbortController().signal;
    const connection = new Connection({ network, clock });
    for (const relay of relays)
      connection.add(relay, {
        allowPrivate: true,
        rate,
        timer: clock.timer ?? realTimer,
        limits: limitsOf(relay),
      });
    try {
      return await work({
        network,
        lake,
        clock,
        log: silentLog,
        sources: connection.sources(stop),
        datasets: AUCTION,
        range,
        stop,
      });
    } finally {
      connection.close();
    }
  };
  return {
    network,
    run: (range: SlotRange, datasets: readonly DatasetName[] = AUCTION): Promise<Tally[]> =>
      pass((options) => collect({ ...options, datasets }), range),
    recheck: (range: SlotRange, more: { onlyEmpty?: boolean; accept?: boolean } = {}): Promise<Tally[]> =>
      pass((options) => recheck({ ...options, accept: false, ...more, chosen: () => true }), range),
  };
}
