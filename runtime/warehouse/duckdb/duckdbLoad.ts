import type { DuckDBConnection } from "@duckdb/node-api";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textOf } from "../cells.ts";
import type { Network } from "../../chain/networks.ts";
import { DATASET_NAMES, type Dataset, type DatasetName, datasets } from "../../datasets/dataset.ts";
import { hasRepeats } from "../../datasets/repeats.ts";
import { duckdbDdl, quotedText } from "../../datasets/schema.ts";
import { loadTables, rereadsTable, rowTables } from "../../datasets/tables.ts";
import { printable, UserError } from "../../errors.ts";
import { type BadChunk, isBad, type Lake, type StoredChunk } from "../../lake/lake.ts";
import type { Log } from "../../log.ts";
import { rowsOf } from "./duckdbCells.ts";
import type { OpenFile } from "./duckdbFile.ts";
import { changeOf, failureOf, type LedgerRow } from "../ledger.ts";
import { generationsOf, ledgerRowOf } from "./duckdbLedger.ts";
import { Batch, type BatchContext, type LoadPoint, type ReadyChunk } from "./duckdbBatch.ts";
import { Size } from "./loadSize.ts";
import { settleReorged } from "./duckdbLoadSql.ts";
import { soundObject } from "../soundObject.ts";
import { noCount, waitingObjects } from "../waiting.ts";
import type { LoadOptions, LoadSummary } from "../warehouse.ts";

/** Rows go into a transaction in groups of about this size, so that DuckDB works while the next objects are being read. */
const GROUP = { rows: 1 << 13, bytes: 1 << 20, objects: 64 };
/** Groups that may wait for DuckDB: it takes longer over some, where it compresses what it has. */
const WAITING_GROUPS = 8;
/**
 * A transaction is committed when it has this many rows, compressed bytes or objects: bounds what a kill costs. DuckDB writes rows
 * straight into the table's file from 122,880 (its row group) on, and fewer of them twice, by way of the WAL.
 */
const TRANSACTION = { rows: 1 << 18, bytes: 64 << 20, objects: 1024 };

export interface LoadParts {
  readonly file: OpenFile;
  readonly lake: Lake;
  readonly network: Network;
  readonly log: Log;
  /** Unix ms. */
  readonly now: number;
  readonly seam: (point: LoadPoint) => void | Promise<void>;
}

/** Brings rows and ledger of an open DuckDB warehouse up to the lake. */
export async function loadRows(parts: LoadParts, options: LoadOptions): Promise<LoadSummary> {
  const writer = await parts.file.connect();
  // A second thread of DuckDB's makes a load no shorter: it takes the core that checks the next objects.
  await writer.run("SET threads = 1");
  const names = DATASET_NAMES.filter((name) => options.datasets?.includes(name) ?? true);
  if (options.rebuild) await dropRows(writer, names);
  const loader = new Loader(parts, writer, await parts.file.connect(), options);
  try {
    for (const name of names) await loader.load(datasets[name]);
  } finally {
    await loader.close();
  }
  await writer.run(settleReorged);
  if (loader.sum.objects > 0) await writer.run("CHECKPOINT");
  const failed = await rowsOf(
    writer,
    "SELECT object, error FROM loads WHERE error IS NOT NULL ORDER BY object",
  );
  const failures = failed.map(([object, error]) => ({ object: textOf(object), error: textOf(error) }));
  return { ...loader.sum, failed: failures };
}

async function dropRows(connection: DuckDBConnection, names: readonly DatasetName[]): Promise<void> {
  await connection.run("BEGIN");
  for (const table of names.flatMap((name) => [rowTables[name], loadTables[name]])) {
    await connection.run(`DROP TABLE ${table.name}`);
    for (const statement of duckdbDdl(table)) await connection.run(statement);
  }
  const listed = names.map(quotedText).join(", ");
  if (names.length > 0) await connection.run(`DELETE FROM ${rereadsTable.name} WHERE dataset IN (${listed})`);
  await connection.run("COMMIT");
}

/**
 * Reads and checks the objects of the next transaction while DuckDB works on the one before. Each object is first
 * read by the lake, which trusts nothing in it: DuckDB itself doesn't check a gzip file's CRC, and rounds `1.5` to an integer.
 */
class Loader {
  readonly sum = noCount();
  readonly #parts: LoadParts;
  readonly #reader: DuckDBConnection;
  readonly #context: BatchContext;
  readonly #options: LoadOptions;
  #taken = 0;
  #writing: Promise<void> = Promise.resolve();
  /** The last pieces of writing, in their order. */
  readonly #pieces: Promise<void>[] = [];
  #spool: string | undefined;
  #spooled = 0;

  constructor(parts: LoadParts, writer: DuckDBConnection, reader: DuckDBConnection, options: LoadOptions) {
    this.#parts = parts;
    this.#reader = reader;
    this.#options = options;
    const { lake, seam } = parts;
    this.#context = {
      connection: writer,
      lake,
      compression: isPlainPath(lake.locate("")) ? "gzip" : "uncompressed",
      loadedAt: new Date(parts.now).toISOString(),
      seam,
    };
  }

  async load(dataset: Dataset): Promise<void> {
    let batch = new Batch(this.#context, dataset);
    let whole = new Size(TRANSACTION);
    let group: ReadyChunk[] = [];
    let part = new Size(GROUP);
    const hand = async (last: boolean): Promise<void> => {
      const [to, chunks] = [batch, group];
      await this.#then(async () => {
        await to.add(chunks);
        if (last) await this.#finish(to);
      });
      group = [];
      part = new Size(GROUP);
      if (!last) return;
      batch = new Batch(this.#context, dataset);
      whole = new Size(TRANSACTION);
    };
    for await (const ready of this.#ready(dataset)) {
      group.push(ready);
      part.add(ready);
      whole.add(ready);
      if (whole.full) await hand(true);
      else if (part.full) await hand(false);
    }
    await hand(true);
    await this.#writing;
  }

  /** Waits for the transaction that is under way, if the load broke off. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {
      // Whoever waited for this transaction has had its error, or one that came before it.
    });
    if (this.#spool !== undefined) await rm(this.#spool, { recursive: true, force: true });
  }

  /** Has a piece of writing begin when the one before has ended; an error shows at a later call or at the end. */
  async #then(work: () => Promise<void>): Promise<void> {
    if (this.#pieces.length === WAITING_GROUPS) await this.#pieces.shift();
    this.#writing = this.#writing.then(work);
    this.#pieces.push(this.#writing);
    this.#writing.catch(() => {
      // Kept in #writing, which is always awaited; this only tells Node that it will be.
    });
  }

  async #finish(batch: Batch): Promise<void> {
    const { loaded, left } = await batch.finish();
    this.sum.left += left;
    for (const { stored, insert, rows, after } of loaded) {
      if (after.error !== null) this.#parts.log.error({ object: after.object }, after.error);
      if (!stored || insert.length === 0) continue;
      this.sum.objects++;
      this.sum.bytes += stored.bytes;
      this.sum.slots += insert.length;
      this.sum.rows += rows;
    }
    if (this.#context.compression === "uncompressed")
      for (const { path } of loaded) if (path !== "") await rm(path);
  }

  /** The chunks of a dataset whose objects aren't in the ledger as they are, read and checked. */
  async *#ready(dataset: Dataset): AsyncGenerator<ReadyChunk> {
    const { lake } = this.#parts;
    const generations = (relay: string) => generationsOf(this.#reader, dataset, relay);
    const { maxObjects = Infinity, replace = true } = this.#options;
    const most = maxObjects - this.#taken;
    for await (const { entry, known } of waitingObjects(
      lake,
      dataset,
      generations,
      this.#options,
      most,
      this.sum,
    )) {
      if (this.#options.signal?.aborted) return;
      const before = known === undefined ? undefined : await ledgerRowOf(this.#reader, dataset, entry.chunk);
      const ready = await this.#check(entry, before);
      if (!ready) this.sum.left++;
      else if (ready.remove.length > 0 && !replace) this.sum.waiting++;
      else {
        this.#taken++;
        yield ready;
      }
    }
  }

  /** Undefined when the object has vanished. */
  async #check(
    entry: StoredChunk | BadChunk,
    before: LedgerRow | undefined,
  ): Promise<ReadyChunk | undefined> {
    const bad = (error: string): ReadyChunk => ({
      ...failureOf(entry, before, error),
      stored: undefined,
      rows: 0,
      repeats: false,
      path: "",
    });
    if (isBad(entry)) return bad(entry.fault);
    const change = changeOf(entry, before);
    if (change.insert.length === 0) return { ...change, stored: entry, rows: 0, repeats: false, path: "" };
    const found = await soundObject(this.#parts.lake, this.#parts.network, entry);
    if (!found) return undefined;
    if ("fault" in found) return bad(found.fault);
    const { stored, lines } = found;
    const fresh = changeOf(stored, before);
    const wanted = fresh.insert.map((slot) => lines.get(slot) ?? []);
    const rows = wanted.reduce((sum, slotLines) => sum + slotLines.length, 0);
    const path = rows > 0 ? await this.#path(stored, wanted) : "";
    return { ...fresh, stored, rows, repeats: wanted.some(hasRepeats), path };
  }

  /** Where DuckDB finds the rows: the object itself, or, where it can't read that, the wanted lines in a temporary file. */
  async #path(stored: StoredChunk, wanted: readonly (readonly string[])[]): Promise<string> {
    const { lake } = this.#parts;
    if (this.#context.compression === "gzip") return lake.locate(stored.object);
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
