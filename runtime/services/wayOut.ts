import { connect } from "node:net";
import type { Clock } from "../chain/clock.ts";
import { messageOf } from "../errors.ts";
import type { ServiceLog } from "../log.ts";
import { WAY_OUT_PATIENCE_SECONDS } from "../settings/shared.ts";

/** A host and a port that connections are tried to. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/**
 * One of Google's, which is reached inside its network, and a public one, which is reached by the NAT; both are there for
 * everybody. Never a relay: relays count what comes from our address.
 */
const DESTINATIONS: readonly Destination[] = [
  { host: "storage.googleapis.com", port: 443 },
  { host: "one.one.one.one", port: 443 },
];

/** Below what the start-up probe waits for an answer (5 s). */
const CONNECT_MS = 3000;

export interface WayOutOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Pick<ServiceLog, "warn">;
  /** For tests: others than the two. */
  readonly destinations?: readonly Destination[];
}

/**
 * Whether connections get out of a new instance. By Direct VPC egress the first ones may stall for a minute and more, and the
 * start-up probe should wait for that: https://docs.cloud.google.com/run/docs/configuring/vpc-direct-vpc, "Limitations". Each
 * question is a try; what was reached once is not tried again.
 */
export class WayOut {
  readonly #options: WayOutOptions;
  readonly #startedMs: number;
  #left: readonly Destination[];

  constructor(options: WayOutOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
    this.#left = options.destinations ?? DESTINATIONS;
  }

  /** What couldn't be reached yet, as `host:port`; nothing once its time is over: an outage elsewhere must not keep a service down. */
  async unreached(): Promise<readonly string[]> {
    const tried = await Promise.all(
      this.#left.map(async (destination) => ({ destination, fault: await faultOf(destination) })),
    );
    const failed = tried.filter(({ fault }) => fault !== undefined);
    this.#left = failed.map(({ destination }) => destination);
    const names = this.#left.map(({ host, port }) => `${host}:${port}`);
    const waited = this.#options.clock.monotonic() - this.#startedMs;
    if (names.length === 0 || waited < 1000 * WAY_OUT_PATIENCE_SECONDS) return names;
    this.#left = [];
    this.#options.log.warn(
      { unreached: names, faults: failed.map(({ fault }) => fault) },
      "started without having reached all that it tried; ticks try for themselves",
    );
    return [];
  }
}

/** Why no connection could be made; undefined where one could. */
async function faultOf({ host, port }: Destination): Promise<string | undefined> {
  return new Promise((resolve) => {
    // The subnet has addresses of IPv4 alone.
    const socket = connect({ host, port, family: 4, signal: AbortSignal.timeout(CONNECT_MS) });
    socket.once("connect", () => {
      resolve(undefined);
      socket.destroy();
    });
    socket.once("error", (error) => resolve(messageOf(error)));
  });
}
