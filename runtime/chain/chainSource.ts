import type { SlotRange } from "./slots.ts";

/**
 * What one source says of a slot, by the columns of table chain_blocks and as the lake writes values: integers as text, hex in
 * lower case, null where the source doesn't say, or there is no block.
 */
export interface ChainBlock {
  readonly slot: string;
  /** `missed`: no block; `orphaned`: none on the chain, but one was seen, which the row tells of. */
  readonly status: "canonical" | "missed" | "orphaned";
  readonly block_root: string | null;
  readonly parent_root: string | null;
  readonly block_hash: string | null;
  readonly parent_hash: string | null;
  readonly block_number: string | null;
  readonly proposer_index: string | null;
  readonly proposer_pubkey: string | null;
  readonly fee_recipient: string | null;
  readonly gas_used: string | null;
  readonly gas_limit: string | null;
  /** Wei. */
  readonly base_fee_per_gas: string | null;
  readonly extra_data: string | null;
  readonly extra_data_text: string | null;
  readonly transactions: string | null;
  readonly blobs: string | null;
  /** RFC 3339. */
  readonly timestamp: string | null;
}

/** Something that tells of the finalized chain: a node, or files. */
export interface ChainSource {
  /** As it stands in the lake where a relay does. */
  readonly name: "beacon" | "execution" | "xatu" | "bigquery";
  /** Slots that one question is worth; those of a chunk without it. */
  readonly slotsAtOnce?: number;
  /** The newest slot that it could tell of now. */
  final(): Promise<number>;
  /**
   * A row for each slot of the range that is final and proven by the source's own blocks, ascending; of other slots nothing.
   * A block is proven by the next one, which names it as its parent, a missed slot by the blocks around it, of which the later
   * one names the earlier. Throws UserError where the source can't be asked or isn't of this network.
   */
  blocks(range: SlotRange): Promise<readonly ChainBlock[]>;
  close(): void;
}

/** A row without a block. */
export function missedBlock(slot: number): ChainBlock {
  return {
    slot: String(slot),
    status: "missed",
    block_root: null,
    parent_root: null,
    block_hash: null,
    parent_hash: null,
    block_number: null,
    proposer_index: null,
    proposer_pubkey: null,
    fee_recipient: null,
    gas_used: null,
    gas_limit: null,
    base_fee_per_gas: null,
    extra_data: null,
    extra_data_text: null,
    transactions: null,
    blobs: null,
    timestamp: null,
  };
}

/** A block with what proves it: what it is called, and what it calls its parent. */
export interface LinkedBlock {
  readonly slot: number;
  readonly id: string;
  readonly parentId: string;
  readonly block: ChainBlock;
}

/** The rows of a range that blocks prove; they ascend, the nearest before and behind the range among them where they are known. */
export function provenBlocks({ first, last }: SlotRange, blocks: readonly LinkedBlock[]): ChainBlock[] {
  const rows: ChainBlock[] = [];
  for (const [place, next] of blocks.entries()) {
    const one = blocks[place - 1];
    if (!one || next.parentId !== one.id || next.slot <= one.slot) continue;
    if (one.slot >= first && one.slot <= last) rows.push(one.block);
    const end = Math.min(next.slot - 1, last);
    for (let slot = Math.max(one.slot + 1, first); slot <= end; slot++) rows.push(missedBlock(slot));
  }
  return rows;
}

/** A block's extra data as text: what isn't UTF-8, or would move a terminal's cursor, becomes U+FFFD. */
export function extraText(extraData: string): string {
  return Buffer.from(extraData.slice(2), "hex")
    .toString("utf8")
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}
