import { bigqueryDialect } from "../warehouse/sql/bigqueryDialect.ts";
import type { CanonicalTable } from "../chain/canonicalChain.ts";
import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { nameBuilders } from "../builders/nameBuilders.ts";
import { Connection } from "../collect/connection.ts";
import { type TickMemory, type TickResult, isNewDay, tick } from "../tick/tick.ts";
import type { AuctionDataset } from "../datasets/dataset.ts";
import { UserError, messageOf } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import type { ServiceLog } from "../log.ts";
import type { RelayClient, RelayClientLimits } from "../relays/http/client.ts";
import type { RelayHeaders } from "../relays/headers.ts";
import { type Relay, serves } from "../relays/relay.ts";
import type { Timer } from "../relays/http/transfer.ts";
import { bigqueryChain, tellsOfBlocks } from "../warehouse/bigquery/bigqueryChain.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { isForbidden } from "./forbidden.ts";
import { LOG_LINES, type LineOf, type TickOutcome } from "./logLines.ts";
import { collectedBy } from "../settings/shared.ts";
import { relayCounts, said, tickCounts, troubles } from "./tickLines.ts";
import type { ReportPages } from "./reportPages.ts";
import type { ServiceSettings } from "../settings/serviceSettings.ts";

export interface TickServiceOptions {
  readonly dataset: AuctionDataset;
  readonly settings: ServiceSettings;
  readonly network: Network;
  /** The whole directory; active ones are asked. */
  readonly relays: readonly Relay[];
  readonly lake: Lake;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly log: ServiceLog;
  /** What some relays are sent, by name. */
  readonly headers?: () => Promise<ReadonlyMap<string, RelayHeaders>>;
  /** What is written after ticks that did all their work. */
  readonly pages?: Pick<ReportPages, "write">;
  /** For tests. */
  readonly relayLimits?: Partial<RelayClientLimits>;
  /** For tests: ends requests that take too long. */
  readonly timer?: Timer;
}

/** An HTTP status and what goes with it. */
export interface TickReply {
  readonly status: number;
  readonly body: object;
}

/** Grants take minutes until they hold: so long a refusal is waited out, and only warned of. */
const GRACE_MS = 5 * 60 * 1000;
/** Time between two tries meanwhile. */
const GRACE_PAUSE_MS = 10_000;

/** One tick at a time, for whoever calls. */
export class TickService {
  readonly #options: TickServiceOptions;
  #connection: Connection | undefined;
  readonly #stop = new AbortController();
  readonly #startedMs: number;
  #memory: TickMemory | undefined;
  #running: Promise<TickReply> | undefined;

  constructor(options: TickServiceOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  get stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Runs a tick: 200 when it did its work, 409 while another runs, 500 when lake or warehouse failed, 503 when stopping. */
  async tick(trace: string | undefined): Promise<TickReply> {
    if (this.stopping) return { status: 503, body: { error: "the service is stopping" } };
    if (this.#running) return { status: 409, body: { error: "a tick is running; the next one goes on" } };
    this.#running = this.#tick(this.#options.log.traced(trace));
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Asks nothing more, and waits until what was read is written. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the service is stopping"));
    await this.#running;
    this.#connection?.close();
    await this.#options.warehouse.close();
  }

  async #tick(log: ServiceLog): Promise<TickReply> {
    const { clock, settings } = this.#options;
    const started = clock.monotonic();
    const refusedBefore = new Map(
      this.#clients.map(({ relay, counters }) => [relay.name, counters.refusals]),
    );
    const seconds = () => Math.round(clock.monotonic() - started) / 1000;
    try {
      const result = await this.#patiently(log, started + settings.tickSeconds * 1000);
      const unnamed = await this.#nameBuilders(result);
      this.#memory = result.memory;
      const wrong = result.unsettled ?? unnamed;
      const outcome = this.#outcome(result, wrong);
      const relays = this.#relayLines(result, refusedBefore);
      const line = this.#tickLine(result, outcome, seconds());
      for (const relay of relays) log.info(relay, LOG_LINES.relay.message);
      const fault = wrong === undefined ? {} : { fault: said(wrong, 500) };
      log[outcome === "failed" ? "error" : "info"]({ ...line, ...fault }, LOG_LINES.tick.message);
      // The tick is told and its work is done: a page has what is left of its time.
      if (outcome === "done")
        await this.#options.pages?.write({
          log,
          stop: this.#stop.signal,
          seconds: settings.tickSeconds - seconds(),
        });
      const status = { done: 200, "out-of-time": 200, stopped: 503, failed: 500 }[outcome];
      return { status, body: { ...line, ...fault, ...troubles(result), by_relay: relays } };
    } catch (error) {
      const line = { ...this.#tickLine(undefined, "failed", seconds()), fault: faultOf(error) };
      const level = isForbidden(error) && this.#mayStillBeGranted ? "warn" : "error";
      log[level](line, LOG_LINES.tick.message);
      return { status: 500, body: line };
    }
  }

  /** Makes the clients, once. A tick does it, since a grant on a secret takes a while to hold, as those of the lake do. */
  async #connect(): Promise<Connection> {
    if (this.#connection) return this.#connection;
    const { network, clock, relays, settings, dataset, log, relayLimits = {}, timer } = this.#options;
    const headers = await this.#options.headers?.();
    const warn = (line: string) => log.warn({ dataset }, line);
    const connection = new Connection({ network, clock, warn });
    for (const relay of relays) {
      if (relay.state !== "active") continue;
      connection.add(relay, {
        allowPrivate: network.simulated || settings.relays[relay.name]?.private === true,
        headers: headers?.get(relay.name) ?? {},
        limits: relayLimits,
        rate: relay.requestsPerSecond * settings.rateShare,
        ...(timer ? { timer } : {}),
      });
    }
    return (this.#connection = connection);
  }

  get #clients(): readonly RelayClient[] {
    return [...(this.#connection?.clients.values() ?? [])];
  }

  #outcome({ outOfTime }: TickResult, wrong: string | undefined): TickOutcome {
    if (this.stopping) return "stopped";
    if (wrong !== undefined) return "failed";
    return outOfTime ? "out-of-time" : "done";
  }

  /** A tick that, in the service's first minutes, waits for grants that don't hold yet. */
  async #patiently(log: ServiceLog, endMs: number): Promise<TickResult> {
    const { clock, dataset } = this.#options;
    for (;;) {
      try {
        return await this.#once(log, endMs - clock.monotonic());
      } catch (error) {
        if (!isForbidden(error) || !this.#mayStillBeGranted) throw error;
        const line: LineOf<"access"> = { dataset, fault: faultOf(error) };
        log.warn(line, LOG_LINES.access.message);
        if (this.stopping || clock.monotonic() + GRACE_PAUSE_MS >= endMs) throw error;
        await clock.sleep(GRACE_PAUSE_MS, this.#stop.signal).catch((reason: unknown) => {
          if (!this.stopping) throw reason;
        });
      }
    }
  }

  async #once(log: ServiceLog, deadlineMs: number): Promise<TickResult> {
    const { network, lake, warehouse, clock, relays, dataset, settings } = this.#options;
    const connection = await this.#connect();
    for (const client of this.#clients) client.revive();
    return tick({
      network,
      lake,
      warehouse,
      clock,
      log,
      relays,
      sources: (until) => connection.sources(until),
      datasets: collectedBy(dataset),
      deadlineMs,
      intervalMs: settings.intervalSeconds * 1000,
      previous: this.#memory,
      backload: settings.backload,
      canonical: settings.canonical,
      chain: this.#chainTable && bigqueryChain(warehouse, network, this.#chainTable, clock.now()),
      stop: this.#stop.signal,
    });
  }

  /** The table that tells of blocks, where the service has one. */
  get #chainTable(): CanonicalTable | undefined {
    const { canonical } = this.#options.settings;
    return canonical && tellsOfBlocks(canonical) ? canonical : undefined;
  }

  /** Names builders by the blocks that were loaded, once a day; returns why it couldn't. */
  async #nameBuilders({ loaded, outOfTime }: TickResult): Promise<string | undefined> {
    const { warehouse, network, clock } = this.#options;
    if (!this.#chainTable || !loaded || outOfTime || !isNewDay(this.#memory, clock)) return undefined;
    try {
      await nameBuilders(warehouse, bigqueryDialect, network, clock.now());
      return undefined;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return error.message;
    }
  }

  get #mayStillBeGranted(): boolean {
    return this.#options.clock.monotonic() - this.#startedMs < GRACE_MS;
  }

  #tickLine(result: TickResult | undefined, outcome: TickOutcome, seconds: number): LineOf<"tick"> {
    const { dataset } = this.#options;
    const relays = this.#options.relays.filter(({ state }) => state === "active").length;
    return { dataset, outcome, seconds, relays, ...tickCounts(result) };
  }

  #relayLines(result: TickResult, refusedBefore: ReadonlyMap<string, number>): LineOf<"relay">[] {
    const ofRelays = this.#clients.flatMap((client) => {
      const refused = client.counters.refusals - (refusedBefore.get(client.relay.name) ?? 0);
      return result.datasets
        .filter((dataset) => serves(client.relay, dataset))
        .flatMap((dataset, at) => {
          const counts = relayCounts(dataset, client, result);
          // What a client was refused is counted once.
          return counts ? [{ ...counts, refused: at === 0 ? refused : 0 }] : [];
        });
    });
    const chain = relayCounts("chain_blocks", { relay: { name: "bigquery" } }, result);
    return chain ? [...ofRelays, { ...chain, refused: 0 }] : ofRelays;
  }
}

function faultOf(error: unknown): string {
  return said(messageOf(error), 500);
}
