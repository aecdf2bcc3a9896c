import { crc32, constants, inflateRawSync } from "node:zlib";
import type { Network } from "../chain/networks.ts";
import { type DecodedAnswer, type RefusedRow, oversizeFields } from "../datasets/answer.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { lineWriter, linesOf } from "../datasets/line.ts";
import type { PackedAnswer } from "../kernel/kernel.ts";
import { type SlotBlock, deflateSlot } from "../lake/gzip.ts";

/** What a relay answered for one slot, ready for the lake: its lines are compressed once, here. */
export interface SlotAnswer {
  readonly slot: number;
  readonly block: SlotBlock;
  readonly refused: readonly RefusedRow[];
  /** What was too large for `extra` of rows that are in the block: for the quarantine, and not counted as rows. */
  readonly fields: readonly RefusedRow[];
  /** Why the slot is doubtful by this answer; undefined when it isn't. */
  readonly doubt: Doubt | undefined;
  /** True where it came from a cache on the way (`Age` above 0): it says nothing of the relay as it is now. */
  readonly cached: boolean;
  /** True where the relay said that there is no such thing (404). */
  readonly absent?: boolean;
  /** What took its rows; undefined where there are none, or no choice. */
  readonly way?: AnswerWay;
  /** Unix ms. */
  readonly readAt: number;
}

/** How an answer's rows become lines: by the kernel, or, where that is on and declines, by the decoder alone. */
export type AnswerWay = "kernel" | "fallback";

/**
 * `limit`: as many rows as a relay's page limit. `undelivered`: the relay delivered a payload that isn't among these bids.
 * `awaiting`: it lies above the relay's newest payload. `differs`: answers to different questions disagree.
 */
export type Doubt = "limit" | "undelivered" | "awaiting" | "differs";

/** Hashes of what a relay delivered in a slot; without any, of a payload that is refused. */
export interface DeliveredBlocks {
  readonly all: ReadonlySet<string>;
  /** Those that have to be among its bids, where it shows any: not what it made itself. */
  readonly bid: ReadonlySet<string>;
}

/** What is known of an answer besides its rows. */
export interface PackOptions {
  /** Unix ms. */
  readonly readAt: number;
  readonly cached?: boolean;
  readonly absent?: boolean;
  readonly delivered?: DeliveredBlocks | undefined;
  /** Set where more is known than the rows tell. */
  readonly doubt?: Doubt | undefined;
  readonly way?: AnswerWay;
}

/** A slot that a relay was asked for. */
export interface AskedSlot {
  readonly network: Network;
  readonly relay: string;
  readonly slot: number;
}

/** Packs the rows of one slot. */
export function packSlot(
  dataset: Dataset,
  { network, relay, slot }: AskedSlot,
  { rows, refused }: DecodedAnswer,
  options: PackOptions,
): SlotAnswer {
  const block = deflateSlot(linesOf(rows, lineWriter(dataset, network, relay, slot)), rows.length);
  const hashes = options.delivered && new Set(rows.map(({ row }) => row["block_hash"]));
  const isOffered = (hash: string) => hashes?.has(hash) === true;
  return judged(dataset, { slot, block, refused, fields: oversizeFields(rows) }, options, isOffered);
}

/** So few lines zlib compresses better: it looks for matches within one, too. */
const FEW_LINES = 8;

/** Takes what the kernel made of an answer, before it makes another. */
export function packedSlot(
  dataset: Dataset,
  slot: number,
  { block, lines, odd, refused }: PackedAnswer,
  options: PackOptions,
): SlotAnswer {
  const { rows } = block;
  const parts = {
    slot,
    block: rows < FEW_LINES ? deflateSlot(lines, rows) : block,
    refused,
    fields: oversizeFields(odd),
    ...(rows + refused.length > 0 && { way: "kernel" as const }),
  };
  return judged(dataset, parts, options, (hash) => lines.includes(`"block_hash":"${hash}"`, 0, "latin1"));
}

/** Says whether an answer is doubtful. `isOffered`: whether its rows have a block. */
function judged(
  dataset: Dataset,
  parts: Pick<SlotAnswer, "slot" | "block" | "refused" | "fields">,
  { delivered, readAt, cached = false, absent = false, way, ...known }: PackOptions,
  isOffered: (hash: string) => boolean,
): SlotAnswer {
  const sent = parts.block.rows + parts.refused.length;
  let { doubt } = known;
  if (doubt === undefined && dataset.rowLimits?.includes(sent)) doubt = "limit";
  else if (doubt === undefined && delivered) {
    if (sent === 0 || [...delivered.bid].some((hash) => !isOffered(hash))) doubt = "undelivered";
  }
  return { ...(way && sent > 0 && { way }), ...parts, doubt, cached, absent, readAt };
}

/** How many rows the relay sent, those that the schema can't hold among them. */
export function sentRows({ block, refused }: SlotAnswer): number {
  return block.rows + refused.length;
}

/** The lines of a block, each with its newline. */
export function blockLines(block: SlotBlock): string[] {
  if (block.size === 0) return [];
  const plain = inflateRawSync(block.deflate, { finishFlush: constants.Z_SYNC_FLUSH });
  if (crc32(plain) !== block.crc) throw new Error("a block in memory doesn't match its CRC");
  return plain.toString("utf8").split(/(?<=\n)/);
}
