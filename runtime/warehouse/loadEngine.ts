import pLimit from "p-limit";
import type { SlotRange } from "../chain/slots.ts";
import type { Chunk } from "../datasets/chunks.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { printable } from "../errors.ts";
import { isBad, type Lake, type StoredChunk } from "../lake/lake.ts";
import { type ChunkChange, failureOf, type LedgerPart, type LedgerRows, type LedgerState } from "./ledger.ts";
import type { VerifiedObject } from "./readVerified.ts";

/** A chunk whose object has been read and found sound, or one that can't be loaded (`stored` is undefined then). */
export interface CheckedChunk<Source> extends ChunkChange {
  readonly stored: StoredChunk | undefined;
  /** Rows of each slot, as counted in the object. */
  readonly counts: ReadonlyMap<number, number>;
  /** What the engine needs to read its rows; undefined when it has none to take. */
  readonly source: Source | undefined;
}

/** How many rows a chunk brings in. */
export function rowsToInsert({ insert, counts }: CheckedChunk<unknown>): number {
  return insert.reduce((sum, slot) => sum + (counts.get(slot) ?? 0), 0);
}

/** A number of objects, with their compressed bytes and their rows. */
export interface LoadSize {
  readonly objects: number;
  readonly bytes: number;
  readonly rows: number;
}

/** How much of a load an engine takes at once. */
export interface LoadLimits {
  /** Chunks are handed to the engine in groups of about this size. */
  readonly group: LoadSize;
  /** A transaction is committed when it has this much. */
  readonly transaction: LoadSize;
  /** Groups that may wait for the engine. */
  readonly waitingGroups: number;
  /** Transactions of one load; what is more waits for the next. */
  readonly transactions: number;
}

/** What became of a transaction's chunks. */
export interface TransactionResult<Source> {
  readonly loaded: readonly CheckedChunk<Source>[];
  /** Loaded by someone else meanwhile. */
  readonly unchanged: number;
  /** Changed or vanished since they were read. */
  readonly left: number;
  /** How often the transaction began again. */
  readonly retried: number;
}

/** The result of a transaction without chunks. */
export const nothingLoaded = { loaded: [], unchanged: 0, left: 0, retried: 0 };

/** The results of two transactions as one. */
export function sumOfResults<Source>(
  result: TransactionResult<Source>,
  other: TransactionResult<Source>,
): TransactionResult<Source> {
  return {
    loaded: [...result.loaded, ...other.loaded],
    unchanged: result.unchanged + other.unchanged,
    left: result.left + other.left,
    retried: result.retried + other.retried,
  };
}

/**
 * Chunks that come into table and ledger together, or not at all. Those that have changed by the end are left; when the data of
 * one can't be taken, the others go in and that one's ledger row says why.
 */
export interface LoadTransaction<Source> {
  /** Takes a group of chunks; their rows may go in at once. */
  add(chunks: readonly CheckedChunk<Source>[]): Promise<void>;
  finish(): Promise<TransactionResult<Source>>;
}

/** The part of a load that each warehouse does in its own way; all else is in `load.ts`. */
export interface LoadEngine<Source> {
  readonly limits: LoadLimits;
  /** Takes the rows and the ledger of a dataset out of the tables. */
  empty(dataset: Dataset): Promise<void>;
  /** Takes the rows and ledger of the chunks in some runs of whole chunks out of the tables, in one transaction. */
  forget(dataset: Dataset, chunks: readonly SlotRange[]): Promise<void>;
  state(dataset: Dataset, part: LedgerPart): Promise<LedgerState>;
  /** The ledger's rows of chunks, at least one. */
  rows(dataset: Dataset, chunks: readonly Chunk[]): Promise<LedgerRows>;
  /** How it will read the rows of some slots of an object, or why it can't take them (one line). */
  source(sound: VerifiedObject, slots: readonly number[]): Promise<{ source: Source | undefined } | Fault>;
  begin(dataset: Dataset): LoadTransaction<Source>;
}

interface Fault {
  readonly fault: string;
}

const HEADS_AT_ONCE = 16;

/** The chunks whose objects have changed or vanished since they were read. */
export async function changedChunks<Source>(
  lake: Lake,
  chunks: readonly CheckedChunk<Source>[],
): Promise<ReadonlySet<CheckedChunk<Source>>> {
  const limit = pLimit(HEADS_AT_ONCE);
  const changed = new Set<CheckedChunk<Source>>();
  const look = async (chunk: CheckedChunk<Source>): Promise<void> => {
    const now = chunk.stored && (await lake.head(chunk.after.chunk));
    if (chunk.stored && (!now || isBad(now) || now.generation !== chunk.after.generation)) changed.add(chunk);
  };
  await Promise.all(chunks.map((chunk) => limit(() => look(chunk))));
  return changed;
}

/** A chunk whose rows the engine refuses: its ledger row says why, in one line, and what to do. */
export function refusedChunk<Source>(
  lake: Lake,
  chunk: CheckedChunk<Source>,
  reason: string,
  remedy: string,
): CheckedChunk<Source> {
  const { chunk: run, object, generation } = chunk.after;
  const why = printable(reason.split("\n")[0] ?? "", 300);
  const fault = `${lake.locate(object)} can't be loaded: ${why}; ${remedy}`;
  const entry = { chunk: run, object, generation, bytes: 0, fault };
  return { ...chunk, ...failureOf(entry, chunk.before, fault), stored: undefined, source: undefined };
}

/** The remedy for an object with rows that no table takes. */
export const MOVE_AWAY = "move it away and its slots will be asked again";
