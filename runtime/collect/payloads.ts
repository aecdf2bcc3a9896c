import type { SlotRange } from "../chain/slots.ts";
import { payloads } from "../datasets/payloads.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { printable } from "../errors.ts";
import { RelayError } from "../relays/http/errors.ts";
import { markMissingDelivered } from "./markMissingDelivered.ts";
import { storeAnswers } from "./storeAnswers.ts";
import type { SlotPayloads } from "./payloadRows.ts";
import { PayloadSpan } from "./payloadSpan.ts";
import type { ChunkPlan } from "./plan.ts";
import { type RelayJob, isOver } from "./relayJob.ts";
import { packSlot } from "./slotAnswer.ts";

/** Covered slots between two gaps that it is cheaper to page over than to start anew: about one page of payloads. */
const MAX_BRIDGE_SLOTS = 100;

/** Collects a relay's payloads by cursor pages over whole ranges, newest first; a chunk is written once all of it is read. */
export class PayloadsCollector {
  readonly #job: RelayJob;
  readonly #late: { readonly span: PayloadSpan; readonly range: SlotRange; readonly plans: ChunkPlan[] }[] =
    [];
  #horizon: number | undefined;

  constructor(job: RelayJob) {
    this.#job = job;
  }

  /**
   * Collects everything that the plans (newest first) name, except what lies above the relay's newest payload: that takes time
   * in which bids can be read, and is left to `finish`. Throws only when the lake fails.
   */
  async collect(plans: AsyncIterable<ChunkPlan>): Promise<void> {
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

  async #collectSpan(range: SlotRange, plans: readonly ChunkPlan[]): Promise<void> {
    if (isOver(this.#job) || (this.#horizon !== undefined && range.last < this.#horizon)) return;
    const span = new PayloadSpan(this.#job, range, new Set(plans.flatMap(({ missing }) => missing)));
    let open = [...plans];
    const write = async (isReady: (plan: ChunkPlan) => boolean) => {
      const ready = open.filter(isReady);
      open = open.filter((plan) => !ready.includes(plan));
      for (const plan of ready) await this.#write(span, plan);
    };
    const isSettled = ({ missing }: ChunkPlan) => !missing.some((slot) => span.isAboveNewest(slot));
    const isRead = await this.#try(
      range,
      span,
      () => open,
      async () =>
        span.read((front) => write((plan) => (plan.missing.at(-1) ?? 0) >= front && isSettled(plan))),
    );
    this.#horizon = span.horizon ?? this.#horizon;
    // What a failed question has left open isn't answered at all: there is nothing to finish.
    await write(isRead ? isSettled : () => true);
    for (const { missing } of open)
      for (const slot of missing) {
        const hashes = hashesOf(span.settled.get(slot));
        if (hashes) this.#job.delivered.note(slot, hashes);
      }
    if (open.length > 0) this.#late.push({ span, range, plans: open });
  }

  /** Collects what was left. Throws only when the lake fails. */
  async finish(): Promise<void> {
    for (const { span, range, plans } of this.#late.splice(0)) {
      await this.#try(
        range,
        span,
        () => plans,
        async () => span.finish(),
      );
      for (const plan of plans) await this.#write(span, plan);
    }
  }

  /** Does a part of a span's reading; false, and noted, where the relay doesn't answer. */
  async #try(
    range: SlotRange,
    span: PayloadSpan,
    open: () => readonly ChunkPlan[],
    work: () => Promise<void>,
  ): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      const { tally, log, relay, stop } = this.#job;
      if (stop.aborted) return false;
      const unread = open()
        .flatMap(({ missing }) => missing)
        .filter((slot) => !span.settled.has(slot));
      tally.payloads.failed += unread.length;
      tally.lastError = error.message;
      const fault = printable(error.message);
      log.warn({ relay: relay.name, dataset: "payloads", ...range, fault }, "slots stay missing");
      return false;
    }
  }

  /** Writes what is known of a chunk. */
  async #write(span: PayloadSpan, plan: ChunkPlan): Promise<void> {
    const { network, relay, clock, tally } = this.#job;
    const answers = [];
    const unproven = [];
    const delivered = new Map<number, ReadonlySet<string>>();
    for (const slot of plan.missing) {
      if (span.unproven.has(slot)) unproven.push(slot);
      const known = span.settled.get(slot);
      if (!known) continue;
      span.settled.delete(slot);
      const { answer, doubt } = known;
      const hashes = hashesOf(known);
      if (hashes) delivered.set(slot, hashes);
      const asked = { network, relay: relay.name, slot };
      answers.push(packSlot(payloads, asked, answer, { readAt: clock.now(), doubt }));
    }
    tally.payloads.read += answers.length + unproven.length;
    await storeAnswers(
      this.#job,
      "payloads",
      chunkRange(payloads, plan.first),
      { answers, unproven },
      "collect",
    );
    await markMissingDelivered(this.#job, delivered);
  }
}

/** The hashes of a slot's payloads, as far as they can be read; undefined where there are no payloads. */
function hashesOf(payloads: SlotPayloads | undefined): ReadonlySet<string> | undefined {
  const { rows = [], refused = [] } = payloads?.answer ?? {};
  return rows.length + refused.length === 0
    ? undefined
    : new Set(rows.map(({ row }) => String(row["block_hash"])));
}
