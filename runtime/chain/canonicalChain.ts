import { UserError } from "../errors.ts";
import type { ChainSource } from "./chainSource.ts";
import { slotRuns } from "./slots.ts";

/** The canonical chain, from a node or a model of it. */
export interface CanonicalChain {
  /** The newest slot of which it surely says the same tomorrow: two epochs behind what it knows. */
  settled(): Promise<number>;
  /** Hash (0x hex) of the execution block of each of these settled slots, ascending; null where there is none; what it says nothing of isn't among them. */
  blocks(slots: readonly number[]): Promise<ReadonlyMap<number, string | null>>;
}

/** Slots that lie no further apart are asked for in one range. */
const GAP_SLOTS = 8;

/** A source as the canonical chain. Slots of which it proves nothing make `blocks` throw UserError. */
export function canonicalBy(source: ChainSource): CanonicalChain {
  return {
    settled: () => source.final(),
    async blocks(slots) {
      const asked = new Set(slots);
      const hashes = new Map<number, string | null>();
      for (const range of slotRuns(slots, GAP_SLOTS))
        for (const { slot, status, block_hash } of await source.blocks(range))
          if (asked.has(Number(slot))) hashes.set(Number(slot), status === "canonical" ? block_hash : null);
      const unproven = slots.find((slot) => !hashes.has(slot));
      if (unproven !== undefined)
        throw new UserError(
          `--chain: the node lacks blocks at slot ${unproven}, or its answers contradict each other; give another URL`,
        );
      return hashes;
    },
  };
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
