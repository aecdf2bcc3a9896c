import type { Chunk } from "../../datasets/chunks.ts";
import { type Dataset, datasets, lakeColumns } from "../../datasets/dataset.ts";
import { UserError } from "../../errors.ts";
import type { Lake } from "../../lake/lake.ts";
import { type BigQueryLoad, loadTogether } from "./bigqueryTransaction.ts";
import { runGuarded } from "./transactionLock.ts";
import { emptyScript, forgetScript, generationsQuery, ledgerQuery } from "./bigqueryLoadSql.ts";
import { type LedgerPart, LedgerRows, LedgerState } from "../ledger.ts";
import { loadObjects } from "../load.ts";
import { type CheckedChunk, type LoadEngine, type LoadTransaction, MOVE_AWAY } from "../loadEngine.ts";
import type { VerifiedObject } from "../readVerified.ts";
import type { LoadOptions, LoadSummary } from "../warehouse.ts";

/**
 * What a transaction, which is a load job and a script, takes at most: a tenth of the URIs that a job may name, and about 20 GB
 * of rows; its chunks fit into a query's parameters (10 MB) six times over.
 */
const TRANSACTION = { objects: 1000, bytes: 2 * 2 ** 30, rows: Infinity };
/** A load has far fewer transactions than the 100,000 load jobs that a project has a day. */
const LIMITS = { group: TRANSACTION, transaction: TRANSACTION, waitingGroups: 1, transactions: 1000 };

/** Brings rows and ledger of a BigQuery warehouse up to the lake. */
export async function loadIntoBigQuery(parts: BigQueryLoad, options: LoadOptions): Promise<LoadSummary> {
  const { lake, jobs, places } = parts;
  if (!lake.locate("").startsWith("gs://"))
    throw new UserError(
      `BigQuery can't read the lake ${lake.url}: it must be in Cloud Storage; give --lake gs://BUCKET/PREFIX, or a DuckDB file as --warehouse`,
      { exitCode: 2 },
    );
  const engine: LoadEngine<undefined> = {
    limits: LIMITS,
    empty: (dataset) => runGuarded(parts, dataset, emptyScript(places, dataset)),
    forget: (dataset, chunks) =>
      runGuarded(parts, dataset, forgetScript(places, parts.network, dataset, chunks)),
    state: async (dataset: Dataset, part: LedgerPart) =>
      new LedgerState(await jobs.run(generationsQuery(places.tables, dataset, part))),
    rows: async (dataset: Dataset, chunks: readonly Chunk[]) =>
      new LedgerRows(dataset, await jobs.run(ledgerQuery(places.tables, dataset, chunks))),
    source: async (sound) => {
      const fault = rangeFault(lake, sound);
      return fault === undefined ? { source: undefined } : { fault };
    },
    begin: (dataset): LoadTransaction<undefined> => {
      const chunks: CheckedChunk<undefined>[] = [];
      return {
        add: async (more) => void chunks.push(...more),
        finish: () => loadTogether(parts, dataset, chunks),
      };
    },
  };
  return loadObjects({ engine, lake, network: parts.network, log: parts.log }, options);
}

/** BigQuery would refuse the whole job for an integer outside 64 bits, which the lake's lines may hold. */
function rangeFault(lake: Lake, { stored, lines }: VerifiedObject): string | undefined {
  const integers = lakeColumns(datasets[stored.chunk.dataset]).filter(({ type }) => type === "INT64");
  for (const [slot, slotLines] of lines)
    for (const line of slotLines) {
      if (!/"-?\d{19}"/.test(line)) continue;
      const row = JSON.parse(line) as Record<string, string | null>;
      const outside = integers.find(({ name }) => {
        const text = row[name] ?? null;
        return text !== null && BigInt.asIntN(64, BigInt(text)) !== BigInt(text);
      });
      if (outside)
        return `${lake.locate(stored.object)} can't be loaded: ${outside.name} of a row of slot ${slot} is outside 64 bits; ${MOVE_AWAY}`;
    }
  return undefined;
}
