/** The canonical chain, from a node or a model of it. */
export interface CanonicalChain {
  /** The newest slot of which it surely says the same tomorrow: two epochs behind what it knows. */
  settled(): Promise<number>;
  /** Hash (0x hex) of the execution block of each of these settled slots, ascending; null where there is none. */
  blocks(slots: readonly number[]): Promise<ReadonlyMap<number, string | null>>;
}

/** Slots that a chain is asked for at a time. */
export const SLOTS_AT_ONCE = 1000;
