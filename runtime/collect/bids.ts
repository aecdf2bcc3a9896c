import { RelayError } from "../relay/errors.ts";
import { printable } from "../errors.ts";
import { findBidsHorizon } from "./bidsHorizon.ts";
import type { Delivered } from "./delivered.ts";
import { keep } from "./keep.ts";
import type { ChunkPlan } from "./plan.ts";
import { type RelayJob, isOver, waitForSecondAsk } from "./relayJob.ts";
import type { SlotAnswer } from "./slotAnswer.ts";

/** So many empty answers in a row, without an older slot that has rows, look like the end of the relay's memory. */
const LONG_RUN_OF_EMPTIES = 8;
/** The border may move while it is looked for; more searches than this in one run mean that the relay contradicts itself. */
const MAX_SEARCHES = 5;

/**
 * Collects a relay's bids, one request a slot, newest chunk first, each chunk written once it has been read. An empty
 * answer counts only once an older slot has shown rows (else it may be forgotten, not empty), and, where it may be a
 * stale one, once it has been given twice.
 */
export class BidsCollector {
  readonly #job: RelayJob;
  readonly #delivered: Delivered;
  /** Lowest slot that has returned rows in this run: everything above it is remembered. */
  #rowsFrom = Infinity;
  /** Oldest slot that the relay remembers, once that is known. */
  #horizon: number | undefined;
  #emptyRun = 0;
  #searches = 0;
  #search: Promise<void> | undefined;
  /** Answers that a search for the horizon brought for slots that the plan has not come to yet. */
  readonly #ahead = new Map<number, SlotAnswer>();
  /** Empty answers that may be stale, by chunk: asked once more at the end. */
  readonly #unconfirmed: { plan: ChunkPlan; answers: SlotAnswer[] }[] = [];
  /** Covered slots that are doubtful: asked once more at the end. */
  readonly #suspects: { plan: ChunkPlan; slots: number[] }[] = [];
  #lastAsk = 0;

  constructor(job: RelayJob, delivered: Delivered, horizon: number | undefined) {
    this.#job = job;
    this.#delivered = delivered;
    this.#horizon = horizon;
  }

  /** Collects everything that the plan names. Throws only when the lake fails. */
  async collect(plans: AsyncIterable<ChunkPlan>): Promise<void> {
    let writing: Promise<void> = Promise.resolve();
    for await (const plan of plans) {
      if (isOver(this.#job)) break;
      if (this.#horizon !== undefined && plan.last < this.#horizon) break;
      const answers = await this.#askChunk(plan);
      await writing;
      writing = this.#settle(plan, answers);
      // A failure is thrown where it is awaited, above or below.
      writing.catch(() => undefined);
    }
    await writing;
    await this.#askAgain();
  }

  async #askChunk(plan: ChunkPlan): Promise<SlotAnswer[]> {
    const answers: SlotAnswer[] = [];
    const queue = [...plan.missing];
    const work = async () => {
      for (let slot = queue.shift(); slot !== undefined && !isOver(this.#job); slot = queue.shift()) {
        await this.#proveLongRun(slot);
        if (this.#isForgotten(slot)) continue;
        const answer = this.#ahead.get(slot) ?? (await this.#ask(slot));
        this.#ahead.delete(slot);
        if (!answer) continue;
        answers.push(answer);
        this.#job.tally.bids.read++;
      }
    };
    await Promise.all(Array.from({ length: this.#job.asker.concurrency }, work));
    return answers;
  }

  /** Asks one slot; undefined, and the slot stays missing, when the relay gives no answer. */
  async #ask(slot: number): Promise<SlotAnswer | undefined> {
    const { asker, tally, log, relay, stop } = this.#job;
    try {
      const answer = await asker.bids(slot, await this.#delivered.at(slot));
      this.#lastAsk = this.#job.clock.monotonic();
      if (sentRows(answer) > 0) {
        this.#rowsFrom = Math.min(this.#rowsFrom, slot);
        this.#emptyRun = 0;
      } else if (!this.#isRemembered(slot)) this.#emptyRun++;
      return answer;
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      if (stop.aborted) return undefined;
      tally.bids.failed++;
      tally.lastError = error.message;
      log.warn(
        { relay: relay.name, dataset: "bids", slot, fault: printable(error.message) },
        "slot stays missing",
      );
      return undefined;
    }
  }

  #isRemembered(slot: number): boolean {
    return slot >= Math.min(this.#rowsFrom, this.#horizon ?? Infinity);
  }

  #isForgotten(slot: number): boolean {
    return this.#horizon !== undefined && slot < Math.min(this.#horizon, this.#rowsFrom);
  }

  /** Holds a worker back while a long run of empties is looked into. */
  async #proveLongRun(slot: number): Promise<void> {
    if (this.#emptyRun >= LONG_RUN_OF_EMPTIES && !this.#isRemembered(slot)) await this.#searchBelow(slot);
    else await this.#search;
  }

  /** Looks for the horizon, or waits for a search that is under way: two at once would ask everything twice. */
  async #searchBelow(slot: number): Promise<void> {
    this.#search ??= this.#findHorizon(slot).finally(() => {
      this.#search = undefined;
      this.#emptyRun = 0;
    });
    await this.#search;
  }

  async #findHorizon(slot: number): Promise<void> {
    if (this.#horizon !== undefined || this.#searches >= MAX_SEARCHES) return;
    const { relay, target, lake, clock, tally, log } = this.#job;
    const ask = async (s: number): Promise<boolean> => {
      const known = this.#ahead.get(s);
      if (known) return sentRows(known) > 0;
      tally.bids.probes++;
      const answer = await this.#ask(s);
      if (!answer) throw new Unanswered();
      this.#ahead.set(s, answer);
      return sentRows(answer) > 0;
    };
    const again = async (slots: readonly number[]): Promise<number[]> => {
      await waitForSecondAsk(this.#job, this.#lastAsk);
      slots.forEach((s) => this.#ahead.delete(s));
      const woken: number[] = [];
      for (const s of slots) if (await ask(s)) woken.push(s);
      return woken;
    };
    try {
      const known = Number.isFinite(this.#rowsFrom) ? this.#rowsFrom : undefined;
      const finding = await findBidsHorizon(slot, target, known, ask, again);
      if (finding.kind !== "rows") this.#searches++;
      if (finding.kind !== "horizon") return;
      this.#horizon = finding.oldest;
      log.info({ relay: relay.name, dataset: "bids", oldest_slot: finding.oldest }, "horizon found");
      const asked_at = new Date(clock.now()).toISOString();
      await lake.writeHorizon("bids", relay.name, { oldest_slot: finding.oldest, asked_at });
    } catch (error) {
      // The relay didn't answer: what is unproven stays missing, and the next run searches again.
      if (!(error instanceof Unanswered)) throw error;
      this.#searches++;
    }
  }

  /** Writes what a chunk's answers prove, and remembers what has to be asked once more. */
  async #settle(plan: ChunkPlan, answers: readonly SlotAnswer[]): Promise<void> {
    const stale = answers.filter(({ doubt }) => doubt === "empty");
    if (stale.length > 0) this.#unconfirmed.push({ plan, answers: stale });
    const sure = answers.filter(({ doubt }) => doubt !== "empty");
    const suspects = sure.filter(({ doubt }) => doubt !== undefined).map(({ slot }) => slot);
    if (suspects.length > 0) this.#suspects.push({ plan, slots: suspects });
    await this.#keepProven(plan, sure);
  }

  async #keepProven(plan: ChunkPlan, answers: readonly SlotAnswer[]): Promise<void> {
    const unproven = answers.filter((answer) => sentRows(answer) === 0 && !this.#isRemembered(answer.slot));
    for (let turn = 0; turn < MAX_SEARCHES; turn++) {
      const open = unproven.filter(({ slot }) => !this.#isRemembered(slot) && !this.#isForgotten(slot));
      if (open.length === 0 || isOver(this.#job)) break;
      await this.#searchBelow(Math.min(...open.map(({ slot }) => slot)));
    }
    const proven = answers.filter((answer) => sentRows(answer) > 0 || this.#isRemembered(answer.slot));
    await keep(this.#job, "bids", plan, proven, "collect");
  }

  /** Second asks, at the end of the run: empties that may be stale, then suspects. */
  async #askAgain(): Promise<void> {
    if (this.#unconfirmed.length + this.#suspects.length === 0) return;
    await waitForSecondAsk(this.#job, this.#lastAsk);
    for (const { plan, answers } of this.#unconfirmed) {
      const confirmed = await this.#second(answers.map(({ slot }) => slot));
      // Empty twice, well apart: empty.
      const settled = confirmed.map((answer) =>
        answer.doubt === "empty" ? { ...answer, doubt: undefined } : answer,
      );
      await this.#keepProven(plan, settled);
    }
    for (const { plan, slots } of this.#suspects) {
      await keep(this.#job, "bids", plan, await this.#second(slots), "reask");
    }
  }

  async #second(slots: readonly number[]): Promise<SlotAnswer[]> {
    const answers: SlotAnswer[] = [];
    for (const slot of slots) {
      if (isOver(this.#job)) break;
      this.#job.tally.bids.secondAsks++;
      const answer = await this.#ask(slot);
      if (answer) answers.push(answer);
    }
    return answers;
  }
}

/** The relay didn't answer a question that a search depends on. */
class Unanswered extends Error {}

function sentRows(answer: SlotAnswer): number {
  return answer.block.rows + answer.refused.length;
}
