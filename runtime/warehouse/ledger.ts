import type { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import { type BadChunk, type StoredChunk, emptyMeta } from "../lake/lake.ts";

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

/**
 * Compares an object with the ledger: slots that are covered in the object and not in the ledger are inserted; where the
 * object's revision is higher, those of its revised slots that the ledger has are replaced. What only the ledger has stays.
 */
export function changeOf(stored: StoredChunk, before: LedgerRow | undefined): ChunkChange {
  const { chunk, object, generation, meta } = stored;
  const has = (slot: number): boolean => before?.covered.has(slot) === true;
  const remove = before && meta.revision > before.revision ? [...meta.revised.slots()].filter(has) : [];
  const replaced = new Set(remove);
  const insert = [...meta.covered.slots()].filter((slot) => !has(slot) || replaced.has(slot));
  let { covered } = meta;
  for (const slot of before?.covered.slots() ?? []) if (!covered.has(slot)) covered = covered.with(slot);
  const { revision, suspect, rows, quarantined, unproven } = meta;
  const held = { revision, covered, suspect, rows, quarantined, unproven };
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
  const { covered, suspect, revision, rows, quarantined, unproven } = before ?? emptyMeta(chunk);
  const held = { revision, covered, suspect, rows, quarantined, unproven };
  const after = { chunk, object, generation, ...held, error };
  return { after, before, remove: [], insert: [] };
}
