import type { CanonicalChain, CanonicalTable } from "../../chain/canonicalChain.ts";
import { dayCoverage } from "../cells.ts";
import type { Clock } from "../../chain/clock.ts";
import type { Network } from "../../chain/networks.ts";
import type { DatasetName } from "../../datasets/dataset.ts";
import { infoTable } from "../../datasets/tables.ts";
import { printable, UserError } from "../../errors.ts";
import type { Lake } from "../../lake/lake.ts";
import type { Log } from "../../log.ts";
import type { Relay } from "../../relays/relay.ts";
import { duckdbError } from "./duckdbErrors.ts";
import { DuckDbFile, type OpenFile } from "./duckdbFile.ts";
import { exportDays } from "./parquet.ts";
import { loadIntoDuckDb } from "./duckdbLoad.ts";
import type { LoadPoint } from "./duckdbTransaction.ts";
import { duckdbDialect } from "../sql/duckdbDialect.ts";
import { wholeDay } from "../sql/prunable.ts";
import { sameNetwork } from "../load.ts";
import { Calls } from "../calls.ts";
import { loadRelays, loadRereads, putRows } from "./duckdbKeyed.ts";
import { settleFromChain } from "./duckdbSettle.ts";
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

/** How a warehouse in a DuckDB file is opened. */
export interface DuckDbOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Called at each of these moments of a load; in production there is none. */
  readonly seam?: (point: LoadPoint) => void | Promise<void>;
}

/** A date that is further from the machine's than this was set by hand (`--now`), and views keep to it. */
const OWN_DATE_MS = 2000;

/**
 * The warehouse of a network in a DuckDB file, which the first load makes. The file is open only during each call; while
 * another process has it, a call waits up to 60 s.
 */
export function openDuckDb(path: string, network: Network, options: DuckDbOptions): Warehouse {
  return new DuckDbWarehouse(path, network, options);
}

interface Asked {
  readonly sql: string;
  readonly answer: (rows: Record<string, Value>[]) => void;
  readonly fail: (error: unknown) => void;
}

class DuckDbWarehouse implements Warehouse {
  readonly url: string;
  readonly network: string;
  readonly #network: Network;
  readonly #options: DuckDbOptions;
  readonly #file: DuckDbFile;
  readonly #calls: Calls;
  /** Queries without an answer yet, the one that runs first. */
  readonly #asked: Asked[] = [];

  constructor(path: string, network: Network, options: DuckDbOptions) {
    this.url = path;
    this.#calls = new Calls(path);
    this.network = network.name;
    this.#network = network;
    this.#options = options;
    this.#file = new DuckDbFile(path, network, options.clock, options.log);
  }

  async load(lake: Lake, relays: readonly Relay[], options: LoadOptions = {}): Promise<LoadSummary> {
    sameNetwork(lake, this.network);
    return this.#use("write", async (file) => {
      const connection = await file.connect();
      const { clock, log, seam = () => {} } = this.#options;
      const now = clock.now();
      const fixed = Math.abs(now - Date.now()) > OWN_DATE_MS ? Math.trunc(now) : "NULL";
      await connection.run(`UPDATE ${infoTable.name} SET fixed_now = ${fixed}`);
      const { relayTables = true, ranges, signal } = options;
      const network = this.#network;
      const horizons = relayTables ? await loadRelays(connection, lake, relays) : [];
      const summary = await loadIntoDuckDb({ file, lake, network, log, now, seam }, options);
      const rereads =
        relayTables && !signal?.aborted ? await loadRereads(connection, lake, network, ranges, now) : [];
      return { ...summary, failed: [...horizons, ...rereads, ...summary.failed] };
    });
  }

  async settle(source: CanonicalChain | CanonicalTable, options: SettleOptions = {}): Promise<SettleSummary> {
    if ("table" in source)
      throw new UserError(`a DuckDB file can't read the BigQuery table ${printable(source.table)}`, {
        exitCode: 2,
      });
    return this.#use("write", async (file) => settleFromChain(await file.connect(), source, options));
  }

  async put(table: KeyedTable, rows: readonly RowValues[]): Promise<void> {
    return this.#use("write", async (file) => putRows(await file.connect(), table, rows));
  }

  /** Queries that are asked while another runs share its opening of the file: a report asks dozens. */
  async query(sql: string): Promise<Record<string, Value>[]> {
    return new Promise((answer, fail) => {
      this.#asked.push({ sql, answer, fail });
      if (this.#asked.length === 1) void this.#answerAll();
    });
  }

  async #answerAll(): Promise<void> {
    try {
      await this.#use("read", async (file) => {
        const connection = await file.connect();
        for (let asked = this.#asked[0]; asked; asked = this.#asked[0]) {
          try {
            const result = await connection.runAndReadAll(asked.sql);
            asked.answer(result.getRowObjectsJson() as Record<string, Value>[]);
          } catch (error) {
            asked.fail(duckdbError(error, this.#file.path));
          }
          this.#asked.shift();
        }
      });
    } catch (error) {
      for (const { fail } of this.#asked.splice(0)) fail(error);
    }
  }

  async coverage(): Promise<DayCoverage[]> {
    const rows = await this.query("SELECT * FROM coverage ORDER BY dataset, relay, day");
    return rows.map(dayCoverage);
  }

  async export(out: string, options: ExportOptions): Promise<ExportSummary> {
    return this.#use("read", async (file) => exportDays(await file.connect(), this.#network, out, options));
  }

  /** The file doesn't get smaller: what later loads bring takes the place of what has left. */
  async prune(dataset: DatasetName, beforeMs: number): Promise<void> {
    const before = duckdbDialect.time(wholeDay(beforeMs));
    return this.#use("write", async (file) => {
      const connection = await file.connect();
      await connection.run(`DELETE FROM ${dataset} WHERE block_timestamp < ${before}`);
      await connection.run("CHECKPOINT");
    });
  }

  async close(): Promise<void> {
    await this.#calls.close();
  }

  async #use<T>(mode: "read" | "write", work: (file: OpenFile) => Promise<T>): Promise<T> {
    return this.#calls.run(() => this.#file.use(mode, work));
  }
}
