import { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import { type SlotBlock, deflateSlot } from "../lake/gzip.ts";
import { BadObjectError, type ChunkMeta, type Lake, StaleGenerationError, isBad } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import { type ReadPurpose, judge } from "./merge.ts";
import { addToQuarantine } from "./quarantine.ts";
import { type SlotAnswer, blockLines } from "./slotAnswer.ts";

/** Writers that meet at one chunk take turns; more turns than this mean that something else is wrong. */
const MAX_TURNS = 50;

/** What a write changed. */
export interface ChunkChange {
  /** False when the lake already said all this, and nothing was written. */
  readonly written: boolean;
  /** Slots that are covered now and weren't before. */
  readonly added: number;
  readonly addedRows: number;
  /** Slots whose second read differed from what was stored. */
  readonly differing: number;
  /** Writes that had to be done over because another writer was faster. */
  readonly lostTurns: number;
}

/**
 * Brings answers into a chunk: reads it, merges by whole slots, writes quarantine and then the chunk, each under the
 * condition that nobody changed it meanwhile, else starts over. `doubted` are stored slots to be marked suspect besides.
 * Throws BadObjectError where the stored object can't be trusted.
 */
export async function writeChunk(
  lake: Lake,
  log: Log,
  chunk: Chunk,
  answers: readonly SlotAnswer[],
  purpose: ReadPurpose,
  doubted: readonly number[] = [],
): Promise<ChunkChange> {
  for (let lostTurns = 0; lostTurns < MAX_TURNS; lostTurns++) {
    try {
      return { ...(await mergeOnce(lake, log, chunk, answers, purpose, doubted)), lostTurns };
    } catch (error) {
      if (!(error instanceof StaleGenerationError)) throw error;
    }
  }
  throw new Error(
    `${chunk.relay} ${chunk.dataset} ${chunk.first}-${chunk.last}: lost ${MAX_TURNS} turns of writing; try again`,
  );
}

async function mergeOnce(
  lake: Lake,
  log: Log,
  chunk: Chunk,
  answers: readonly SlotAnswer[],
  purpose: ReadPurpose,
  doubted: readonly number[],
): Promise<Omit<ChunkChange, "lostTurns">> {
  const head = await lake.head(chunk);
  if (head && isBad(head)) throw new BadObjectError(head.object, head.fault);
  // The rows are read only where some of them stay.
  const stored = head && (await lake.read(chunk));
  const length = chunk.last - chunk.first + 1;
  const none = SlotBits.empty(chunk.first, length);
  const before: ChunkMeta = stored?.stored.meta ?? {
    covered: none,
    suspect: none,
    revised: none,
    revision: 0,
    rows: 0,
    quarantined: 0,
  };
  let { covered, suspect, revised, revision } = before;
  let added = 0;
  let addedRows = 0;
  let differing = 0;
  const taken = new Map<number, SlotAnswer>();
  for (const answer of answers) {
    const { slot } = answer;
    if (!before.covered.has(slot)) {
      covered = covered.with(slot);
      suspect = suspect.with(slot, answer.doubt !== undefined);
      taken.set(slot, answer);
      added++;
      addedRows += answer.block.rows;
      continue;
    }
    const lines = stored?.lines.get(slot) ?? [];
    // An empty answer that may be stale never empties a slot, whatever the user accepts.
    const careful = purpose === "accept" && answer.doubt === "empty" ? "recheck" : purpose;
    const verdict = judge(careful, lines, blockLines(answer.block), before.suspect.has(slot));
    suspect = suspect.with(slot, verdict.suspect);
    if (verdict.differs) {
      differing++;
      const { relay, dataset } = chunk;
      log.warn(
        { relay, dataset, slot, stored: lines.length, read: answer.block.rows, kept: verdict.take },
        "a second read differs",
      );
    }
    if (verdict.take === "read") {
      taken.set(slot, answer);
      revised = revised.with(slot);
    }
  }
  if ([...taken.keys()].some((slot) => before.covered.has(slot))) revision++;
  for (const slot of doubted) if (covered.has(slot)) suspect = suspect.with(slot);

  const quarantined = await quarantine(lake, chunk, answers, before, covered);
  const rows = [...covered.slots()].reduce(
    (sum, slot) => sum + (taken.get(slot)?.block.rows ?? stored?.lines.get(slot)?.length ?? 0),
    0,
  );
  const meta: ChunkMeta = { covered, suspect, revised, revision, rows, quarantined };
  if (sameMeta(before, meta) && taken.size === 0) return { written: false, added, addedRows, differing };

  const blocks = new Map<number, SlotBlock>();
  for (const slot of covered.slots()) {
    const lines = stored?.lines.get(slot) ?? [];
    blocks.set(slot, taken.get(slot)?.block ?? deflateSlot(lines.join(""), lines.length));
  }
  await lake.write(chunk, blocks, meta, stored?.stored.generation ?? 0);
  return { written: true, added, addedRows, differing };
}

/** Writes refused rows first, so that no chunk ever claims a row that isn't kept; returns how many covered slots hold. */
async function quarantine(
  lake: Lake,
  chunk: Chunk,
  answers: readonly SlotAnswer[],
  before: ChunkMeta,
  covered: SlotBits,
): Promise<number> {
  if (before.quarantined === 0 && answers.every(({ refused }) => refused.length === 0)) return 0;
  const stored = await lake.readQuarantine(chunk);
  const grown = addToQuarantine(stored.lines, answers);
  if (grown) await lake.writeQuarantine(chunk, grown, stored.generation);
  return (grown ?? stored.lines)
    .filter(({ slot }) => covered.has(slot))
    .reduce((sum, { copies }) => sum + copies, 0);
}

function sameMeta(a: ChunkMeta, b: ChunkMeta): boolean {
  const bits = (meta: ChunkMeta) => [meta.covered, meta.suspect, meta.revised].join(" ");
  return (
    bits(a) === bits(b) && a.revision === b.revision && a.rows === b.rows && a.quarantined === b.quarantined
  );
}
