import { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import { type SlotBlock, deflateSlot } from "../lake/gzip.ts";
import {
  BadObjectError,
  type ChunkMeta,
  type Lake,
  type QuarantineLine,
  StaleGenerationError,
  emptyMeta,
  isBad,
  prunedRows,
} from "../lake/lake.ts";
import { refusedRows } from "../lake/quarantine.ts";
import type { Log } from "../log.ts";
import { type ReadPurpose, judgeReading } from "./merge.ts";
import { addToQuarantine } from "./quarantine.ts";
import { type SlotAnswer, blockLines } from "./slotAnswer.ts";

/** Writers that meet at one chunk take turns; more turns than this mean that something else is wrong. */
const MAX_TURNS = 50;

/** What is to be brought into a chunk. */
export interface Findings {
  /** Whole slots: with rows, or shown to be empty. */
  readonly answers: readonly SlotAnswer[];
  /** Slots that were answered without rows, which proves nothing yet. */
  readonly unproven?: readonly number[];
  /** Covered slots that something else has made doubtful. */
  readonly doubted?: readonly number[];
}

/** What a write changed. */
export interface ChunkUpdate {
  /** False when the lake already said all this, and nothing was written. */
  readonly written: boolean;
  /** Slots that are covered now and weren't before. */
  readonly added: number;
  readonly addedRows: number;
  /** Slots whose second read differed from what was stored. */
  readonly differing: number;
  /** Rows that those slots have more than before. */
  readonly gainedRows: number;
  /** Slots that have rows now and had none before. */
  readonly filled: readonly number[];
  /** Writes that had to be done over because another writer was faster. */
  readonly lostTurns: number;
}

/**
 * Brings findings into a chunk: reads it, merges by whole slots, writes quarantine and then the chunk, each under the
 * condition that nobody changed it meanwhile, else starts over. Throws BadObjectError where the stored object can't be trusted.
 */
export async function writeChunk(
  lake: Lake,
  log: Log,
  chunk: Chunk,
  findings: Findings,
  purpose: ReadPurpose,
): Promise<ChunkUpdate> {
  for (let lostTurns = 0; lostTurns < MAX_TURNS; lostTurns++) {
    try {
      const merge = await Merge.of(lake, log, chunk, findings);
      return { ...(await merge.write(findings, purpose)), lostTurns };
    } catch (error) {
      if (!(error instanceof StaleGenerationError)) throw error;
    }
  }
  throw new Error(
    `${chunk.relay} ${chunk.dataset} ${chunk.first}-${chunk.last}: lost ${MAX_TURNS} turns of writing; try again`,
  );
}

/** One attempt at bringing findings into a chunk, on what one generation of its object holds. */
class Merge {
  readonly #lake: Lake;
  readonly #log: Log;
  readonly #chunk: Chunk;
  readonly #generation: number;
  readonly #before: ChunkMeta;
  /** Undefined where no row matters: then the stored body stays as it is. */
  readonly #lines: ReadonlyMap<number, readonly string[]> | undefined;
  #covered: SlotBits;
  #suspect: SlotBits;
  #revised: SlotBits;
  readonly #taken = new Map<number, SlotAnswer>();
  readonly #change = { added: 0, addedRows: 0, differing: 0, gainedRows: 0 };

  private constructor(
    lake: Lake,
    log: Log,
    chunk: Chunk,
    stored: { generation: number; meta: ChunkMeta },
    lines: ReadonlyMap<number, readonly string[]> | undefined,
  ) {
    this.#lake = lake;
    this.#log = log;
    this.#chunk = chunk;
    this.#generation = stored.generation;
    this.#before = stored.meta;
    this.#lines = lines;
    this.#covered = stored.meta.covered;
    this.#suspect = stored.meta.suspect;
    this.#revised = stored.meta.revised;
  }

  static async of(lake: Lake, log: Log, chunk: Chunk, { answers }: Findings): Promise<Merge> {
    const head = await lake.head(chunk);
    if (!head) return new Merge(lake, log, chunk, { generation: 0, meta: emptyMeta(chunk) }, new Map());
    if (isBad(head)) throw new BadObjectError(head.object, head.fault);
    const { covered, unproven } = head.meta;
    // Rows are read only where some come in, or are compared, or have to be told from empty slots.
    const rowsMatter = answers.some((answer) => answer.block.rows > 0 || covered.has(answer.slot));
    if (!rowsMatter && unproven) return new Merge(lake, log, chunk, head, undefined);
    const content = await lake.read(chunk);
    if (!content) throw new StaleGenerationError(`${head.object} was removed meanwhile`);
    return new Merge(lake, log, chunk, content.stored, content.lines);
  }

  async write(
    { answers, unproven = [], doubted = [] }: Findings,
    purpose: ReadPurpose,
  ): Promise<Omit<ChunkUpdate, "lostTurns">> {
    for (const answer of answers) this.#take(answer, purpose);
    for (const slot of doubted) if (this.#covered.has(slot)) this.#suspect = this.#suspect.with(slot);
    const [before, change] = [this.#before, this.#change];
    const refused = await this.#quarantine(answers);
    const replaced = [...this.#taken.keys()].some((slot) => before.covered.has(slot));
    const meta: ChunkMeta = {
      ...(before.pruned ? { pruned: before.pruned } : {}),
      covered: this.#covered,
      suspect: this.#suspect,
      unproven: this.#unproven(answers, unproven, new Set(refused.map(({ slot }) => slot))),
      revised: this.#revised,
      revision: before.revision + (replaced ? 1 : 0),
      rows: before.rows + change.addedRows + change.gainedRows,
      ...this.#refusedOf(refused),
    };
    const isFilled = ([slot, { block }]: [number, SlotAnswer]) =>
      block.rows > 0 && (this.#lines?.get(slot) ?? []).length === 0;
    const filled = [...this.#taken].filter(isFilled).map(([slot]) => slot);
    if (sameMeta(before, meta) && this.#taken.size === 0) return { ...change, filled, written: false };
    if (this.#lines) await this.#lake.write(this.#chunk, this.#blocks(), meta, this.#generation);
    else await this.#lake.restate(this.#chunk, meta, this.#generation);
    return { ...change, filled, written: true };
  }

  #take(answer: SlotAnswer, purpose: ReadPurpose): void {
    const { slot, block } = answer;
    // With nothing to compare it with, an answer can't be told from one that lacks rows.
    if (prunedRows(this.#before, slot) !== undefined) return;
    const doubtful = answer.doubt !== undefined;
    if (!this.#before.covered.has(slot)) {
      this.#covered = this.#covered.with(slot);
      this.#suspect = this.#suspect.with(slot, doubtful);
      this.#taken.set(slot, answer);
      this.#change.added++;
      this.#change.addedRows += block.rows;
      return;
    }
    const lines = this.#lines?.get(slot) ?? [];
    const verdict = judgeReading(purpose, lines, blockLines(block), doubtful);
    this.#suspect = this.#suspect.with(slot, verdict.suspect);
    if (verdict.differs) {
      this.#change.differing++;
      const { relay, dataset } = this.#chunk;
      const counts = { stored: lines.length, read: block.rows, kept: verdict.take };
      this.#log.warn({ relay, dataset, slot, ...counts }, "a second read differs");
    }
    if (verdict.take !== "read") return;
    this.#taken.set(slot, answer);
    this.#revised = this.#revised.with(slot);
    this.#change.gainedRows += block.rows - lines.length;
  }

  /**
   * What is answered without rows and not covered. An object of the time before witnesses stays marked as one (null) while it
   * covers an empty slot that nothing has proven since; what is unproven in it isn't written down, and asked for again.
   */
  #unproven(
    answers: readonly SlotAnswer[],
    unproven: readonly number[],
    refused: ReadonlySet<number>,
  ): SlotBits | null {
    const before = this.#before.unproven;
    if (!before) {
      const proven = new Set([...answers.map(({ slot }) => slot), ...refused]);
      const rowsAt = (slot: number) =>
        prunedRows(this.#before, slot) ?? (this.#lines?.get(slot) ?? []).length;
      if ([...this.#before.covered.slots()].some((slot) => !proven.has(slot) && rowsAt(slot) === 0))
        return null;
    }
    let bits = before ?? emptyMeta(this.#chunk).suspect;
    for (const slot of unproven) bits = bits.with(slot);
    for (const slot of bits.slots()) if (this.#covered.has(slot)) bits = bits.with(slot, false);
    return bits;
  }

  /** Writes refused rows first, so that no chunk ever claims a row that isn't kept; returns those of covered slots. */
  async #quarantine(answers: readonly SlotAnswer[]): Promise<readonly QuarantineLine[]> {
    const isNothing = ({ refused, fields }: SlotAnswer) => refused.length + fields.length === 0;
    if (this.#before.quarantined === 0 && answers.every(isNothing)) return [];
    const stored = await this.#lake.readQuarantine(this.#chunk);
    const grown = addToQuarantine(stored.lines, answers);
    if (grown) await this.#lake.writeQuarantine(this.#chunk, grown, stored.generation);
    return refusedRows(grown ?? stored.lines).filter(({ slot }) => this.#covered.has(slot));
  }

  #refusedOf(lines: readonly QuarantineLine[]): Pick<ChunkMeta, "quarantined" | "quarantinedSlots"> {
    const quarantined = lines.reduce((sum, { copies }) => sum + copies, 0);
    if (quarantined === 0) return { quarantined };
    const none = emptyMeta(this.#chunk).covered;
    return { quarantined, quarantinedSlots: lines.reduce((bits, { slot }) => bits.with(slot), none) };
  }

  #blocks(): ReadonlyMap<number, SlotBlock> {
    const blocks = new Map<number, SlotBlock>();
    for (const slot of this.#covered.slots()) {
      if (prunedRows(this.#before, slot) !== undefined) continue;
      const lines = this.#lines?.get(slot) ?? [];
      blocks.set(slot, this.#taken.get(slot)?.block ?? deflateSlot(lines.join(""), lines.length));
    }
    return blocks;
  }
}

function sameMeta(a: ChunkMeta, b: ChunkMeta): boolean {
  const bits = ({ covered, suspect, unproven, revised, quarantinedSlots }: ChunkMeta) =>
    [covered, suspect, unproven, revised, quarantinedSlots].map((set) => set?.toString()).join(" ");
  return (
    bits(a) === bits(b) && a.revision === b.revision && a.rows === b.rows && a.quarantined === b.quarantined
  );
}
