import { AUCTION, type DatasetName, datasets } from "../datasets/dataset.ts";
import { RelayError } from "../relays/http/errors.ts";
import type { MemoryBorder } from "./memoryBorder.ts";
import type { AskSlot } from "./prover.ts";
import { type RelayJob, isOver, waitUntil } from "./relayJob.ts";
import { REST_MS } from "./sightings.ts";
import type { SlotAnswer } from "./slotAnswer.ts";
import { countsOf } from "./tally.ts";

/** Slots that have to be answered with 404, all of them: a proxy that restarts, or a slot that one has nothing of, says it too. */
const ENOUGH = 16;
/** Slots of payloads that are asked before a relay is said not to serve a dataset. */
const PAID = 4;

interface Parts {
  readonly ask: AskSlot;
  readonly border: MemoryBorder;
}

/**
 * Whether a relay has a dataset at all: operators may switch its route off, and then all is answered with 404. Where enough slots were,
 * one of them asked again still is, and the relay shows a payload, all slots so far are below its horizon, until any slot is
 * answered otherwise.
 */
export class Absence {
  readonly #job: RelayJob;
  readonly #dataset: DatasetName;
  readonly #parts: Parts;
  /** Slots that were answered with 404. */
  readonly #absentAt = new Set<number>();
  readonly #isInQuestion: boolean;
  #newest = -1;
  #askedAt = 0;
  #isServed: boolean;
  #search: Promise<boolean> | undefined;
  #takenBack: Promise<void> | undefined;

  constructor(job: RelayJob, dataset: DatasetName, parts: Parts) {
    this.#job = job;
    this.#dataset = dataset;
    this.#parts = parts;
    // Every relay has the auction's own.
    this.#isInQuestion = !AUCTION.some((name) => name === dataset);
    this.#isServed = !this.#isInQuestion;
  }

  note({ slot, absent }: SlotAnswer): void {
    if (absent !== true) this.#isServed = true;
    if (this.#isServed) return;
    this.#absentAt.add(slot);
    if (slot <= this.#newest) return;
    this.#newest = slot;
    this.#askedAt = this.#job.clock.monotonic();
  }

  /** Whether the relay has the dataset for certain. */
  get isServed(): boolean {
    return this.#isServed;
  }

  /** True once it is known that the relay doesn't have it; asks where nothing speaks against it. */
  async isKnown(): Promise<boolean> {
    if (!this.#isServed && this.#newest >= 0) this.#search ??= this.#find();
    const isAbsent = await this.#search;
    if (!this.#isServed) return isAbsent ?? false;
    if (this.#isInQuestion) await (this.#takenBack ??= this.#parts.border.takeBackUnserved());
    return false;
  }

  async #find(): Promise<boolean> {
    const { job, newest } = { job: this.#job, newest: this.#newest };
    if (!(await this.#isEverywhere())) return false;
    await waitUntil(job, this.#askedAt + REST_MS);
    if (isOver(job)) return false;
    const again = await this.#parts.ask(newest);
    if (again?.absent !== true || this.#isServed || !(await this.#isAbsentWherePaid(newest))) return false;
    job.log.info({ relay: job.relay.name, dataset: this.#dataset }, "the relay doesn't serve it");
    await this.#parts.border.keepUnserved(newest);
    return true;
  }

  /** Whether enough slots were answered with 404, and none otherwise; asks older ones, of a pass that has few. */
  async #isEverywhere(): Promise<boolean> {
    if (this.#absentAt.size >= ENOUGH) return true;
    for (const slot of await this.#older(Math.min(...this.#absentAt) - 1)) {
      if (this.#isServed || isOver(this.#job)) return false;
      countsOf(this.#job.tally, this.#dataset).probes++;
      if (!(await this.#parts.ask(slot))) return false;
      if (this.#absentAt.size >= ENOUGH) return !this.#isServed;
    }
    return false;
  }

  /** Slots at or below a slot of which the relay would have something, as many as may be wanted. */
  async #older(slot: number): Promise<readonly number[]> {
    const { delivered, source, target } = this.#job;
    const first = Math.max(target.first, 1);
    if (datasets[this.#dataset].target === "all")
      return Array.from({ length: Math.min(ENOUGH, slot - first + 1) }, (_, index) => slot - index);
    const known = await delivered.below(slot);
    const shown = known.length >= ENOUGH ? [] : await this.#rowsOf(async () => source.payloadPage(slot));
    return [...new Set([...known, ...shown])].filter((each) => each >= first);
  }

  /** Whether the relay shows payloads, and has nothing in the slots of the latest of them either: of these it would have something. */
  async #isAbsentWherePaid(slot: number): Promise<boolean> {
    const { source } = this.#job;
    if ((await this.#rowsOf(async () => source.payloadNewest())).length === 0) return false;
    const paid = new Set(await this.#rowsOf(async () => source.payloadPage(slot)));
    for (const each of [...paid].slice(0, PAID)) {
      if (this.#absentAt.has(each)) continue;
      countsOf(this.#job.tally, this.#dataset).probes++;
      if ((await this.#parts.ask(each))?.absent !== true || this.#isServed) return false;
    }
    return true;
  }

  /** The slots of the payloads that an answer shows; none where the relay gives no answer. */
  async #rowsOf(ask: () => Promise<{ readonly rows: readonly { readonly slot: number }[] }>) {
    try {
      return (await ask()).rows.map(({ slot }) => slot);
    } catch (error) {
      if (error instanceof RelayError) return [];
      throw error;
    }
  }
}
