import { crc32, constants, inflateRawSync } from "node:zlib";
import type { Network } from "../chain/networks.ts";
import type { DecodedAnswer, RefusedRow } from "../datasets/answer.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { lineWriter, linesOf } from "../datasets/line.ts";
import { type SlotBlock, deflateSlot } from "../lake/gzip.ts";

/** What a relay answered for one slot, ready for the lake: its lines are compressed once, here. */
export interface SlotAnswer {
  readonly slot: number;
  readonly block: SlotBlock;
  readonly refused: readonly RefusedRow[];
  /** Why the answer is doubtful (design §2, "suspect"); undefined when it isn't. */
  readonly doubt: Doubt | undefined;
  /** Unix ms. */
  readonly readAt: number;
}

/**
 * `limit`: as many rows as a relay's page limit. `empty`: an empty answer of a kind that may be stale (Helix, 204).
 * `undelivered`: the relay delivered a payload that isn't among these bids.
 */
export type Doubt = "limit" | "empty" | "undelivered";

/** Row counts at which relays cut answers off (facts: relay-data-api §5, row 2). */
const LIMITS: ReadonlySet<number> = new Set([100, 200, 450, 500]);

/** Packs the rows of one slot. `doubtfulWhenEmpty`: an empty answer may be stale. `delivered`: hashes that ought to be there. */
export function packSlot(
  dataset: Dataset,
  network: Network,
  relay: string,
  slot: number,
  answer: DecodedAnswer,
  options: { readAt: number; doubtfulWhenEmpty?: boolean; delivered?: ReadonlySet<string> | undefined },
): SlotAnswer {
  const { rows } = answer;
  const sent = rows.length + answer.refused.length;
  const { delivered } = options;
  let doubt: Doubt | undefined;
  if (sent === 0 && options.doubtfulWhenEmpty) doubt = "empty";
  else if (dataset.name === "bids" && LIMITS.has(sent)) doubt = "limit";
  else if (delivered) {
    const offered = new Set(rows.map(({ row }) => row["block_hash"]));
    if ([...delivered].some((hash) => !offered.has(hash))) doubt = "undelivered";
  }
  return {
    slot,
    block: deflateSlot(linesOf(rows, lineWriter(dataset, network, relay, slot)), rows.length),
    refused: answer.refused,
    doubt,
    readAt: options.readAt,
  };
}

/** The lines of a block, each with its newline. */
export function blockLines(block: SlotBlock): string[] {
  if (block.size === 0) return [];
  const plain = inflateRawSync(block.deflate, { finishFlush: constants.Z_SYNC_FLUSH });
  if (crc32(plain) !== block.crc) throw new Error("a block in memory doesn't match its CRC");
  return plain.toString("utf8").split(/(?<=\n)/);
}
