import { type SlotRange, cutRange } from "../chain/slots.ts";
import { UserError, printable } from "../errors.ts";
import { MAX_SHARDS } from "../settings/shared.ts";

/** Which of how many shards: `index` from 0, below `count`. */
export interface ShardNumber {
  readonly index: number;
  readonly count: number;
}

/** Reads `I/N`. Throws UserError (exit 2) for anything else. */
export function parseShard(text: string): ShardNumber {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const shard = match && { index: Number(match[1]), count: Number(match[2]) };
  if (!shard || shard.count < 1 || shard.count > MAX_SHARDS || shard.index >= shard.count) {
    throw new UserError(
      `"${printable(text, 40)}" is no shard: give I/N with I from 0 to N-1 and N from 1 to ${MAX_SHARDS}, e.g. 0/4`,
      { exitCode: 2 },
    );
  }
  return shard;
}

/**
 * A worker goes through its shard by segments of this length: as many slots as one page of a bucket's listing shows chunks
 * of bids for. What a relay's work holds in memory is bounded by it, however long the shard is.
 */
export const SEGMENT_SLOTS = 32_000;

/** A range cut at the multiples of a segment's length, newest first. */
export function segmentsOf(range: SlotRange): SlotRange[] {
  return [...cutRange(range, SEGMENT_SLOTS)];
}
