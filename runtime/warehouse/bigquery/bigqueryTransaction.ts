import type { Network } from "../../chain/networks.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { messageOf } from "../../errors.ts";
import type { Lake } from "../../lake/lake.ts";
import type { Log } from "../../log.ts";
import { ApiError, isConflict, isNotFound } from "./bigqueryErrors.ts";
import { type BigQueryParts, ensureGuard, isGuardMissing } from "./transactionLock.ts";
import { LEDGER_MOVED, ledgerQuery, loadScript } from "./bigqueryLoadSql.ts";
import { ObjectFaultError, type Staged, type Staging } from "./bigqueryStaging.ts";
import { changeOf, failureOf, type LedgerRow, LedgerRows } from "../ledger.ts";
import {
  changedChunks,
  type CheckedChunk,
  MOVE_AWAY,
  nothingLoaded,
  refusedChunk,
  rowsToInsert,
  sumOfResults,
  type TransactionResult,
} from "../loadEngine.ts";

type Chunk = CheckedChunk<undefined>;
type Result = TransactionResult<undefined>;

/** What a load and its transactions work with. */
export interface BigQueryLoad extends BigQueryParts {
  readonly staging: Staging;
  readonly network: Network;
  readonly lake: Lake;
  readonly log: Log;
  /** When the load began, RFC 3339. */
  readonly loadedAt: string;
}

/** Another loader's transaction may always be faster; after this many it is said. */
const ATTEMPTS = 40;

/** Brings chunks into table and ledger in one transaction. */
export async function loadTogether(
  context: BigQueryLoad,
  dataset: Dataset,
  chunks: readonly Chunk[],
): Promise<Result> {
  if (chunks.length === 0) return nothingLoaded;
  const { staging, lake } = context;
  const sources = chunks.filter((chunk) => rowsToInsert(chunk) > 0);
  let staged: Staged | undefined;
  try {
    staged = sources.length === 0 ? undefined : await staging.stage(dataset, sources.map(sourceOf));
  } catch (error) {
    if (!(error instanceof ObjectFaultError)) throw error;
    return sortOut(context, dataset, chunks, sources, error);
  }
  // What a load job reads is the object as it is then, not of a generation: who has changed since may have been read either way.
  const changed = await changedChunks(lake, chunks);
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

  function sourceOf({ after, stored }: Chunk) {
    return { uri: lake.locate(after.object), generation: stored?.generation ?? 0 };
  }
}

/** The transaction, begun again with what the ledger then says while others are faster. */
async function commit(
  context: BigQueryLoad,
  dataset: Dataset,
  chunks: readonly Chunk[],
  staged: Staged | undefined,
): Promise<Result> {
  const { api, jobs, places, network, log, loadedAt } = context;
  let rest = chunks;
  let result: Result = nothingLoaded;
  for (let attempt = 1; rest.length > 0; attempt++) {
    const stagingTable = rest.some((chunk) => rowsToInsert(chunk) > 0) ? staged?.table : undefined;
    try {
      await jobs.run(loadScript(places, network, dataset, rest, { stagingTable, loadedAt }));
      return { ...result, loaded: rest };
    } catch (error) {
      const missing = missingOf(error, dataset, stagingTable);
      const moved = error instanceof ApiError && error.message.includes(LEDGER_MOVED);
      if (!missing && !moved && !isConflict(error)) throw error;
      if (attempt >= ATTEMPTS) throw error;
      log.debug({ dataset: dataset.name, attempt, error: messageOf(error) }, "a transaction begins again");
      if (missing === "guard") await ensureGuard(context, dataset);
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
        return sumOfResults(result, await loadTogether(context, dataset, rest));
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
  { jobs, places }: BigQueryLoad,
  dataset: Dataset,
  chunks: readonly Chunk[],
): Promise<{ rest: Chunk[]; unchanged: number; left: number }> {
  const runs = chunks.map(({ after }) => after.chunk);
  const ledger = new LedgerRows(dataset, await jobs.run(ledgerQuery(places.tables, dataset, runs)));
  const rest: Chunk[] = [];
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

/** Loads without the objects that BigQuery refuses; where it doesn't say which, half by half. */
async function sortOut(
  context: BigQueryLoad,
  dataset: Dataset,
  chunks: readonly Chunk[],
  sources: readonly Chunk[],
  fault: ObjectFaultError,
): Promise<Result> {
  const { lake } = context;
  const named = new Set(fault.uris);
  const guilty = sources.filter(({ after }) => named.has(lake.locate(after.object)));
  const [only] = sources.length === 1 ? sources : guilty;
  if (only?.stored) {
    const now = await lake.head(only.after.chunk);
    const rest = chunks.filter((chunk) => chunk !== only);
    // It may have been replaced by a sound one, or have been a bad one only for a moment.
    if (!now || now.generation !== only.after.generation)
      return sumOfResults({ ...nothingLoaded, left: 1 }, await loadTogether(context, dataset, rest));
    const refused = refusedChunk(lake, only, fault.message, MOVE_AWAY);
    return loadTogether(context, dataset, [...rest, refused]);
  }
  const half = Math.ceil(sources.length / 2);
  const first = new Set(sources.slice(0, half));
  const others = chunks.filter((chunk) => !first.has(chunk));
  return sumOfResults(
    await loadTogether(context, dataset, [...first]),
    await loadTogether(context, dataset, others),
  );
}
