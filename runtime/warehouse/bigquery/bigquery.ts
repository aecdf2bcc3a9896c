import type { CanonicalChain, CanonicalTable } from "../../chain/canonicalChain.ts";
import { dayCoverage } from "../cells.ts";
import type { Clock } from "../../chain/clock.ts";
import type { Network } from "../../chain/networks.ts";
import { settledSlot } from "../../chain/slots.ts";
import { DATASET_NAMES, type DatasetName, datasets } from "../../datasets/dataset.ts";
import { printable, UserError } from "../../errors.ts";
import type { Lake } from "../../lake/lake.ts";
import type { Log } from "../../log.ts";
import type { Relay } from "../../relays/relay.ts";
import { BigQueryApi } from "./bigqueryApi.ts";
import { type CreateOptions, createWarehouse, recognize } from "./bigqueryDataset.ts";
import { bigqueryError } from "./bigqueryErrors.ts";
import type { ExportSource } from "./bigqueryExport.ts";
import { type BigQueryParts, ensureGuard, runGuarded } from "./transactionLock.ts";
import { BigQueryJobs } from "./bigqueryJobs.ts";
import { loadRelaysIntoBigQuery, loadRereadsIntoBigQuery, putIntoBigQuery } from "./bigqueryKeyed.ts";
import { sameNetwork } from "../load.ts";
import { Calls } from "../calls.ts";
import { pruneStatement } from "./bigqueryLoadSql.ts";
import { wholeDay } from "../sql/prunable.ts";
import { loadIntoBigQuery } from "./bigqueryLoad.ts";
import type { LoadPlaces } from "./bigqueryLoadSql.ts";
import { Staging } from "./bigqueryStaging.ts";
import { coverageView } from "./bigqueryViews.ts";
import { settleInBigQuery } from "./bigquerySettle.ts";
import type { KeyedTable, RowValues } from "../keyedTables.ts";
import type {
  DayCoverage,
  ExportOptions,
  ExportSummary,
  LoadOptions,
  LoadSummary,
  SettleOptions,
  SettleSummary,
  Value,
  Warehouse,
} from "../warehouse.ts";

/** How a warehouse in BigQuery is opened. */
export interface BigQueryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Dataset of the tables under way (`<dataset>_staging`). */
  readonly staging?: string;
  /** Where the datasets are said to lie; one that lies elsewhere is refused. Every job names the dataset's own location. */
  readonly location?: string;
  /** A query that would read more bytes than this is refused (200 GB, which is 1.25 dollars). */
  readonly maximumBytesBilled?: number;
  /** An emulator's host and port or URL; by default what BIGQUERY_EMULATOR_HOST says, and BigQuery itself without it. */
  readonly emulator?: string;
  /** Writes Parquet by DuckDB, which is native and isn't in the container: `exportFromBigQuery` where there is one. */
  readonly exporter?: (source: ExportSource, out: string, options: ExportOptions) => Promise<ExportSummary>;
  /** Makes what isn't there yet; without it nothing is made. */
  readonly create?: CreateOptions;
}

const MAXIMUM_BYTES_BILLED = 200e9;

/**
 * The warehouse of a network in a BigQuery dataset, whose label `network` says which one. It reads lakes in Cloud Storage.
 * Throws UserError when the URL isn't `bigquery://PROJECT/DATASET`.
 */
export function openBigQuery(url: string, network: Network, options: BigQueryOptions): Warehouse {
  return new BigQueryWarehouse(url, network, options);
}

/** What is known once the dataset has been looked at. */
type Ready = BigQueryParts & { readonly staging: Staging };

class BigQueryWarehouse implements Warehouse {
  readonly url: string;
  readonly network: string;
  readonly #network: Network;
  readonly #options: BigQueryOptions;
  readonly #api: BigQueryApi;
  readonly #places: LoadPlaces;
  readonly #location: string | undefined;
  readonly #calls: Calls;
  #ready: Promise<Ready> | undefined;

  constructor(url: string, network: Network, options: BigQueryOptions) {
    const { project, dataset, staging = `${dataset}_staging`, location } = placeOf(url);
    this.url = url;
    this.#calls = new Calls(url);
    this.network = network.name;
    this.#network = network;
    this.#options = options;
    this.#api = new BigQueryApi(project, options.clock, options.emulator);
    this.#places = {
      tables: { project, dataset },
      staging: { project, dataset: options.staging ?? staging },
    };
    this.#location = location;
  }

  async load(lake: Lake, relays: readonly Relay[], options: LoadOptions = {}): Promise<LoadSummary> {
    sameNetwork(lake, this.network);
    return this.#use(async (ready) => {
      const { clock, log } = this.#options;
      const { relayTables = true, ranges, signal } = options;
      const parts = { ...ready, lake, network: this.#network, log };
      const horizons = relayTables ? await loadRelaysIntoBigQuery(parts, relays) : [];
      const now = clock.now();
      const loadedAt = new Date(now).toISOString();
      const summary = await loadIntoBigQuery({ ...parts, loadedAt }, options);
      const forget = options.rebuild ? (options.datasets ?? DATASET_NAMES) : [];
      const rereads =
        relayTables && !signal?.aborted
          ? await loadRereadsIntoBigQuery(parts, this.#network, { ranges, forget }, now)
          : [];
      return { ...summary, failed: [...horizons, ...rereads, ...summary.failed] };
    });
  }

  async settle(source: CanonicalChain | CanonicalTable, options: SettleOptions = {}): Promise<SettleSummary> {
    return this.#use((ready) => settleInBigQuery({ ...ready, network: this.#network }, source, options));
  }

  async put(table: KeyedTable, rows: readonly RowValues[]): Promise<void> {
    return this.#use((ready) => putIntoBigQuery(ready, table, rows));
  }

  async query(sql: string): Promise<Record<string, Value>[]> {
    return this.#use(({ jobs }) => jobs.run({ sql }));
  }

  async coverage(): Promise<DayCoverage[]> {
    const settled = String(settledSlot(this.#network, this.#options.clock.now()));
    const query = coverageView({ ...this.#places.tables, network: this.#network }, settled);
    const rows = await this.query(`${query}\nORDER BY dataset, relay, day`);
    return rows.map(dayCoverage);
  }

  async export(out: string, options: ExportOptions): Promise<ExportSummary> {
    const { exporter, clock, log } = this.#options;
    if (!exporter) throw new Error("this program doesn't export: it has no DuckDB");
    return this.#use(({ jobs }) => {
      const source = { place: this.#places.tables, network: this.#network, clock, log };
      return exporter({ ...source, pages: (query) => jobs.pages(query) }, out, options);
    });
  }

  async prune(dataset: DatasetName, beforeMs: number): Promise<void> {
    const places = this.#places;
    const query = pruneStatement(places, datasets[dataset], wholeDay(beforeMs));
    return this.#use(({ jobs }) => runGuarded({ api: this.#api, jobs, places }, datasets[dataset], query));
  }

  async close(): Promise<void> {
    await this.#calls.close();
  }

  async #use<T>(work: (ready: Ready) => Promise<T>): Promise<T> {
    return this.#calls.run(async () => {
      try {
        return await this.#work(work);
      } catch (error) {
        throw bigqueryError(error, this.url);
      }
    });
  }

  async #work<T>(work: (ready: Ready) => Promise<T>): Promise<T> {
    const ready = (this.#ready ??= this.#prepare());
    try {
      return await work(await ready);
    } catch (error) {
      // What failed to be prepared is tried again by the next call.
      await ready.catch(() => {
        if (this.#ready === ready) this.#ready = undefined;
      });
      throw error;
    }
  }

  async #prepare(): Promise<Ready> {
    const { clock, create, maximumBytesBilled = MAXIMUM_BYTES_BILLED } = this.#options;
    const { tables, staging } = this.#places;
    const { project, dataset } = tables;
    if (create)
      await createWarehouse(
        this.#api,
        { ...tables, network: this.#network, staging: staging.dataset, url: this.url },
        this.#location === undefined ? create : { location: this.#location, ...create },
      );
    const { location } = await recognize(this.#api, this.url, dataset, this.#network);
    const said = this.#options.location;
    if (said !== undefined && said.toLowerCase() !== location.toLowerCase())
      throw new UserError(
        `${printable(this.url, 300)} lies in ${location}, not in ${said}: mend the settings`,
        {
          exitCode: 2,
        },
      );
    const jobs = new BigQueryJobs(this.#api, clock, {
      location,
      maximumBytesBilled,
      labels: { network: this.network },
      defaultDataset: { projectId: project, datasetId: dataset },
    });
    const parts = { api: this.#api, jobs, places: this.#places };
    if (create) for (const guarded of Object.values(datasets)) await ensureGuard(parts, guarded);
    return { ...parts, staging: new Staging(parts, clock, this.#network) };
  }
}

interface Place {
  readonly project: string;
  readonly dataset: string;
  readonly staging?: string;
  readonly location?: string;
}

/** Reads `bigquery://PROJECT/DATASET[?location=EU&staging=DATASET]`. Throws UserError (exit 2). */
function placeOf(url: string): Place {
  const match = /^bigquery:\/\/([a-z0-9.:-]+)\/(\w+)(?:\?(.*))?$/.exec(url);
  const [, project, dataset, rest = ""] = match ?? [];
  const words = new URLSearchParams(rest);
  const known = [...words].every(
    ([key, value]) => ["location", "staging"].includes(key) && /^[\w-]+$/.test(value),
  );
  const [staging, location] = [words.get("staging"), words.get("location")];
  if (project !== undefined && dataset !== undefined && known)
    return {
      project,
      dataset,
      ...(staging === null ? {} : { staging }),
      ...(location === null ? {} : { location }),
    };
  throw new UserError(
    `--warehouse ${printable(url)}: give bigquery://PROJECT/DATASET, at most with ?location=… and &staging=DATASET (a dataset's name has letters, digits and underscores)`,
    { exitCode: 2 },
  );
}
