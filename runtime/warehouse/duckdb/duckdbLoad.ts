import type { DuckDBConnection } from "@duckdb/node-api";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Network } from "../../chain/networks.ts";
import type { SlotRange } from "../../chain/slots.ts";
import type { Chunk } from "../../datasets/chunks.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { hasRepeats } from "../../datasets/repeats.ts";
import { duckdbDdl, nameList, quotedText } from "../../datasets/schema.ts";
import { loadTables, rereadsTable, rowTables } from "../../datasets/tables.ts";
import { printable, UserError } from "../../errors.ts";
import type { Lake } from "../../lake/lake.ts";
import type { Log } from "../../log.ts";
import type { OpenFile } from "./duckdbFile.ts";
import { type LedgerPart, LedgerRows, LedgerState, STATE_COLUMNS } from "../ledger.ts";
import { recordsOf } from "./duckdbCells.ts";
import { DuckDbTransaction, type LoadPoint, type ObjectSource } from "./duckdbTransaction.ts";
import { settleReorged } from "./duckdbLoadSql.ts";
import { loadObjects } from "../load.ts";
import type { LoadEngine, LoadTransaction } from "../loadEngine.ts";
import type { VerifiedObject } from "../readVerified.ts";
import type { LoadOptions, LoadSummary } from "../warehouse.ts";

const LIMITS = {
  // DuckDB works while the next objects are being read.
  group: { rows: 1 << 13, bytes: 1 << 20, objects: 64 },
  // Bounds what a kill costs. DuckDB writes rows straight into the table's file from 122,880 (its row group) on, and fewer of
  // them twice, by way of the WAL.
  transaction: { rows: 1 << 18, bytes: 64 << 20, objects: 1024 },
  // It takes longer over some, where it compresses what it has.
  waitingGroups: 8,
  transactions: Infinity,
};

/** What a load into a DuckDB file works with. */
export interface DuckDbLoadParts {
  readonly file: OpenFile;
  readonly lake: Lake;
  readonly network: Network;
  readonly log: Log;
  /** Unix ms. */
  readonly now: number;
  readonly seam: (point: LoadPoint) => void | Promise<void>;
}

/** Brings rows and ledger of an open DuckDB warehouse up to the lake. */
export async function loadIntoDuckDb(parts: DuckDbLoadParts, options: LoadOptions): Promise<LoadSummary> {
  const { file, lake, network, log } = parts;
  const writer = await file.connect();
  // A second thread of DuckDB's makes a load no shorter: it takes the core that checks the next objects.
  await writer.run("SET threads = 1");
  const engine = new DuckDbLoadEngine(parts, writer, await file.connect());
  try {
    const summary = await loadObjects({ engine, lake, network, log }, options);
    await writer.run(settleReorged);
    if (summary.objects > 0) await writer.run("CHECKPOINT");
    return summary;
  } finally {
    await engine.close();
  }
}

class DuckDbLoadEngine implements LoadEngine<ObjectSource> {
  readonly limits = LIMITS;
  readonly #parts: DuckDbLoadParts;
  readonly #writer: DuckDBConnection;
  readonly #reader: DuckDBConnection;
  /** Whether it reads the lake's objects by their names; else their rows from temporary files. */
  readonly #direct: boolean;
  #spool: string | undefined;
  #spooled = 0;

  constructor(parts: DuckDbLoadParts, writer: DuckDBConnection, reader: DuckDBConnection) {
    this.#parts = parts;
    this.#writer = writer;
    this.#reader = reader;
    this.#direct = isPlainPath(parts.lake.locate(""));
  }

  async empty(dataset: Dataset): Promise<void> {
    await this.#writer.run("BEGIN");
    for (const table of [rowTables[dataset.name], loadTables[dataset.name]]) {
      await this.#writer.run(`DROP TABLE ${table.name}`);
      for (const statement of duckdbDdl(table)) await this.#writer.run(statement);
    }
    await this.#writer.run(`DELETE FROM ${rereadsTable.name} WHERE dataset = ${quotedText(dataset.name)}`);
    await this.#writer.run("COMMIT");
  }

  async forget(dataset: Dataset, chunks: readonly SlotRange[]): Promise<void> {
    const within = (column: string) =>
      chunks.map(({ first, last }) => `${column} BETWEEN ${first} AND ${last}`).join(" OR ") || "false";
    await this.#writer.run("BEGIN");
    await this.#writer.run(`DELETE FROM ${dataset.name} WHERE ${within("slot")}`);
    await this.#writer.run(`DELETE FROM ${loadTables[dataset.name].name} WHERE ${within("first_slot")}`);
    await this.#writer.run("COMMIT");
  }

  async state(dataset: Dataset, part: LedgerPart): Promise<LedgerState> {
    const where =
      "relay" in part
        ? `relay = ${quotedText(part.relay)}`
        : part.ranges.map(({ first, last }) => `first_slot BETWEEN ${first} AND ${last}`).join(" OR ");
    const sql = `SELECT ${STATE_COLUMNS} FROM ${loadTables[dataset.name].name} WHERE ${where || "false"}`;
    return new LedgerState(await recordsOf(this.#reader, sql));
  }

  async rows(dataset: Dataset, chunks: readonly Chunk[]): Promise<LedgerRows> {
    const { name, columns } = loadTables[dataset.name];
    const keys = chunks.map(({ relay, first }) => `(${quotedText(relay)}, ${first})`);
    const sql = `SELECT ${nameList(columns)} FROM ${name} WHERE (relay, first_slot) IN (${keys.join(", ")})`;
    return new LedgerRows(dataset, await recordsOf(this.#reader, sql));
  }

  begin(dataset: Dataset): LoadTransaction<ObjectSource> {
    const { lake, seam, now } = this.#parts;
    const loadedAt = new Date(now).toISOString();
    const compression = this.#direct ? "gzip" : "uncompressed";
    const context = { connection: this.#writer, lake, compression, loadedAt, seam } as const;
    const transaction = new DuckDbTransaction(context, dataset);
    return {
      add: (chunks) => transaction.add(chunks),
      finish: async () => {
        const result = await transaction.finish();
        if (!this.#direct) for (const { source } of result.loaded) if (source) await rm(source.path);
        return result;
      },
    };
  }

  async source({ stored, lines }: VerifiedObject, slots: readonly number[]) {
    const wanted = slots.map((slot) => lines.get(slot) ?? []);
    if (wanted.every((slotLines) => slotLines.length === 0)) return { source: undefined };
    const path = this.#direct ? this.#parts.lake.locate(stored.object) : await this.#spoolOf(wanted);
    return { source: { path, repeats: wanted.some(hasRepeats) } };
  }

  /** Removes temporary files. */
  async close(): Promise<void> {
    if (this.#spool !== undefined) await rm(this.#spool, { recursive: true, force: true });
  }

  /** A temporary file with the wanted lines. */
  async #spoolOf(wanted: readonly (readonly string[])[]): Promise<string> {
    this.#spool ??= await mkdtemp(join(tmpdir(), "mev-boost-etl-"));
    if (!isPlainPath(this.#spool))
      throw new UserError(
        `DuckDB would take the name of the folder for temporary files, ${printable(tmpdir(), 4096)}, for a pattern; set TMPDIR to another`,
      );
    const path = join(this.#spool, `${this.#spooled++}.ndjson`);
    await writeFile(path, wanted.flat().join(""));
    return path;
  }
}

/** Whether DuckDB can read files there by their names: it takes some characters for patterns, and reads no bucket. */
function isPlainPath(location: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:\/\/|[*?[\]{}\\\u0000-\u001f]/.test(location);
}
