import type { DuckDBConnection } from "@duckdb/node-api";
import { integerOf } from "../cells.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { messageOf } from "../../errors.ts";
import type { Lake } from "../../lake/lake.ts";
import { rowsOf } from "./duckdbCells.ts";
import { isDataError, isReadError } from "./duckdbErrors.ts";
import {
  changedChunks,
  type CheckedChunk,
  type LoadTransaction,
  MOVE_AWAY,
  nothingLoaded,
  refusedChunk,
  rowsToInsert,
  sumOfResults,
  type TransactionResult,
} from "../loadEngine.ts";
import { insertObjects, replaceLedger, slotsPredicate } from "./duckdbLoadSql.ts";

/** The moments of a load at which a crash test stops the process: rows in, ledger not; right before the commit; after it. */
export type LoadPoint = "load-staged" | "load-transaction" | "load-committed";

/** Where DuckDB reads an object's rows. */
export interface ObjectSource {
  readonly path: string;
  /** Whether some of the rows are equal. */
  readonly repeats: boolean;
}

type ReadyChunk = CheckedChunk<ObjectSource>;
type Result = TransactionResult<ObjectSource>;

/** What a load's transactions have in common. */
export interface DuckDbContext {
  readonly connection: DuckDBConnection;
  readonly lake: Lake;
  readonly compression: "gzip" | "uncompressed";
  /** When the load began, RFC 3339. */
  readonly loadedAt: string;
  readonly seam: (point: LoadPoint) => void | Promise<void>;
}

/** The table has other rows of the slots than the ledger and the object say. */
class RowsDifferError extends Error {
  override readonly name = "RowsDifferError";
}

/** Brings chunks into the table and the ledger in one transaction of their own. */
async function loadTogether(
  context: DuckDbContext,
  dataset: Dataset,
  chunks: readonly ReadyChunk[],
): Promise<Result> {
  const transaction = new DuckDbTransaction(context, dataset);
  await transaction.add(chunks);
  return transaction.finish();
}

/** A transaction whose rows go in while later chunks are still being read; the ledger and the commit come with `finish`. */
export class DuckDbTransaction implements LoadTransaction<ObjectSource> {
  readonly #context: DuckDbContext;
  readonly #dataset: Dataset;
  readonly #chunks: ReadyChunk[] = [];
  #failure: unknown;

  constructor(context: DuckDbContext, dataset: Dataset) {
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

  async finish(): Promise<Result> {
    const { connection, lake, seam } = this.#context;
    if (this.#chunks.length === 0) return nothingLoaded;
    if (this.#failure === undefined) await this.#attempt(() => this.#writeLedger());
    const changed = await changedChunks(lake, this.#chunks);
    if (this.#failure === undefined && changed.size === 0) {
      await seam("load-transaction");
      await connection.run("COMMIT");
      await seam("load-committed");
      return { ...nothingLoaded, loaded: this.#chunks };
    }
    await connection.run("ROLLBACK");
    return this.#sortOut(changed);
  }

  /** Loads without the chunks that have changed; where that isn't it, one by one. */
  async #sortOut(changed: ReadonlySet<ReadyChunk>): Promise<Result> {
    const unchanged = this.#chunks.filter((chunk) => !changed.has(chunk));
    const [first, ...others] = unchanged;
    if (changed.size === 0 && first && others.length === 0) {
      if (isReadError(this.#failure) || !first.stored) throw this.#failure;
      const remedy =
        this.#failure instanceof RowsDifferError ? "make the tables again with `load --rebuild`" : MOVE_AWAY;
      const refused = refusedChunk(this.#context.lake, first, messageOf(this.#failure), remedy);
      return loadTogether(this.#context, this.#dataset, [refused]);
    }
    const pieces = changed.size > 0 ? [unchanged] : unchanged.map((chunk) => [chunk]);
    let result: Result = { ...nothingLoaded, left: changed.size };
    for (const piece of pieces)
      result = sumOfResults(result, await loadTogether(this.#context, this.#dataset, piece));
    return result;
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
    const full = chunks.filter((chunk) => chunk.source && rowsToInsert(chunk) > 0);
    if (full.length > 0) {
      const whole = full.every(({ stored, insert }) => stored?.meta.covered.count === insert.length);
      const what = {
        paths: full.flatMap(({ source }) => source?.path ?? []),
        compression,
        predicate: whole ? undefined : slotsOf(chunks, ({ insert }) => insert),
        repeats: full.some(({ source }) => source?.repeats),
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
  chunks: readonly ReadyChunk[],
): Promise<void> {
  const inserted = slotsOf(chunks, ({ insert }) => insert);
  const [row] = await rowsOf(
    connection,
    `SELECT coalesce(sum(copies), 0)::BIGINT FROM ${dataset.name} WHERE ${inserted}`,
  );
  const found = integerOf(row?.[0]);
  const expected = chunks.reduce((sum, chunk) => sum + rowsToInsert(chunk), 0);
  if (found !== expected)
    throw new RowsDifferError(
      `table ${dataset.name} then holds ${found} rows of its slots, but the object ${expected}`,
    );
}
