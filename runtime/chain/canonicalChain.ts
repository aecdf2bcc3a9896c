/** The canonical chain, from a node or a model of it. */
export interface CanonicalChain {
  /** The newest slot of which it surely says the same tomorrow: two epochs behind what it knows. */
  settled(): Promise<number>;
  /** Hash (0x hex) of the execution block of each of these settled slots, ascending; null where there is none. */
  blocks(slots: readonly number[]): Promise<ReadonlyMap<number, string | null>>;
}

/** Slots that a chain is asked for at a time. */
export const SLOTS_AT_ONCE = 1000;

/** A table of canonical blocks in BigQuery that others keep; copies of it name their columns differently. */
export interface CanonicalTable {
  /** `project.dataset.table`, in the warehouse's location. */
  readonly table: string;
  /** Start of a block's slot, TIMESTAMP; the column by which the table is partitioned. */
  readonly timestamp_column: string;
  /** The block's hash, 0x hex. */
  readonly hash_column: string;
}
