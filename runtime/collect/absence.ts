import { AUCTION, type DatasetName } from "../datasets/dataset.ts";
import { RelayError } from "../relays/http/errors.ts";
import type { MemoryBorder } from "./memoryBorder.ts";
import type { AskSlot } from "./prover.ts";
import { type RelayJob, isOver, waitUntil } from "./relayJob.ts";
import { REST_MS } from "./sightings.ts";
import type { SlotAnswer } from "./slotAnswer.ts";

/**
 * Whether a relay has a dataset at all: operators may switch its route off, and then all is answered with 404. Where a pass has had
 * nothing else, one slot asked again says so too, and the relay shows a payload, all slots so far are below its horizon.
 */
export class Absence {
  readonly #job: RelayJob;
  readonly #dataset: DatasetName;
  readonly #parts: { readonly ask: AskSlot; readonly border: MemoryBorder };
  #newest = -1;
  #askedAt = 0;
  #isServed: boolean;
  #search: Promise<boolean> | undefined;

  constructor(job: RelayJob, dataset: DatasetName, parts: { ask: AskSlot; border: MemoryBorder }) {
    this.#job = job;
    this.#dataset = dataset;
    this.#parts = parts;
    // Every relay has the auction's own.
    this.#isServed = AUCTION.some((name) => name === dataset);
  }

  note({ slot, absent }: SlotAnswer): void {
    if (absent !== true) this.#isServed = true;
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
    if (this.#isServed || this.#newest < 0) return false;
    this.#search ??= this.#find();
    return this.#search;
  }

  async #find(): Promise<boolean> {
    const { job, newest } = { job: this.#job, newest: this.#newest };
    await waitUntil(job, this.#askedAt + REST_MS);
    if (isOver(job)) return false;
    const again = await this.#parts.ask(newest);
    if (again?.absent !== true || !(await this.#showsPayload())) return false;
    job.log.info({ relay: job.relay.name, dataset: this.#dataset }, "the relay doesn't serve it");
    await this.#parts.border.keep(newest + 1);
    return true;
  }

  async #showsPayload(): Promise<boolean> {
    try {
      return (await this.#job.source.payloadNewest()).rows.length > 0;
    } catch (error) {
      if (error instanceof RelayError) return false;
      throw error;
    }
  }
}
