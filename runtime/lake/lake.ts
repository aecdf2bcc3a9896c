import type { SlotRange } from "../chain/slots.ts";
import { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { SlotBlock } from "./gzip.ts";
import type { Rereads } from "./rereads.ts";

/** What a chunk's metadata says is inside. `suspect` and `revised` are subsets of `covered`. */
export interface ChunkMeta {
  readonly covered: SlotBits;
  readonly suspect: SlotBits;
  /**
   * Slots that were answered without rows, and nothing has shown yet that they are empty; none of them is covered. Null in
   * an object of the time before empty answers needed witnesses, whose covered empty slots are without proof.
   */
  readonly unproven: SlotBits | null;
  /** Slots whose rows were replaced since the chunk was first written. */
  readonly revised: SlotBits;
  /** How often rows of the chunk were replaced. */
  readonly revision: number;
  readonly rows: number;
  readonly quarantined: number;
  /** The slots of what is quarantined; absent where nothing is, and in an object of the time before this was kept. */
  readonly quarantinedSlots?: SlotBits;
  /** What `prune` took out of the lake once it had been published; absent where nothing was. */
  readonly pruned?: PrunedRows;
}

/** Rows that are covered and lie in published files alone: nobody may take their slots for empty. */
export interface PrunedRows {
  /** How many rows each slot had; those without any among them. */
  readonly rows: ReadonlyMap<number, number>;
  /** The object's generation when it held them. */
  readonly generation: number;
}

/** A chunk object as a listing shows it. */
export interface StoredChunk {
  readonly chunk: Chunk;
  /** Name inside the lake: `<network>/<dataset>/relay=<relay>/<first>-<last>.ndjson.gz`. */
  readonly object: string;
  /** Only grows; 0 stands for "no object". */
  readonly generation: number;
  /** Compressed bytes. */
  readonly bytes: number;
  readonly meta: ChunkMeta;
}

/** An object under a chunk's name that can't be trusted: it covers nothing and stops nothing but its own chunk. */
export interface BadChunk {
  readonly chunk: Chunk;
  readonly object: string;
  readonly generation: number;
  readonly bytes: number;
  /** What is wrong and what to do, one line. */
  readonly fault: string;
}

/**
 * A row that the schema can't hold, kept as it was sent; or, with reason `field`, what was too large for `extra` of a row
 * that is in the chunk: a JSON object of those fields, sorted keys. `sha256` (hex) is over `raw`.
 */
export interface QuarantineLine {
  readonly slot: number;
  readonly reason: string;
  readonly sha256: string;
  /** How often one answer held this very row, or these very fields. */
  readonly copies: number;
  /** RFC 3339 UTC with ms. */
  readonly read_at: string;
  readonly raw: string;
}

/** The oldest slot for which a relay still returns rows, and when that was found out (RFC 3339 UTC with ms). */
export interface Horizon {
  readonly oldest_slot: number;
  readonly asked_at: string;
  /** The relay doesn't serve the dataset at all: the slot is the one above all that was asked. Absent else. */
  readonly unserved?: true;
}

/** Thrown by conditional writes when the object isn't of the expected generation any more. Read again, merge, retry. */
export class StaleGenerationError extends Error {
  override readonly name = "StaleGenerationError";
}

/** Thrown when an object of the lake can't be read back as what it should be: names the object and the remedy. */
export class BadObjectError extends Error {
  override readonly name = "BadObjectError";
  readonly object: string;
  constructor(object: string, message: string) {
    super(message);
    this.object = object;
  }
}

/** What a read of the lake gives; where the object can't be trusted, `otherwise`, and `onBad` is told. Throws any other error. */
export async function trusted<T, O>(
  read: () => Promise<T>,
  otherwise: O,
  onBad?: (bad: BadObjectError) => void,
): Promise<T | O> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof BadObjectError)) throw error;
    onBad?.(error);
    return otherwise;
  }
}

/**
 * The ledger and the store of everything that was collected, for one network. Knows chunks, not rows: lines are made
 * and checked by the datasets.
 */
export interface Lake {
  /** A folder's path or `gs://bucket/prefix`. */
  readonly url: string;
  readonly network: string;

  /** The relays that have objects of a dataset. */
  relays(dataset: DatasetName): Promise<string[]>;

  /** The chunks that touch a range, oldest first. Asks only for names in the range. */
  list(dataset: DatasetName, relay: string, range: SlotRange): AsyncIterable<StoredChunk | BadChunk>;

  /** One chunk's state without its rows; undefined when there is no object. */
  head(chunk: Chunk): Promise<StoredChunk | BadChunk | undefined>;

  /**
   * One chunk with the lines of its covered slots but pruned ones (each ends with a newline), every line checked against the dataset,
   * the slot against `covered`, the count against `rows`. Undefined when there is no object. Throws BadObjectError.
   */
  read(
    chunk: Chunk,
  ): Promise<{ stored: StoredChunk; lines: ReadonlyMap<number, readonly string[]> } | undefined>;

  /**
   * Writes the chunk if it is still of generation `ifGeneration` (0: if there is none). `blocks` holds the rows of the
   * covered slots (a slot without rows needs none). Returns the new generation. Throws StaleGenerationError.
   */
  write(
    chunk: Chunk,
    blocks: ReadonlyMap<number, SlotBlock>,
    meta: ChunkMeta,
    ifGeneration: number,
  ): Promise<number>;

  /**
   * Writes a chunk's metadata anew and leaves its rows as they are, if it still is of generation `ifGeneration` (0: there is
   * none, and no rows). Nothing is inflated. Returns the new generation. Throws StaleGenerationError and BadObjectError.
   */
  restate(chunk: Chunk, meta: ChunkMeta, ifGeneration: number): Promise<number>;

  /** The quarantine of a chunk and its generation (0 and no lines when there is none). Throws BadObjectError. */
  readQuarantine(chunk: Chunk): Promise<{ lines: readonly QuarantineLine[]; generation: number }>;

  /** Replaces the quarantine of a chunk under a condition. Throws StaleGenerationError. */
  writeQuarantine(chunk: Chunk, lines: readonly QuarantineLine[], ifGeneration: number): Promise<number>;

  /** The relay's horizon as it was last found, or undefined. Throws BadObjectError. */
  readHorizon(dataset: DatasetName, relay: string): Promise<Horizon | undefined>;
  writeHorizon(dataset: DatasetName, relay: string, horizon: Horizon): Promise<void>;

  /** What reading slots of a month (`2025-10`, UTC) again has shown. Throws BadObjectError. */
  readRereads(dataset: DatasetName, relay: string, month: string): Promise<Rereads>;
  writeRereads(dataset: DatasetName, relay: string, month: string, rereads: Rereads): Promise<void>;

  /** Where an engine reads a chunk: a file's path or a gs:// URI. */
  locate(object: string): string;
}

/** What a chunk holds before anything is in it. */
export function emptyMeta({ first, last }: SlotRange): ChunkMeta {
  const none = SlotBits.empty(first, last - first + 1);
  const counts = { revision: 0, rows: 0, quarantined: 0 };
  return { covered: none, suspect: none, unproven: none, revised: none, ...counts };
}

/** How many rows of a slot were pruned; undefined where the slot wasn't. */
export function prunedRows({ pruned }: ChunkMeta, slot: number): number | undefined {
  return pruned?.rows.get(slot);
}

/** The covered slots whose rows the lake has. */
export function heldSlots(meta: ChunkMeta): number[] {
  return [...meta.covered.slots()].filter((slot) => prunedRows(meta, slot) === undefined);
}

/** The rows that a chunk's object holds. */
export function heldRows({ rows, pruned }: ChunkMeta): number {
  return rows - [...(pruned?.rows.values() ?? [])].reduce((sum, count) => sum + count, 0);
}

export function isBad(entry: StoredChunk | BadChunk): entry is BadChunk {
  return "fault" in entry;
}
