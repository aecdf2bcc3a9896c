import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { isBad, trusted } from "../lake/lake.ts";
import { printable } from "../errors.ts";
import { RelayError } from "../relays/http/errors.ts";
import { storeAnswers } from "./storeAnswers.ts";
import { Absence } from "./absence.ts";
import { MemoryBorder } from "./memoryBorder.ts";
import type { ReadPurpose } from "./merge.ts";
import { OpenChunk } from "./openChunk.ts";
import type { ChunkPlan } from "./plan.ts";
import type { Order } from "../chain/slots.ts";
import { Prover } from "./prover.ts";
import { type RelayJob, isOver, waitUntil } from "./relayJob.ts";
import { REST_MS, Sightings } from "./sightings.ts";
import { type SlotAnswer, packSlot, sentRows } from "./slotAnswer.ts";
import { countsOf, noteUnanswered } from "./tally.ts";

/** Empty answers wait until so many can be shown to be empty by one pair of witnesses … */
const ENOUGH = 32;
/** … or for so long, ms, … */
const LONGEST_WAIT_MS = 10 * 60_000;
/** … or until the answers beside them take so much memory, bytes, over all relays. */
const MAX_HELD_BYTES = 8 << 20;
/** So many empty answers in a row look like the end of the relay's memory. */
const LONG_RUN_OF_EMPTIES = 8;
/** Chunks on each side of empty slots in which the lake is looked through for slots with rows. */
const STORED_CHUNKS = 2;
/** A slot that was delivered and shows no bids is taken for empty only at this age: a day. */
const CONTRADICTION_SLOTS = 7200;

/** What a slot collector works on, and why. */
export interface SlotCollectorOptions {
  readonly dataset: DatasetName;
  /** The oldest slot that the relay remembered lately, if that is known. */
  readonly horizon?: number | undefined;
  /** The order of the plans; newest first without it. */
  readonly order?: Order;
  readonly purpose: ReadPurpose;
}

/**
 * Asks a relay slot by slot, each chunk written once it has been read. Rows speak for themselves; what was answered without
 * rows is asked once more between witnesses (Prover), behind the collecting, and is written down as unproven where they fail.
 */
export class SlotCollector {
  readonly #job: RelayJob;
  readonly #options: SlotCollectorOptions;
  readonly #seen: Sightings;
  readonly #prover: Prover;
  readonly #border: MemoryBorder;
  readonly #begunAt: number;
  /** The slots are some in which the relay delivered, and rows are rare: no border is looked for among them. */
  readonly #byDelivery: boolean;
  readonly #absence: Absence;
  #open: OpenChunk[] = [];
  #emptyRun = 0;
  /** Slots of the group that is being proven, as far as they haven't been asked again. */
  readonly #proving = new Set<number>();
  #writing: Promise<void> = Promise.resolve();

  constructor(job: RelayJob, options: SlotCollectorOptions) {
    this.#job = job;
    this.#options = options;
    this.#seen = options.dataset === "bids" ? job.bidsSeen : new Sightings();
    this.#byDelivery = datasets[options.dataset].target === "delivered";
    const ask = async (slot: number) => this.#ask(slot);
    const { dataset, horizon } = options;
    this.#border = new MemoryBorder(job, { dataset, horizon, seen: this.#seen, ask });
    const askAgain = async (slot: number) => {
      const answer = await this.#ask(slot);
      if (this.#proving.delete(slot)) countsOf(job.tally, dataset).askedAgain++;
      return answer;
    };
    this.#prover = new Prover(job, this.#seen, askAgain, {
      findOlder: async (slot) => this.#border.search(slot),
      byDelivery: this.#byDelivery,
    });
    this.#begunAt = job.clock.monotonic();
    this.#absence = new Absence(job, dataset, { ask, border: this.#border });
  }

  /** Collects everything that the plans name. Throws only when the lake fails. */
  async collect(plans: AsyncIterable<ChunkPlan>): Promise<void> {
    const { order = "newest", purpose, dataset } = this.#options;
    for await (const plan of plans) {
      if (isOver(this.#job)) {
        if (purpose === "collect" || this.#job.stop.aborted) break;
        // A recheck says what it was to ask and couldn't.
        noteUnanswered(countsOf(this.#job.tally, dataset), plan.missing);
        continue;
      }
      if (this.#border.isForgotten(plan.last)) {
        if (order === "newest") break;
        continue;
      }
      const chunk = await this.#askChunk(plan);
      this.#border.passed(plan, order);
      this.#open.push(chunk);
      this.#job.held.bytes += chunk.hold();
      await this.#settle(false);
    }
    await this.#absence.isKnown();
    await this.#settle(true);
    await this.#writing;
  }

  async #askChunk(plan: ChunkPlan): Promise<OpenChunk> {
    const chunk = new OpenChunk(plan, this.#job.clock.monotonic());
    const counts = countsOf(this.#job.tally, this.#options.dataset);
    const queue = [...plan.missing];
    const work = async () => {
      for (let slot = queue.shift(); slot !== undefined && !isOver(this.#job); slot = queue.shift()) {
        // The first empty answer is an earlier pass's; one that contradicts a delivery is asked for anew, now and then.
        const isContradiction = plan.unproven?.has(slot) && (await this.#deliveredAt(slot)) !== undefined;
        if (plan.unproven?.has(slot) && !(isContradiction && plan.due?.has(slot))) {
          chunk.addEmpty({ slot, restsUntil: this.#begunAt + REST_MS });
          counts.read++;
          counts.toAskAgain++;
          continue;
        }
        if (this.#emptyRun >= LONG_RUN_OF_EMPTIES) {
          this.#emptyRun = 0;
          // The search begins at once where nothing is in doubt: meanwhile the others would ask for slots that it asks for ahead.
          const isAbsent = !this.#absence.isServed && (await this.#absence.isKnown());
          if (!isAbsent && !this.#byDelivery) await this.#border.search(slot);
        } else await this.#border.settled();
        if (this.#border.isForgotten(slot)) continue;
        const answer = this.#border.takeAhead(slot) ?? (await this.#ask(slot));
        if (!answer) continue;
        counts.read++;
        await this.#take(chunk, answer);
      }
    };
    await Promise.all(Array.from({ length: this.#job.source.concurrency }, work));
    return chunk;
  }

  async #take(chunk: OpenChunk, answer: SlotAnswer): Promise<void> {
    const { slot } = answer;
    const restsUntil = this.#seen.restsUntil(slot);
    if (sentRows(answer) > 0) {
      this.#emptyRun = 0;
      chunk.addAnswer(answer);
      const isNew = this.#options.purpose === "collect" && !chunk.plan.again?.has(slot);
      if (answer.doubt === undefined || !isNew) return;
      chunk.addSuspect({ slot, restsUntil });
      countsOf(this.#job.tally, this.#options.dataset).toAskAgain++;
      return;
    }
    this.#emptyRun++;
    // What is stored as empty and still is needs no new proof.
    if (chunk.plan.empty?.has(slot)) {
      chunk.addSame(slot);
      return;
    }
    chunk.addEmpty({ slot, restsUntil });
    countsOf(this.#job.tally, this.#options.dataset).toAskAgain++;
  }

  /** Asks one slot and notes what it shows; undefined when the relay gives no answer. */
  async #ask(slot: number): Promise<SlotAnswer | undefined> {
    const { clock, tally, log, relay, stop } = this.#job;
    const { dataset } = this.#options;
    try {
      const answer = await this.#question(slot);
      this.#seen.note(slot, sentRows(answer) > 0, clock.monotonic());
      this.#absence.note(answer);
      if (answer.way) countsOf(tally, dataset).ways[answer.way]++;
      if (sentRows(answer) > 0) this.#border.shows(slot);
      return answer;
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      if (stop.aborted) return undefined;
      countsOf(tally, dataset).failed++;
      tally.lastError = error.message;
      log.warn({ relay: relay.name, dataset, slot, fault: printable(error.message) }, "slot stays missing");
      return undefined;
    }
  }

  async #question(slot: number): Promise<SlotAnswer> {
    const { source, network, relay, clock } = this.#job;
    const dataset = datasets[this.#options.dataset];
    if (dataset.asked === "slot") {
      const all = await this.#deliveredAt(slot);
      return source.slot(dataset, slot, all && { all, bid: await this.#job.delivered.bid(slot) });
    }
    const answer = await source.payloadSlot(slot);
    const { cached } = answer;
    const asked = { network, relay: relay.name, slot };
    return packSlot(dataset, asked, answer, { readAt: clock.now(), cached });
  }

  async #deliveredAt(slot: number): Promise<ReadonlySet<string> | undefined> {
    return datasets[this.#options.dataset].holdsDelivered ? this.#job.delivered.at(slot) : undefined;
  }

  /** Asks again what is to be asked again, as far as it is time for that, and writes the chunks that are done. */
  async #settle(final: boolean): Promise<void> {
    const now = this.#job.clock.monotonic();
    const oldest = this.#open[0]?.openedAt ?? now;
    const isTime =
      final ||
      this.#open.reduce((sum, chunk) => sum + chunk.waiting, 0) >= ENOUGH ||
      now - oldest > LONGEST_WAIT_MS ||
      this.#job.held.bytes > MAX_HELD_BYTES;
    if (isTime) {
      await this.#prove(final);
      await this.#askSuspects(final);
    }
    for (const chunk of this.#open) {
      if (!final && chunk.waiting > 0) continue;
      await this.#write(chunk);
      this.#noteUnanswered(chunk);
    }
    this.#open = this.#open.filter((chunk) => !final && chunk.waiting > 0);
    // What waits takes too much memory: its rows are written now, its empty slots later.
    if (this.#job.held.bytes > MAX_HELD_BYTES) for (const chunk of this.#open) await this.#write(chunk);
  }

  /** Second asks of empty answers; before the end only where witnesses on both sides are known and nothing has to be waited for. */
  async #prove(final: boolean): Promise<void> {
    const now = this.#job.clock.monotonic();
    const { newest, oldest } = this.#seen.ends(now) ?? { newest: -1, oldest: Infinity };
    const chosen = this.#open.flatMap((chunk) =>
      chunk.empties.filter(
        ({ slot, restsUntil }) =>
          !this.#border.isForgotten(slot) &&
          (final || (restsUntil <= now && (this.#byDelivery || (slot < newest && slot > oldest)))),
      ),
    );
    if (chosen.length === 0) return;
    if (this.#byDelivery) await this.#expectStored(chosen);
    const delivered = new Set<number>();
    for (const { slot } of chosen) if (await this.#deliveredAt(slot)) delivered.add(slot);
    const usual = chosen.filter(({ slot }) => !delivered.has(slot));
    // A delivered slot without bids contradicts itself: while it is young it isn't believed at all, later for itself alone.
    const old = this.#job.target.last - CONTRADICTION_SLOTS;
    const contradicting = chosen.filter(({ slot }) => delivered.has(slot) && slot <= old);
    const counts = countsOf(this.#job.tally, this.#options.dataset);
    for (const group of [usual, contradicting]) {
      if (group.length === 0) continue;
      counts.secondAsks += group.length;
      for (const { slot } of group) this.#proving.add(slot);
      const answers = await this.#prover.prove(group);
      const bySlot = new Map(answers.map((answer) => [answer.slot, answer]));
      for (const chunk of this.#open) chunk.settle(group, bySlot);
    }
    for (const chunk of this.#open) chunk.settle(chosen, new Map());
    const young = chosen.length - usual.length - contradicting.length;
    // What couldn't be proven isn't asked any more in this pass.
    counts.askedAgain += this.#proving.size + young;
    this.#proving.clear();
  }

  /** Looks up which slots near those have rows in the lake: of a sparse dataset a pass may meet none. */
  async #expectStored(near: readonly { readonly slot: number }[]): Promise<void> {
    const dataset = datasets[this.#options.dataset];
    const [top, bottom] = [near[0]?.slot ?? 0, near.at(-1)?.slot ?? 0];
    const range = {
      first: Math.max(0, Math.min(top, bottom) - STORED_CHUNKS * dataset.chunkSlots),
      last: Math.max(top, bottom) + STORED_CHUNKS * dataset.chunkSlots,
    };
    for await (const entry of this.#job.lake.list(dataset.name, this.#job.relay.name, range)) {
      if (isBad(entry) || entry.meta.rows === 0) continue;
      const content = await trusted(() => this.#job.lake.read(entry.chunk), undefined);
      for (const [slot, lines] of content?.lines ?? []) if (lines.length > 0) this.#seen.expect(slot);
      for (const [slot, rows] of entry.meta.pruned?.rows ?? []) if (rows > 0) this.#seen.expect(slot);
    }
  }

  /** Second asks of doubtful answers, each once. */
  async #askSuspects(final: boolean): Promise<void> {
    for (const chunk of this.#open) {
      for (const { slot, restsUntil } of chunk.suspects) {
        if (isOver(this.#job)) return;
        if (!final && restsUntil > this.#job.clock.monotonic()) continue;
        await waitUntil(this.#job, restsUntil);
        countsOf(this.#job.tally, this.#options.dataset).secondAsks++;
        const answer = await this.#ask(slot);
        countsOf(this.#job.tally, this.#options.dataset).askedAgain++;
        chunk.settleSuspect(slot, answer);
      }
    }
  }

  /** Of a recheck: the slots of a chunk that gave no answer which could be believed. */
  #noteUnanswered(chunk: OpenChunk): void {
    const { dataset, purpose } = this.#options;
    if (purpose === "collect") return;
    const slots = chunk.unanswered.filter((slot) => !this.#border.isForgotten(slot));
    noteUnanswered(countsOf(this.#job.tally, dataset), slots);
  }

  async #write(chunk: OpenChunk): Promise<void> {
    const { dataset, purpose } = this.#options;
    this.#job.held.bytes -= chunk.release();
    const { answers, unproven } = chunk.take();
    const findings = { answers, unproven: unproven.filter((slot) => !this.#border.isForgotten(slot)) };
    await this.#writing;
    this.#writing = storeAnswers(this.#job, dataset, chunk.plan, findings, purpose);
    // A failure is thrown where it is awaited, above or at the end.
    this.#writing.catch(() => undefined);
  }
}
