import type { Clock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import type { AuctionDataset } from "../../runtime/datasets/dataset.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import { serviceLog } from "../../runtime/log.ts";
import type { RelayClientLimits } from "../../runtime/relays/http/client.ts";
import type { Relay } from "../../runtime/relays/relay.ts";
import type { Timer } from "../../runtime/relays/http/transfer.ts";
import { FolderStore } from "../../runtime/lake/folder/folder.ts";
import { ReportPages } from "../../runtime/services/reportPages.ts";
import { startServer } from "../../runtime/services/server.ts";
import type { ServiceSettings } from "../../runtime/settings/serviceSettings.ts";
import { shared } from "../../runtime/settings/shared.ts";
import { TickService } from "../../runtime/services/tickService.ts";
import { sqlDialectOf } from "../../runtime/warehouse/sql/dialects.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { PATIENT } from "./line.ts";

/** Waits from this length on are real ones, which end when the test moves the clock. */
const LONG_MS = 60_000;

/**
 * A clock for ticks: short waits (back-offs, second asks) pass at once and take the date along; long ones (deadlines) last
 * until the test moves the clock past their end.
 */
export class TickClock implements Clock {
  readonly #start: number;
  #skipped = 0;
  #looks = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  constructor(startUnixMs: number) {
    this.#start = startUnixMs;
  }

  now(): number {
    return this.#start + this.#skipped;
  }

  monotonic(): number {
    // Whatever the machine takes for it, a look at the clock costs a microsecond: what is later has the later time.
    this.#looks++;
    return this.#skipped + this.#looks / 1000;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (ms < LONG_MS) {
      this.#skipped += ms;
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(signal?.reason as Error);
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.push({ at: this.#skipped + ms, wake });
    });
  }

  /** Moves the date, and wakes whose time has come. */
  advance(ms: number): void {
    this.#skipped += ms;
    const due = this.#sleepers.filter(({ at }) => at <= this.#skipped);
    this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#skipped);
    for (const { wake } of due) wake();
  }
}

/** What a test says of a service; the rest is as with any. */
export interface ServiceParts {
  readonly dataset: AuctionDataset;
  readonly seed: number;
  readonly relays: readonly Relay[];
  readonly lake: Lake;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly settings?: Partial<ServiceSettings>;
  readonly relayLimits?: Partial<RelayClientLimits>;
  readonly timer?: Timer;
}

/** An answer of the service, read to its end. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** A service over real HTTP on loopback, and the lines that it has logged. */
export async function startService(parts: ServiceParts) {
  const { dataset, seed, relays, lake, warehouse, clock, relayLimits = PATIENT, timer } = parts;
  const network = simulatedNetwork(seed);
  const settings: ServiceSettings = {
    relays: shared.relays.default,
    tickSeconds: shared.tickSeconds.default,
    intervalSeconds: 300,
    maxBytesBilled: 100 * 2 ** 30,
    logLevel: shared.logLevel.default,
    network: network.name,
    lake: lake.url,
    warehouse: warehouse.url,
    stagingDataset: "staging",
    location: "US",
    rateShare: 1,
    ...parts.settings,
  };
  const logged: string[] = [];
  const log = serviceLog("debug", { write: (line) => void logged.push(line) });
  const common = { dataset, settings, network, lake, warehouse, clock, log };
  const { reportPages } = settings;
  // As serve.ts does it, over the folder that the lake is.
  const pages =
    reportPages &&
    new ReportPages({
      ...common,
      pages: reportPages,
      relays,
      store: new FolderStore(lake.url),
      dialect: sqlDialectOf(warehouse.url),
    });
  const service = new TickService({
    ...common,
    relays,
    relayLimits,
    ...(timer ? { timer } : {}),
    ...(pages ? { pages } : {}),
  });
  const server = await startServer({ port: 0, host: "127.0.0.1", service, project: "a-project", log });
  const url = `http://127.0.0.1:${server.port}`;
  const ask = async (path: string, init: RequestInit = {}): Promise<ServiceAnswer> => {
    const response = await fetch(url + path, init);
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  };
  return {
    url,
    service,
    logged,
    lines: () => logged.map((line) => JSON.parse(line) as Record<string, unknown>),
    ask,
    tick: async (headers: Record<string, string> = {}) => ask("/tick", { method: "POST", headers }),
    async close() {
      await service.stop();
      await server.close();
    },
  };
}
