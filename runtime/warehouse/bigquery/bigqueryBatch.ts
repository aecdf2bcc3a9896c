import pLimit from "p-limit";
import type { Network } from "../../chain/networks.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { messageOf, printable } from "../../errors.ts";
import { isBad, type Lake } from "../../lake/lake.ts";
import type { Log } from "../../log.ts";
import type { BigQueryApi } from "./bigqueryApi.ts";
import { ApiError, isConflict, isNotFound } from "./bigqueryErrors.ts";
import type { BigQueryJobs } from "./bigqueryJobs.ts";
import { ledgerRows } from "./bigqueryLedger.ts";
import { ensureGuard, isGuardMissing } from "./transactionLock.ts";
import { LEDGER_MOVED, type LoadPlaces, loadScript } from "./bigqueryLoadSql.ts";
import { ObjectFaultError, type Staged, type Staging } from "./bigqueryStaging.ts";
import { type ChunkChange, changeOf, failureOf, type LedgerRow } from "../ledger.ts";
import type { StoredChunk } from "../../lake/lake.ts";

/** A chunk whose object has been read and found sound, or one that can't be loaded (`stored` is undefined then). */
export interface CheckedChunk extends ChunkChange {
  readonly stored: StoredChunk | undefined;
  /** Rows of each slot, as counted in the object. */
  readonly counts: ReadonlyMap<number, number>;
}

export interface BatchContext {
  readonly api: BigQueryApi;
  readonly jobs: BigQueryJobs;
  readonly staging: Staging;
  readonly places: LoadPlaces;
  readonly network: Network;
  readonly lake: Lake;
  readonly log: Log;
  /** When the load began, RFC 3339. */
  readonly loadedAt: string;
}

export interface BatchResult {
  readonly loaded: readonly CheckedChunk[];
  /** Loaded by someone else meanwhile. */
  readonly unchanged: number;
  /** Changed or vanished since they were read. */
  readonly left: number;
  /** How often the transaction began again. */
  readonly retried: number;
}

/** Another loader's transaction may always be faster; after this many it is said. */
const ATTEMPTS = 40;
const HEADS_AT_ONCE = 16;

const nothing: BatchResult = { loaded: [], unchanged: 0, left: 0, retried: 0 };

/** Brings chunks into table and ledger in one transaction. */
export async function loadBatch(
  context: BatchContext,
  dataset: Dataset,
  chunks: readonly CheckedChunk[],
): Promise<BatchResult> {
  if (chunks.length === 0) return nothing;
  const { staging, lake } = context;
  const sources = chunks.filter((chunk) => rowsOf(chunk) > 0);
  let staged: Staged | undefined;
  try {
    staged = sources.length === 0 ? undefined : await staging.stage(dataset, sources.map(sourceOf));
  } catch (error) {
    if (!(error instanceof ObjectFaultError)) throw error;
    return sortOut(context, dataset, chunks, sources, error);
  }
  // What a load job reads is the object as it is then, not of a generation: who has changed since may have been read either way.
  const changed = await changedOf(lake, chunks);
  const expected = sources.reduce((sum, { stored }) => sum + (stored?.meta.rows ?? 0), 0);
  if (staged && changed.size === 0 && staged.rows !== expected && !Number.isNaN(staged.rows)) {
    const fault = `BigQuery reads ${staged.rows} rows where ${expected} were written`;
    await staging.drop(staged);
    return sortOut(context, dataset, chunks, sources, new ObjectFaultError(fault, []));
  }
  const unchanged = chunks.filter((chunk) => !changed.has(chunk));
  const result = await commit(context, dataset, unchanged, staged);
  if (staged) await staging.drop(staged);
  return { ...result, left: result.left + changed.size };

  function sourceOf({ after, stored }: CheckedChunk) {
    return { uri: lake.locate(after.object), generation: stored?.generation ?? 0 };
  }
}

function rowsOf({ insert, counts }: CheckedChunk): number {
  return insert.reduce((sum, slot) => sum + (counts.get(slot) ?? 0), 0);
}

/** The transaction, begun again with what the ledger then says while others are faster. */
async function commit(
  context: BatchContext,
  dataset: Dataset,
  chunks: readonly CheckedChunk[],
  staged: Staged | undefined,
): Promise<BatchResult> {
  const { api, jobs, places, network, log, loadedAt } = context;
  let rest = chunks;
  let result = nothing;
  for (let attempt = 1; rest.length > 0; attempt++) {
    const table = rest.some((chunk) => rowsOf(chunk) > 0) ? staged?.table : undefined;
    try {
      await jobs.run(loadScript(places, network, dataset, rest, table, loadedAt));
      return { ...result, loaded: rest };
    } catch (error) {
      const missing = missingOf(error, dataset, table);
      const moved = error instanceof ApiError && error.message.includes(LEDGER_MOVED);
      if (!missing && !moved && !isConflict(error)) throw error;
      if (attempt >= ATTEMPTS) throw error;
      log.debug({ dataset: dataset.name, attempt, error: messageOf(error) }, "a transaction begins again");
      if (missing === "guard") await ensureGuard(api, jobs, places, dataset);
      else {
        result = { ...result, retried: result.retried + 1 };
        await api.pause(Math.min(attempt, 4));
      }
      const fresh = await compared(context, dataset, rest);
      result = {
        ...result,
        unchanged: result.unchanged + fresh.unchanged,
        left: result.left + fresh.left,
      };
      rest = fresh.rest;
      // Whoever dropped it has loaded what the two had in common.
      if (missing === "staging" && rest.length > 0) {
        const again = await loadBatch(context, dataset, rest);
        return {
          loaded: again.loaded,
          unchanged: result.unchanged + again.unchanged,
          left: result.left + again.left,
          retried: result.retried + again.retried,
        };
      }
    }
  }
  return result;
}

/** What a script didn't find. */
function missingOf(
  error: unknown,
  dataset: Dataset,
  staged: string | undefined,
): "guard" | "staging" | undefined {
  if (isGuardMissing(error, dataset)) return "guard";
  if (!(error instanceof ApiError)) return undefined;
  if (!isNotFound(error) && !/not found/i.test(error.message)) return undefined;
  return staged !== undefined && error.message.includes(staged) ? "staging" : undefined;
}

/** What is still to be done of chunks, by the ledger as it is now. */
async function compared(
  { jobs, places }: BatchContext,
  dataset: Dataset,
  chunks: readonly CheckedChunk[],
): Promise<{ rest: CheckedChunk[]; unchanged: number; left: number }> {
  const ledger = await ledgerRows(
    jobs,
    places.tables,
    dataset,
    chunks.map(({ after }) => after.chunk),
  );
  const rest: CheckedChunk[] = [];
  let unchanged = 0;
  let left = 0;
  for (const chunk of chunks) {
    const before: LedgerRow | undefined = ledger.get(chunk.after.chunk);
    if (before?.generation === chunk.after.generation) unchanged++;
    else if ((before?.generation ?? 0) > chunk.after.generation) left++;
    else if (chunk.stored) {
      const change = changeOf(chunk.stored, before);
      // Only what was wanted from the first has been counted and staged: a ledger that has lost slots is for the next load.
      if (change.insert.every((slot) => chunk.insert.includes(slot))) rest.push({ ...chunk, ...change });
      else left++;
    } else {
      const { error, object, generation, chunk: run } = chunk.after;
      const bad = { chunk: run, object, generation, bytes: 0, fault: error ?? "" };
      rest.push({ ...chunk, ...failureOf(bad, before, bad.fault) });
    }
  }
  return { rest, unchanged, left };
}

async function changedOf(lake: Lake, chunks: readonly CheckedChunk[]): Promise<ReadonlySet<CheckedChunk>> {
  const limit = pLimit(HEADS_AT_ONCE);
  const changed = new Set<CheckedChunk>();
  await Promise.all(
    chunks.map((chunk) =>
      limit(async () => {
        const now = chunk.stored && (await lake.head(chunk.after.chunk));
        if (chunk.stored && (!now || isBad(now) || now.generation !== chunk.after.generation))
          changed.add(chunk);
      }),
    ),
  );
  return changed;
}

/** Loads without the objects that BigQuery refuses; where it doesn't say which, half by half. */
async function sortOut(
  context: BatchContext,
  dataset: Dataset,
  chunks: readonly CheckedChunk[],
  sources: readonly CheckedChunk[],
  fault: ObjectFaultError,
): Promise<BatchResult> {
  const { lake } = context;
  const named = new Set(fault.uris);
  const guilty = sources.filter(({ after }) => named.has(lake.locate(after.object)));
  const [only] = sources.length === 1 ? sources : guilty;
  if (only?.stored) {
    const now = await lake.head(only.after.chunk);
    const rest = chunks.filter((chunk) => chunk !== only);
    // It may have been replaced by a sound one, or have been a bad one only for a moment.
    if (!now || now.generation !== only.after.generation)
      return sum({ ...nothing, left: 1 }, await loadBatch(context, dataset, rest));
    const reason = printable(fault.message.split("\n")[0] ?? "", 300);
    const where = lake.locate(only.after.object);
    const error = `${where} can't be loaded: ${reason}; move it away and its slots will be asked again`;
    const failed = { ...only, ...failureOf(only.stored, only.before, error), stored: undefined };
    return loadBatch(context, dataset, [...rest, failed]);
  }
  const half = Math.ceil(sources.length / 2);
  const first = new Set(sources.slice(0, half));
  const others = chunks.filter((chunk) => !first.has(chunk));
  return sum(await loadBatch(context, dataset, [...first]), await loadBatch(context, dataset, others));
}

function sum(one: BatchResult, other: BatchResult): BatchResult {
  return {
    loaded: [...one.loaded, ...other.loaded],
    unchanged: one.unchanged + other.unchanged,
    left: one.left + other.left,
    retried: one.retried + other.retried,
  };
}
