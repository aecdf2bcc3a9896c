import { type Clock, systemClock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import type { AuctionDataset } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { keepHeapSmall } from "../heap.ts";
import type { Lake } from "../lake/lake.ts";
import type { ObjectStore } from "../lake/store.ts";
import { type ServiceLog, serviceLog } from "../log.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { readRelayHeaders } from "./relayHeaders.ts";
import { ReportPages } from "./reportPages.ts";
import { headerSources, networkNamed, overriddenRelays } from "../settings/relayOverrides.ts";
import { secretReader } from "./secretManager.ts";
import { startServer } from "./server.ts";
import { type ServiceSettings, readEnvironment } from "../settings/serviceSettings.ts";
import { TickService } from "./tickService.ts";
import { WayOut } from "./wayOut.ts";

/** What opening a lake or a warehouse is given. */
export interface OpenContext {
  readonly settings: ServiceSettings;
  readonly network: Network;
  readonly clock: Clock;
  readonly log: ServiceLog;
}

/** How the places that the settings name are opened. The container knows those of the cloud, the command line all. */
export interface Openers {
  lake(context: OpenContext): Promise<Lake>;
  /** What the lake is kept in. */
  store(context: OpenContext): ObjectStore;
  warehouse(context: OpenContext): Promise<Warehouse>;
  /** What the warehouse is asked in. */
  dialect(context: OpenContext): SqlDialect;
}

/** Cloud Run kills what hasn't ended 10 s after SIGTERM. */
const STOP_MS = 9000;

/**
 * `serve`: ticks for whoever calls, until SIGTERM or SIGINT. Returns the exit code. Throws UserError (exit 2) that names all
 * wrong settings.
 */
export async function serve(
  dataset: AuctionDataset,
  env: Readonly<Record<string, string | undefined>>,
  open: Openers,
): Promise<number> {
  const { settings, port } = readEnvironment(env);
  const network = networkNamed(settings.network);
  if (!network) throw new UserError(`there is no network ${settings.network}`, { exitCode: 2 });
  keepHeapSmall();
  const clock = systemClock;
  const log = serviceLog(settings.logLevel);
  const context = { settings, network, clock, log };
  const [lake, warehouse] = [await open.lake(context), await open.warehouse(context)];
  const relays = overriddenRelays(settings.network, settings.relays);
  const headers = () => readRelayHeaders(headerSources(settings.network, settings.relays), secretReader());
  const { reportPages: pages = [] } = settings;
  const [store, dialect] = [open.store(context), open.dialect(context)];
  const service = new TickService({
    dataset,
    settings,
    network,
    relays,
    lake,
    warehouse,
    clock,
    log,
    headers,
    pages: new ReportPages({ pages, store, network, relays, lake, warehouse, dialect, clock }),
  });
  const [, project] = /^bigquery:\/\/([^/]+)\//.exec(settings.warehouse) ?? [];
  // A simulated network is for this machine alone.
  const host = network.simulated ? "127.0.0.1" : "0.0.0.0";
  const wayOut = new WayOut({ clock, log });
  const server = await startServer({ port, host, service, wayOut, project, log });
  const active = relays.filter(({ state }) => state === "active").map(({ name }) => name);
  log.info(
    {
      dataset,
      network: network.name,
      lake: lake.url,
      warehouse: warehouse.url,
      relays: active,
      port: server.port,
    },
    "ready",
  );

  const signal = await new Promise<string>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => resolve(name));
  });
  log.info({ dataset, signal }, "stopping; what was read is being written");
  const late = setTimeout(() => {
    log.warn({ dataset }, "a load was cut off; it changes nothing, and the next tick does it again");
    process.exit(1);
  }, STOP_MS);
  await service.stop();
  await server.close();
  clearTimeout(late);
  log.info({ dataset }, "stopped");
  return 0;
}
