import type { SlotRange } from "../chain/slots.ts";
import type { DecodedAnswer } from "../datasets/answer.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { payloads } from "../datasets/dataset.ts";
import { printable } from "../errors.ts";
import { RelayError } from "../relay/errors.ts";
import { doubtBidsWithoutDelivered } from "./crosscheck.ts";
import { keep } from "./keep.ts";
import type { ReadPurpose } from "./merge.ts";
import type { ChunkPlan } from "./plan.ts";
import { type RelayJob, isOver, waitForSecondAsk } from "./relayJob.ts";
import { packSlot } from "./slotAnswer.ts";

/** Covered slots between two gaps that it is cheaper to page over than to start anew: about one page of payloads. */
const MAX_BRIDGE_SLOTS = 100;

/**
 * Collects a relay's payloads by cursor pages over whole ranges, newest first. A page whose lowest slot is L covers
 * (L, cursor]; L's own rows come whole with the next page. What a page covers is written as soon as a chunk is complete.
 */
export class PayloadsCollector {
  readonly #job: RelayJob;
  readonly #purpose: ReadPurpose;
  /** Answers of slots that aren't written yet. */
  #answers = new Map<number, DecodedAnswer>();
  #plans: ChunkPlan[] = [];
  #horizon: number | undefined;

  constructor(job: RelayJob, purpose: ReadPurpose = "collect") {
    this.#job = job;
    this.#purpose = purpose;
  }

  /** Collects everything that the plans (newest first) name. Throws only when the lake fails. */
  async collect(plans: AsyncIterable<ChunkPlan> | Iterable<ChunkPlan>): Promise<void> {
    let span: { range: SlotRange; plans: ChunkPlan[] } | undefined;
    for await (const plan of plans) {
      const last = plan.missing[0] ?? plan.last;
      const first = plan.missing.at(-1) ?? plan.first;
      if (span && span.range.first - last <= MAX_BRIDGE_SLOTS) {
        span = { range: { first, last: span.range.last }, plans: [...span.plans, plan] };
      } else {
        if (span) await this.#collectSpan(span.range, span.plans);
        span = { range: { first, last }, plans: [plan] };
      }
    }
    if (span) await this.#collectSpan(span.range, span.plans);
  }

  async #collectSpan(range: SlotRange, plans: ChunkPlan[]): Promise<void> {
    if (isOver(this.#job) || (this.#horizon !== undefined && range.last < this.#horizon)) return;
    this.#answers = new Map();
    this.#plans = plans;
    try {
      await this.#page(range);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      if (!this.#job.stop.aborted) {
        const { tally, log, relay } = this.#job;
        tally.payloads.failed += this.#plans.reduce((sum, { missing }) => sum + missing.length, 0);
        tally.lastError = error.message;
        log.warn(
          { relay: relay.name, dataset: "payloads", ...range, fault: printable(error.message) },
          "slots stay missing",
        );
      }
    }
    await this.#flush(-1);
  }

  /** Pages from the newest slot of the range down past its oldest. Throws RelayError; what was read stays in hand. */
  async #page(range: SlotRange): Promise<void> {
    const { asker } = this.#job;
    let cursor = range.last;
    let oldestRow: number | undefined;
    while (cursor >= range.first && !isOver(this.#job)) {
      const page = await asker.payloadPage(cursor);
      const slots = slotsOf(page);
      const lowest = slots.at(-1);
      if (lowest === undefined) {
        if (await this.#endsAt(cursor, oldestRow)) return;
        continue;
      }
      if (lowest === cursor) {
        // A page of one slot alone: it may hold more rows than the page did.
        this.#take({ first: cursor, last: cursor }, await asker.payloadSlot(cursor));
        oldestRow = cursor;
        cursor--;
      } else {
        this.#take({ first: Math.max(lowest + 1, range.first), last: cursor }, page);
        oldestRow = lowest;
        cursor = lowest;
      }
      await this.#flush(cursor);
    }
  }

  /**
   * No row at or below the cursor. Asked once more, later, since the answer may be a stale one; if there is still none, the
   * oldest row seen is where the relay's memory begins. True when the span is done.
   */
  async #endsAt(cursor: number, oldestRow: number | undefined): Promise<boolean> {
    const { asker, clock, relay, tally, lake, target } = this.#job;
    if (relay.dialect === "helix") await waitForSecondAsk(this.#job, clock.monotonic());
    if (isOver(this.#job)) return true;
    tally.payloads.secondAsks++;
    if (slotsOf(await asker.payloadPage(cursor)).length > 0) {
      // The first answer was stale; asking on from here brings these rows again, whole.
      return false;
    }
    const oldest = oldestRow ?? (await this.#oldestAbove(cursor, target.last));
    if (oldest === undefined) return true;
    this.#horizon = oldest;
    const asked_at = new Date(clock.now()).toISOString();
    await lake.writeHorizon("payloads", relay.name, { oldest_slot: oldest, asked_at });
    return true;
  }

  /** The oldest slot above `empty` that has payloads, by bisecting: a page at cursor X has rows just when X isn't below it. */
  async #oldestAbove(empty: number, newest: number): Promise<number | undefined> {
    const { asker, tally } = this.#job;
    const ask = async (cursor: number) => {
      tally.payloads.probes++;
      return slotsOf(await asker.payloadPage(cursor));
    };
    let low = empty;
    let rows = (await ask(newest)).at(-1);
    while (rows !== undefined && rows - low > 1) {
      const middle = Math.floor((low + rows) / 2);
      const found = (await ask(middle)).at(-1);
      if (found === undefined) low = middle;
      else rows = found;
    }
    return rows;
  }

  /** Keeps what an answer says about the slots of a run. */
  #take(covered: SlotRange, answer: DecodedAnswer): void {
    const inside = ({ slot }: { slot: number }) => slot >= covered.first && slot <= covered.last;
    for (const plan of this.#plans) {
      if (plan.first > covered.last || plan.last < covered.first) continue;
      for (const slot of plan.missing) {
        if (inside({ slot })) this.#answers.set(slot, { rows: [], refused: [] });
      }
    }
    const add = <T extends { slot: number }>(key: "rows" | "refused", items: readonly T[]) => {
      for (const item of items.filter(inside)) {
        const known = this.#answers.get(item.slot);
        if (known) this.#answers.set(item.slot, { ...known, [key]: [...known[key], item] });
      }
    };
    add("rows", answer.rows);
    add("refused", answer.refused);
  }

  /** Writes the chunks that lie wholly above the cursor (all that is left, for −1). */
  async #flush(cursor: number): Promise<void> {
    const ready = this.#plans.filter((plan) => (plan.missing.at(-1) ?? 0) > cursor);
    this.#plans = this.#plans.filter((plan) => !ready.includes(plan));
    const { network, relay, clock } = this.#job;
    for (const plan of ready) {
      const answers = [];
      const delivered = new Map<number, ReadonlySet<string>>();
      for (const slot of plan.missing) {
        const answer = this.#answers.get(slot);
        if (!answer) continue;
        this.#answers.delete(slot);
        if (answer.rows.length > 0)
          delivered.set(slot, new Set(answer.rows.map(({ row }) => String(row["block_hash"]))));
        answers.push(packSlot(payloads, network, relay.name, slot, answer, { readAt: clock.now() }));
      }
      this.#job.tally.payloads.read += answers.length;
      await keep(this.#job, "payloads", chunkRange(payloads, plan.first), answers, this.#purpose);
      await doubtBidsWithoutDelivered(this.#job, delivered);
    }
  }
}

/** The slots of a page's rows, refused ones included, newest first. */
function slotsOf(page: DecodedAnswer): number[] {
  return [...page.rows, ...page.refused].map(({ slot }) => slot).toSorted((a, b) => b - a);
}
