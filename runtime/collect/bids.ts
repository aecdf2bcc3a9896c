import { printable } from "../errors.ts";
import { BadObjectError } from "../lake/lake.ts";
import { RelayError } from "../relay/errors.ts";
import { findBidsHorizon } from "./bidsHorizon.ts";
import type { Delivered } from "./delivered.ts";
import { keep } from "./keep.ts";
import { oldestKept } from "./coverage.ts";
import type { ChunkPlan, Order } from "./plan.ts";
import { type RelayJob, isOver, waitForSecondAsk } from "./relayJob.ts";
import { RowProofs } from "./rowProofs.ts";
import type { SlotAnswer } from "./slotAnswer.ts";

/** So many empty answers in a row, without an older slot that has rows, look like the end of the relay's memory. */
const LONG_RUN_OF_EMPTIES = 8;
/** The border may move while it is looked for; more searches than this in one run mean that the relay contradicts itself. */
const MAX_SEARCHES = 5;
/** So long after an older slot showed rows, ms, empty answers don't look like the end of the relay's memory. */
const CALM_MS = 60_000;
/** Answers that are kept for slots the plan has yet to come to. */
const MAX_AHEAD = 64;

/**
 * Collects a relay's bids, one request a slot, newest (or oldest) chunk first, each chunk written once it has been read. An
 * empty answer counts only once an older slot has shown rows after it (else it may be forgotten, not empty), and, where it
 * may be a stale one, once it has been given twice.
 */
export class BidsCollector {
  readonly #job: RelayJob;
  readonly #delivered: Delivered;
  readonly #order: Order;
  readonly #proofs = new RowProofs();
  /** Lowest slot that has returned rows in this run. */
  #rowsFrom = Infinity;
  /** What lies below it and below `#rowsFrom` was forgotten when that was found out; what lies above may have been since. */
  #horizon: number | undefined;
  #horizonReadAt = -Infinity;
  #emptyRun = 0;
  #searches = 0;
  #search: Promise<void> | undefined;
  /** Answers that a search for the horizon brought for slots that the plan has not come to yet. */
  readonly #ahead = new Map<number, { answer: SlotAnswer; askedAt: number }>();
  /** Empty answers that may be stale, by chunk: asked once more at the end. */
  readonly #unconfirmed: { plan: ChunkPlan; answers: SlotAnswer[] }[] = [];
  /** Covered slots that are doubtful: asked once more at the end. */
  readonly #suspects: { plan: ChunkPlan; slots: number[] }[] = [];
  #lastAsk = 0;

  /** `horizon`: the oldest slot that the relay remembered lately, if that is known. */
  constructor(job: RelayJob, delivered: Delivered, horizon: number | undefined, order: Order = "newest") {
    this.#job = job;
    this.#delivered = delivered;
    this.#horizon = horizon;
    this.#order = order;
  }

  /** Collects everything that the plan names. Throws only when the lake fails. */
  async collect(plans: AsyncIterable<ChunkPlan>): Promise<void> {
    let writing: Promise<void> = Promise.resolve();
    for await (const plan of plans) {
      if (isOver(this.#job)) break;
      if (this.#horizon !== undefined && plan.last < this.#horizon) {
        if (this.#order === "newest") break;
        continue;
      }
      const answers = await this.#askChunk(plan);
      this.#dropPassed(plan);
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
        const answer = this.#ahead.get(slot)?.answer ?? (await this.#ask(slot));
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
    const { asker, clock, tally, log, relay, stop } = this.#job;
    const askedAt = clock.now();
    try {
      const answer = await asker.bids(slot, await this.#delivered.at(slot));
      this.#lastAsk = clock.monotonic();
      if (sentRows(answer) > 0) {
        this.#rowsFrom = Math.min(this.#rowsFrom, slot);
        this.#proofs.add(slot, askedAt);
        this.#emptyRun = 0;
      } else if (!this.#proofs.remembers(slot, answer.readAt, CALM_MS)) this.#emptyRun++;
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

  #isForgotten(slot: number): boolean {
    return this.#horizon !== undefined && slot < Math.min(this.#horizon, this.#rowsFrom);
  }

  /** Holds a worker back while a long run of empties is looked into. */
  async #proveLongRun(slot: number): Promise<void> {
    const isRemembered = this.#proofs.remembers(slot, this.#job.clock.now(), CALM_MS);
    if (this.#emptyRun >= LONG_RUN_OF_EMPTIES && !isRemembered) await this.#searchBelow(slot, -Infinity);
    else await this.#search;
  }

  /**
   * Looks for an older slot that shows rows now (`since`, Unix ms, or later), and where there is none for the horizon; or
   * waits for a search that is under way: two at once would ask everything twice.
   */
  async #searchBelow(slot: number, since: number): Promise<void> {
    this.#search ??= this.#findHorizon(slot, since).finally(() => {
      this.#search = undefined;
      this.#emptyRun = 0;
    });
    await this.#search;
  }

  async #findHorizon(slot: number, since: number): Promise<void> {
    if (this.#searches >= MAX_SEARCHES) return;
    await this.#learnHorizon();
    if (this.#isForgotten(slot)) return;
    const { relay, lake, clock, tally, log } = this.#job;
    const target = { ...this.#job.target, first: Math.max(this.#job.target.first, this.#horizon ?? 0) };
    const ask = async (s: number): Promise<boolean> => {
      const known = this.#ahead.get(s);
      if (known && known.askedAt >= since) return sentRows(known.answer) > 0;
      tally.bids.probes++;
      const askedAt = clock.now();
      const answer = await this.#ask(s);
      if (!answer) throw new Unanswered();
      this.#ahead.set(s, { answer, askedAt });
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
      const known = this.#rowsFrom > slot && this.#rowsFrom < Infinity ? this.#rowsFrom : undefined;
      const finding = await findBidsHorizon(slot, target, known, ask, again);
      if (finding.kind !== "rows") this.#searches++;
      if (finding.kind !== "horizon") return;
      this.#horizon = finding.oldest;
      // What showed rows below it has been forgotten since.
      this.#rowsFrom = Math.max(this.#rowsFrom, finding.oldest);
      log.info({ relay: relay.name, dataset: "bids", oldest_slot: finding.oldest }, "horizon found");
      const asked_at = new Date(clock.now()).toISOString();
      await lake.writeHorizon("bids", relay.name, { oldest_slot: finding.oldest, asked_at });
    } catch (error) {
      // The relay didn't answer: what is unproven stays missing, and the next run searches again.
      if (!(error instanceof Unanswered)) throw error;
      this.#searches++;
    }
  }

  /** Takes over the horizon that another worker on the same lake may have found meanwhile. */
  async #learnHorizon(): Promise<void> {
    const { lake, relay, clock } = this.#job;
    if (clock.monotonic() - this.#horizonReadAt < CALM_MS) return;
    this.#horizonReadAt = clock.monotonic();
    try {
      const stored = oldestKept(await lake.readHorizon("bids", relay.name), clock.now());
      if (stored !== undefined && stored > (this.#horizon ?? -1)) this.#horizon = stored;
    } catch (error) {
      // The plan has said so already; the search goes on without it.
      if (!(error instanceof BadObjectError)) throw error;
    }
  }

  /** Forgets answers that were brought for slots which the plan will not come to any more. */
  #dropPassed(plan: ChunkPlan): void {
    for (const slot of this.#ahead.keys()) {
      const isPassed = this.#order === "newest" ? slot >= plan.first : slot <= plan.last;
      if (isPassed || this.#ahead.size > MAX_AHEAD) this.#ahead.delete(slot);
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
    await this.#proveEmpties(answers, Math.min(...plan.missing));
    const proven = answers.filter((answer) => sentRows(answer) > 0 || this.#isRemembered(answer));
    await keep(this.#job, "bids", plan, proven, "collect");
  }

  /**
   * `below`: the proof is first looked for among older slots than this, which the plan has yet to come to: there it costs
   * nothing. Where that is below the horizon, it is looked for among the slots themselves.
   */
  async #proveEmpties(answers: readonly SlotAnswer[], below = Infinity): Promise<void> {
    const empties = answers.filter((answer) => sentRows(answer) === 0);
    for (let turn = 0; turn < MAX_SEARCHES; turn++) {
      const open = empties.filter((answer) => !this.#isRemembered(answer) && !this.#isForgotten(answer.slot));
      if (open.length === 0 || isOver(this.#job)) return;
      const since = Math.max(...open.map(({ readAt }) => readAt));
      const lowest = Math.min(...open.map(({ slot }) => slot));
      await this.#searchBelow(turn === 0 ? Math.min(below, lowest) : lowest, since);
    }
  }

  #isRemembered({ slot, readAt }: SlotAnswer): boolean {
    return this.#proofs.remembers(slot, readAt);
  }

  /** Second asks, at the end of the run: empties that may be stale, then suspects. */
  async #askAgain(): Promise<void> {
    if (this.#unconfirmed.length + this.#suspects.length === 0) return;
    await waitForSecondAsk(this.#job, this.#lastAsk);
    const confirmed: { plan: ChunkPlan; answers: SlotAnswer[] }[] = [];
    for (const { plan, answers } of this.#unconfirmed) {
      const second = await this.#second(answers.map(({ slot }) => slot));
      // Empty twice, well apart: empty.
      const settled = second.map((answer) =>
        answer.doubt === "empty" ? { ...answer, doubt: undefined } : answer,
      );
      confirmed.push({ plan, answers: settled });
    }
    // One older slot with rows, asked now, proves them all.
    await this.#proveEmpties(confirmed.flatMap(({ answers }) => answers));
    for (const { plan, answers } of confirmed) await this.#keepProven(plan, answers);
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
