import { SETTLE_LAG_SLOTS } from "../chain/networks.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { type Horizon, trusted } from "../lake/lake.ts";
import { RelayError } from "../relays/http/errors.ts";
import { oldestKept } from "./coverage.ts";
import { findHorizon } from "./horizon.ts";
import type { ChunkPlan } from "./plan.ts";
import type { Order } from "../chain/slots.ts";
import type { AskSlot } from "./prover.ts";
import { type RelayJob, waitUntil } from "./relayJob.ts";
import type { Sightings } from "./sightings.ts";
import { type SlotAnswer, sentRows } from "./slotAnswer.ts";
import { countsOf } from "./tally.ts";

/** The border may move while it is looked for; more searches than this in one pass mean that the relay contradicts itself. */
const MAX_SEARCHES = 5;
/** How long the horizon that the lake holds isn't looked at again, ms. */
const REREAD_MS = 60_000;
/** Answers that are kept for slots the plan has yet to come to. */
const MAX_AHEAD = 64;

interface BorderOptions {
  readonly dataset: DatasetName;
  readonly horizon: number | undefined;
  readonly seen: Sightings;
  readonly ask: AskSlot;
}

/** The relay didn't answer a question that a search depends on. */
class Unanswered extends Error {}

/** Where a relay's memory ends, as far as a pass knows: looked for when no older slot with rows is known. */
export class MemoryBorder {
  readonly #job: RelayJob;
  readonly #options: BorderOptions;
  #horizon: number | undefined;
  #readAt = -Infinity;
  #searches = 0;
  /** A search that brought nothing: another one would bring no more. */
  #isUnknown = false;
  #search: Promise<void> | undefined;
  /** Answers that a search brought for slots that the plan has not come to yet. */
  readonly #ahead = new Map<number, SlotAnswer>();

  constructor(job: RelayJob, options: BorderOptions) {
    this.#job = job;
    this.#options = options;
    this.#horizon = options.horizon;
  }

  /** True for slots that the relay has forgotten. */
  isForgotten(slot: number): boolean {
    return this.#horizon !== undefined && slot < this.#horizon;
  }

  /** A slot showed rows: what was found out about older ones may be out of date. */
  shows(slot: number): void {
    if (this.#horizon !== undefined && slot < this.#horizon) this.#horizon = slot;
  }

  /** Waits for a search that is under way. */
  async settled(): Promise<void> {
    await this.#search;
  }

  /** An answer that a search brought for a slot. */
  takeAhead(slot: number): SlotAnswer | undefined {
    const answer = this.#ahead.get(slot);
    this.#ahead.delete(slot);
    return answer;
  }

  /** Forgets answers for slots which the plan will not come to any more. */
  passed(plan: ChunkPlan, order: Order): void {
    for (const slot of this.#ahead.keys()) {
      const isPassed = order === "newest" ? slot >= plan.first : slot <= plan.last;
      if (isPassed || this.#ahead.size > MAX_AHEAD) this.#ahead.delete(slot);
    }
  }

  /**
   * Looks for an older slot than this one that shows rows, and where there is none for the horizon; or waits for a search
   * that is under way: two at once would ask everything twice.
   */
  async search(slot: number): Promise<void> {
    this.#search ??= this.#find(slot).finally(() => (this.#search = undefined));
    await this.#search;
  }

  async #find(slot: number): Promise<void> {
    if (this.#isUnknown || this.#searches >= MAX_SEARCHES) return;
    const { seen, dataset } = this.#options;
    await this.#learn();
    if (this.isForgotten(slot) || seen.witnesses("below", slot, 0).length > 0) return;
    if (datasets[dataset].asked === "pages") return this.#expectPayloadBelow(slot);
    const { target, network, relay } = this.#job;
    // Below what is wanted of it a relay may have rows, too: they are asked for as witnesses, and not kept.
    const first = Math.max(network.floor, relay.activeFrom ?? 0, this.#horizon ?? 0);
    const above = seen.witnesses("above", slot, 0);
    // Where the relay has shown nothing newer either, a tick hasn't the questions to look for it.
    if (above.length === 0 && this.#job.newerQuestions < SETTLE_LAG_SLOTS) return;
    const rowsAbove = above.length > 0 ? Math.min(...above) : undefined;
    try {
      const finding = await findHorizon({
        slot,
        target: { ...target, first },
        rowsAbove,
        shareFrom: (from) => seen.shareFrom(from),
        ...this.#questions(),
      });
      if (finding.kind === "horizon") {
        const { relay, log } = this.#job;
        log.info({ relay: relay.name, dataset, oldest_slot: finding.oldest }, "horizon found");
        await this.#keep({ oldest_slot: finding.oldest });
      }
      if (finding.kind !== "rows") this.#searches++;
      this.#isUnknown = finding.kind === "unknown";
    } catch (error) {
      // The relay didn't answer: what is unproven stays missing, and the next pass searches again.
      if (!(error instanceof Unanswered)) throw error;
      this.#searches++;
    }
  }

  #questions() {
    const { seen, ask, dataset } = this.#options;
    const answered = new Map<number, boolean>();
    const question = async (slot: number): Promise<boolean> => {
      countsOf(this.#job.tally, dataset).probes++;
      const answer = await ask(slot);
      if (!answer) throw new Unanswered();
      const has = sentRows(answer) > 0;
      answered.set(slot, has);
      this.#ahead.set(slot, answer);
      return has;
    };
    return {
      hasRows: async (slot: number) => answered.get(slot) ?? (seen.isFull(slot) || (await question(slot))),
      again: async (slots: readonly number[]) => {
        await waitUntil(this.#job, Math.max(...slots.map((slot) => seen.restsUntil(slot))));
        // A relay that has just started shows no rows at all: then nothing is said about what lies below.
        const now = this.#job.clock.monotonic();
        const newer = seen.witnesses("above", Math.max(...slots), now)[0];
        const mayBeAsked = newer !== undefined && seen.restsUntil(newer) <= now;
        if (mayBeAsked && !(await question(newer))) throw new Unanswered();
        const answers: boolean[] = [];
        for (const slot of slots) answers.push(await question(slot));
        return answers;
      },
      delivered: async (slot: number) => {
        const known = await this.#job.delivered.below(slot);
        return known.length > 0 ? known : this.#payloadsBelow(slot);
      },
    };
  }

  /** The slots in which the relay delivered, at or below one, as a page shows them, newest first. */
  async #payloadsBelow(slot: number): Promise<number[]> {
    countsOf(this.#job.tally, this.#options.dataset).probes++;
    try {
      const { rows } = await this.#job.source.payloadPage(slot);
      return [...new Set(rows.map((row) => row.slot))];
    } catch (error) {
      if (error instanceof RelayError) throw new Unanswered();
      throw error;
    }
  }

  async #expectPayloadBelow(slot: number): Promise<void> {
    if (slot <= 1) return;
    try {
      const [below] = await this.#payloadsBelow(slot - 1);
      if (below !== undefined) this.#options.seen.expect(below);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
    }
  }

  /** Takes over the horizon that another worker on the same lake may have found meanwhile. */
  async #learn(): Promise<void> {
    const { lake, relay, clock } = this.#job;
    if (clock.monotonic() - this.#readAt < REREAD_MS) return;
    this.#readAt = clock.monotonic();
    // Where it is bad the plan has said so already; the search goes on without it.
    const horizon = await trusted(() => lake.readHorizon(this.#options.dataset, relay.name), undefined);
    const stored = oldestKept(horizon, clock.now());
    if (stored !== undefined && stored > (this.#horizon ?? -1)) this.#horizon = stored;
  }

  /** Writes down that the relay doesn't serve the dataset, of which slots up to this one were asked. */
  async keepUnserved(newest: number): Promise<void> {
    await this.#keep({ oldest_slot: newest + 1, unserved: true });
  }

  /** The relay serves the dataset: that it doesn't, which an earlier pass may have written down, is taken back. */
  async takeBackUnserved(): Promise<void> {
    const { lake, relay, log } = this.#job;
    const { dataset } = this.#options;
    const stored = await trusted(() => lake.readHorizon(dataset, relay.name), undefined);
    if (stored?.unserved !== true) return;
    log.info({ relay: relay.name, dataset }, "the relay serves it after all");
    await this.#keep({ oldest_slot: 0 });
  }

  async #keep(found: Omit<Horizon, "asked_at">): Promise<void> {
    const { relay, lake, clock } = this.#job;
    this.#horizon = found.oldest_slot;
    const asked_at = new Date(clock.now()).toISOString();
    await lake.writeHorizon(this.#options.dataset, relay.name, { ...found, asked_at });
  }
}
