import type { SlotRange } from "../chain/slots.ts";
import { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { type BadChunk, type StoredChunk, emptyMeta, heldSlots, prunedRows } from "../lake/lake.ts";
import { integerOf, textOf } from "./cells.ts";
import type { Value } from "./warehouse.ts";

/** What the ledger says of a chunk: what of it is in the table, and which generation of its object was looked at last. */
export interface LedgerRow {
  readonly chunk: Chunk;
  readonly object: string;
  readonly generation: number;
  readonly revision: number;
  readonly covered: SlotBits;
  readonly suspect: SlotBits;
  readonly rows: number;
  readonly quarantined: number;
  readonly error: string | null;
  /** Slots answered without rows that nothing has shown to be empty; null in chunks of the time before this was kept. */
  readonly unproven: SlotBits | null;
  /** The slots of what is quarantined; null where nothing is, or where that wasn't kept. */
  readonly quarantinedSlots: SlotBits | null;
}

/** What is to be done so that the table holds a chunk as its object has it. */
export interface ChunkChange {
  /** The ledger row afterwards. */
  readonly after: LedgerRow;
  /** The ledger's row until then, if it has one. */
  readonly before: LedgerRow | undefined;
  /** Slots whose rows leave the table first, ascending. */
  readonly remove: readonly number[];
  /** Slots whose rows are taken from the object, ascending; those of `remove` among them. */
  readonly insert: readonly number[];
}

/** The slots of an object that were pruned from the lake before they came into this ledger. */
export function withheld({ meta }: StoredChunk, before: LedgerRow | undefined): number[] {
  return [...(meta.pruned?.rows.keys() ?? [])].filter((slot) => before?.covered.has(slot) !== true);
}

/**
 * Compares an object with the ledger: slots that are covered in the object and not in the ledger are inserted; where the
 * object's revision is higher, those of its revised slots that the ledger has are replaced. What only the ledger has stays. Slots
 * that were pruned from the lake are neither inserted nor removed: a ledger that lacks them doesn't say that they are covered.
 */
export function changeOf(stored: StoredChunk, before: LedgerRow | undefined): ChunkChange {
  const { chunk, object, generation, meta } = stored;
  const has = (slot: number): boolean => before?.covered.has(slot) === true;
  const isHeld = (slot: number): boolean => prunedRows(meta, slot) === undefined;
  const revised = before && meta.revision > before.revision ? [...meta.revised.slots()] : [];
  const remove = revised.filter((slot) => has(slot) && isHeld(slot));
  const replaced = new Set(remove);
  const insert = heldSlots(meta).filter((slot) => !has(slot) || replaced.has(slot));
  let { covered, suspect, rows } = meta;
  for (const slot of withheld(stored, before)) {
    rows -= prunedRows(meta, slot) ?? 0;
    covered = covered.with(slot, false);
    suspect = suspect.with(slot, false);
  }
  for (const slot of before?.covered.slots() ?? []) if (!covered.has(slot)) covered = covered.with(slot);
  const { revision, quarantined, unproven, quarantinedSlots = null } = meta;
  const held = { revision, covered, suspect, rows, quarantined, unproven, quarantinedSlots };
  const after = { chunk, object, generation, ...held, error: null };
  return { after, before, remove, insert };
}

/** The ledger's row for an object that can't be loaded: what was loaded before stays, and this generation isn't tried again. */
export function failureOf(
  entry: StoredChunk | BadChunk,
  before: LedgerRow | undefined,
  error: string,
): ChunkChange {
  const { chunk, object, generation } = entry;
  const { covered, suspect, revision, rows, quarantined, unproven, ...more } = before ?? emptyMeta(chunk);
  const held = { revision, covered, suspect, rows, quarantined, unproven };
  const { quarantinedSlots = null } = more;
  const after = { chunk, object, generation, ...held, quarantinedSlots, error };
  return { after, before, remove: [], insert: [] };
}

/** A part of the ledger: one relay's rows, or those of chunks that begin in ranges. */
export type LedgerPart = { readonly relay: string } | { readonly ranges: readonly SlotRange[] };

/** The columns that `LedgerState` is read from. */
export const STATE_COLUMNS = "relay, first_slot, generation, error, object";

/** What the ledger says of objects: their generations, and what keeps some from being loaded. */
export class LedgerState {
  readonly #generations = new Map<string, Map<number, number>>();
  /** By object. */
  readonly errors = new Map<string, string>();

  /** `rows` have STATE_COLUMNS. */
  constructor(rows: Iterable<Readonly<Record<string, Value>>>) {
    for (const row of rows) {
      const relay = textOf(row["relay"]);
      const ofRelay = this.#generations.get(relay) ?? new Map<number, number>();
      this.#generations.set(relay, ofRelay.set(integerOf(row["first_slot"]), integerOf(row["generation"])));
      if (row["error"] !== null) this.errors.set(textOf(row["object"]), textOf(row["error"]));
    }
  }

  /** The generations of a relay's objects, by first slot. */
  of(relay: string): ReadonlyMap<number, number> {
    return this.#generations.get(relay) ?? new Map<number, number>();
  }
}

/** Ledger rows by chunk. */
export class LedgerRows {
  readonly #rows = new Map<string, LedgerRow>();

  /** `rows` have the ledger's columns. Throws UserError when one is damaged. */
  constructor(dataset: Dataset, rows: Iterable<Readonly<Record<string, Value>>>) {
    for (const row of rows) {
      const read = ledgerRow(dataset, row);
      this.#rows.set(`${read.chunk.relay} ${read.chunk.first}`, read);
    }
  }

  get(chunk: Chunk): LedgerRow | undefined {
    return this.#rows.get(`${chunk.relay} ${chunk.first}`);
  }
}

function ledgerRow(dataset: Dataset, row: Readonly<Record<string, Value>>): LedgerRow {
  const relay = textOf(row["relay"]);
  const first = integerOf(row["first_slot"]);
  const bits = (value: Value | undefined): SlotBits => {
    const parsed = SlotBits.parse(first, dataset.chunkSlots, textOf(value));
    if (!parsed)
      throw new UserError(
        `the ledger of ${relay} ${dataset.name} at slot ${first} is damaged; run \`load --rebuild\``,
      );
    return parsed;
  };
  return {
    chunk: { dataset: dataset.name, relay, first, last: first + dataset.chunkSlots - 1 },
    object: textOf(row["object"]),
    generation: integerOf(row["generation"]),
    revision: integerOf(row["revision"]),
    covered: bits(row["covered"]),
    suspect: bits(row["suspect"]),
    rows: integerOf(row["rows"]),
    quarantined: integerOf(row["quarantined"]),
    error: row["error"] === null ? null : textOf(row["error"]),
    unproven: row["unproven"] === null ? null : bits(row["unproven"]),
    quarantinedSlots: row["quarantined_slots"] === null ? null : bits(row["quarantined_slots"]),
  };
}
