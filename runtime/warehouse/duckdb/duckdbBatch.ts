import type { DuckDBConnection } from "@duckdb/node-api";
import { integerOf } from "../cells.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { messageOf, printable } from "../../errors.ts";
import type { Lake, StoredChunk } from "../../lake/lake.ts";
import { rowsOf } from "./duckdbCells.ts";
import { isDataError, isReadError } from "./duckdbErrors.ts";
import { type ChunkChange, failureOf } from "../ledger.ts";
import { insertObjects, replaceLedger, slotsPredicate } from "./duckdbLoadSql.ts";

/** The moments of a load at which a crash test stops the process: rows in, ledger not; right before the commit; after it. */
export type LoadPoint = "load-staged" | "load-transaction" | "load-committed";

/** A chunk that is ready to be loaded: its object has been read and found sound. */
export interface ReadyChunk extends ChunkChange {
  readonly stored: StoredChunk | undefined;
  /** Rows of the slots to be inserted, as counted in the object. */
  readonly rows: number;
  /** Whether some of them are equal. */
  readonly repeats: boolean;
  /** Where DuckDB reads them. */
  readonly path: string;
}

export interface BatchContext {
  readonly connection: DuckDBConnection;
  readonly lake: Lake;
  readonly compression: "gzip" | "uncompressed";
  /** When the load began, RFC 3339. */
  readonly loadedAt: string;
  readonly seam: (point: LoadPoint) => void | Promise<void>;
}

export interface BatchResult {
  readonly loaded: readonly ReadyChunk[];
  /** Changed or vanished since they were read. */
  readonly left: number;
}

/** The table has other rows of the slots than the ledger and the object say. */
class RowsDifferError extends Error {
  override readonly name = "RowsDifferError";
}

/** Brings chunks into the table and the ledger in one transaction of their own. */
async function loadBatch(
  context: BatchContext,
  dataset: Dataset,
  chunks: readonly ReadyChunk[],
): Promise<BatchResult> {
  const batch = new Batch(context, dataset);
  await batch.add(chunks);
  return batch.finish();
}

/**
 * A transaction that brings chunks into table and ledger. Their rows go in while later chunks are still being read; the ledger
 * and the commit come with `finish`. Chunks that have changed by then are left; when the data of one can't be taken, the
 * others go in and that one's ledger row says why.
 */
export class Batch {
  readonly #context: BatchContext;
  readonly #dataset: Dataset;
  readonly #chunks: ReadyChunk[] = [];
  #failure: unknown;

  constructor(context: BatchContext, dataset: Dataset) {
    this.#context = context;
    this.#dataset = dataset;
  }

  /** Puts the rows of more chunks into the transaction. */
  async add(chunks: readonly ReadyChunk[]): Promise<void> {
    if (chunks.length === 0) return;
    if (this.#chunks.length === 0) await this.#context.connection.run("BEGIN");
    this.#chunks.push(...chunks);
    // After a failure the transaction is lost: the rest is only noted, for `finish` to sort out.
    if (this.#failure === undefined) await this.#attempt(() => this.#writeRows(chunks));
  }

  async finish(): Promise<BatchResult> {
    const { connection, lake, seam } = this.#context;
    if (this.#chunks.length === 0) return { loaded: [], left: 0 };
    if (this.#failure === undefined) await this.#attempt(() => this.#writeLedger());
    const changed = await changedOf(lake, this.#chunks);
    if (this.#failure === undefined && changed.size === 0) {
      await seam("load-transaction");
      await connection.run("COMMIT");
      await seam("load-committed");
      return { loaded: this.#chunks, left: 0 };
    }
    await connection.run("ROLLBACK");
    return this.#sortOut(changed);
  }

  /** Loads without the chunks that have changed; where that isn't it, one by one. */
  async #sortOut(changed: ReadonlySet<ReadyChunk>): Promise<BatchResult> {
    const unchanged = this.#chunks.filter((chunk) => !changed.has(chunk));
    const [first, ...others] = unchanged;
    if (changed.size === 0 && first && others.length === 0) {
      if (isReadError(this.#failure) || !first.stored) throw this.#failure;
      const failed = failedChunk(this.#context.lake, first, first.stored, this.#failure);
      return loadBatch(this.#context, this.#dataset, [failed]);
    }
    const pieces = changed.size > 0 ? [unchanged] : unchanged.map((chunk) => [chunk]);
    const loaded: ReadyChunk[] = [];
    let left = changed.size;
    for (const piece of pieces) {
      const result = await loadBatch(this.#context, this.#dataset, piece);
      loaded.push(...result.loaded);
      left += result.left;
    }
    return { loaded, left };
  }

  /** Keeps an error that may be a chunk's, throws any other. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isDataError(error) && !isReadError(error) && !(error instanceof RowsDifferError)) throw error;
      this.#failure = error;
    }
  }

  async #writeRows(chunks: readonly ReadyChunk[]): Promise<void> {
    const { connection, compression, seam } = this.#context;
    const dataset = this.#dataset;
    if (chunks.some(({ remove }) => remove.length > 0))
      await connection.run(`DELETE FROM ${dataset.name} WHERE ${slotsOf(chunks, ({ remove }) => remove)}`);
    const sources = chunks.filter(({ rows }) => rows > 0);
    if (sources.length > 0) {
      const whole = sources.every(({ stored, insert }) => stored?.meta.covered.count === insert.length);
      const what = {
        paths: sources.map(({ path }) => path),
        compression,
        predicate: whole ? undefined : slotsOf(chunks, ({ insert }) => insert),
        repeats: sources.some(({ repeats }) => repeats),
      };
      await connection.run(insertObjects(dataset, what));
    }
    await seam("load-staged");
  }

  async #writeLedger(): Promise<void> {
    const { connection, loadedAt } = this.#context;
    await checkRows(connection, this.#dataset, this.#chunks);
    const rows = this.#chunks.map(({ after }) => after);
    const known = this.#chunks.filter(({ before }) => before !== undefined).map(({ after }) => after);
    for (const statement of replaceLedger(this.#dataset, rows, known, loadedAt))
      await connection.run(statement);
  }
}

function slotsOf(chunks: readonly ReadyChunk[], slots: (chunk: ReadyChunk) => readonly number[]): string {
  return slotsPredicate(chunks.map((chunk) => ({ relay: chunk.after.chunk.relay, slots: slots(chunk) })));
}

/** The objects were read twice, by the lake and by DuckDB: both must have seen the same number of rows. */
async function checkRows(
  connection: DuckDBConnection,
  dataset: Dataset,
  batch: readonly ReadyChunk[],
): Promise<void> {
  const inserted = slotsOf(batch, ({ insert }) => insert);
  const [row] = await rowsOf(
    connection,
    `SELECT coalesce(sum(copies), 0)::BIGINT FROM ${dataset.name} WHERE ${inserted}`,
  );
  const found = integerOf(row?.[0]);
  const expected = batch.reduce((sum, { rows }) => sum + rows, 0);
  if (found !== expected)
    throw new RowsDifferError(
      `table ${dataset.name} then holds ${found} rows of its slots, but the object ${expected}`,
    );
}

async function changedOf(lake: Lake, batch: readonly ReadyChunk[]): Promise<ReadonlySet<ReadyChunk>> {
  const changed = new Set<ReadyChunk>();
  for (const chunk of batch) {
    const now = chunk.stored && (await lake.head(chunk.after.chunk));
    if (chunk.stored && now?.generation !== chunk.after.generation) changed.add(chunk);
  }
  return changed;
}

function failedChunk(lake: Lake, chunk: ReadyChunk, stored: StoredChunk, failure: unknown): ReadyChunk {
  const remedy =
    failure instanceof RowsDifferError
      ? "make the tables again with `load --rebuild`"
      : "move it away and its slots will be asked again";
  const reason = printable(messageOf(failure).split("\n")[0] ?? "", 300);
  const error = `${lake.locate(stored.object)} can't be loaded: ${reason}; ${remedy}`;
  return { ...failureOf(stored, chunk.before, error), stored: undefined, rows: 0, repeats: false, path: "" };
}
