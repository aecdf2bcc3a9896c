import { integerOf, textOf } from "../cells.ts";
import type { SlotRange } from "../../chain/slots.ts";
import { SlotBits } from "../../datasets/bits.ts";
import type { Chunk } from "../../datasets/chunks.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { UserError } from "../../errors.ts";
import type { BigQueryJobs } from "./bigqueryJobs.ts";
import { generationsQuery, ledgerQuery } from "./bigqueryLoadSql.ts";
import type { DatasetPlace } from "./bigquerySql.ts";
import type { LedgerRow } from "../ledger.ts";
import type { Value } from "../warehouse.ts";

/** Ledger rows by chunk. */
export class LedgerRows {
  readonly #rows = new Map<string, LedgerRow>();

  get(chunk: Chunk): LedgerRow | undefined {
    return this.#rows.get(`${chunk.relay} ${chunk.first}`);
  }

  set(row: LedgerRow): void {
    this.#rows.set(`${row.chunk.relay} ${row.chunk.first}`, row);
  }
}

/** The ledger's rows of some chunks. Throws UserError when one is damaged. */
export async function ledgerRows(
  jobs: BigQueryJobs,
  place: DatasetPlace,
  dataset: Dataset,
  chunks: readonly Chunk[],
): Promise<LedgerRows> {
  const rows = new LedgerRows();
  if (chunks.length === 0) return rows;
  for (const row of await jobs.run(ledgerQuery(place, dataset, chunks))) rows.set(ledgerRow(dataset, row));
  return rows;
}

function ledgerRow(dataset: Dataset, row: Record<string, Value>): LedgerRow {
  const relay = textOf(row["relay"]);
  const first = integerOf(row["first_slot"]);
  const last = first + dataset.chunkSlots - 1;
  const bits = (value: Value | undefined): SlotBits => {
    const parsed = SlotBits.parse(first, dataset.chunkSlots, textOf(value));
    if (!parsed)
      throw new UserError(
        `the ledger of ${relay} ${dataset.name} at slot ${first} is damaged; run \`load --rebuild\``,
      );
    return parsed;
  };
  return {
    chunk: { dataset: dataset.name, relay, first, last },
    object: textOf(row["object"]),
    generation: integerOf(row["generation"]),
    revision: integerOf(row["revision"]),
    covered: bits(row["covered"]),
    suspect: bits(row["suspect"]),
    rows: integerOf(row["rows"]),
    quarantined: integerOf(row["quarantined"]),
    error: row["error"] === null ? null : textOf(row["error"]),
    unproven: row["unproven"] === null ? null : bits(row["unproven"]),
  };
}

/** What the ledger says of objects: their generations, and what keeps some from being loaded. */
export interface LedgerState {
  /** By relay, then by first slot. */
  readonly generations: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** By object. */
  readonly errors: ReadonlyMap<string, string>;
}

/** Reads the ledger of one relay, or of ranges of slots. */
export async function ledgerState(
  jobs: BigQueryJobs,
  place: DatasetPlace,
  dataset: Dataset,
  where: { readonly relay?: string; readonly ranges?: readonly SlotRange[] | undefined },
): Promise<LedgerState> {
  const generations = new Map<string, Map<number, number>>();
  const errors = new Map<string, string>();
  for (const row of await jobs.run(generationsQuery(place, dataset, where))) {
    const relay = textOf(row["relay"]);
    const ofRelay = generations.get(relay) ?? new Map<number, number>();
    generations.set(relay, ofRelay.set(integerOf(row["first_slot"]), integerOf(row["generation"])));
    if (row["error"] !== null) errors.set(textOf(row["object"]), textOf(row["error"]));
  }
  return { generations, errors };
}
