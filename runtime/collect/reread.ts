import { SETTLE_LAG_SLOTS } from "../chain/networks.ts";
import { joinedRuns, slotRuns, slotStartMs } from "../chain/slots.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { type StoredChunk, heldSlots, trusted } from "../lake/lake.ts";
import { type Rereads, agreesBadly, dayOf, slotsIn } from "../lake/rereads.ts";
import { oldestKept } from "./coverage.ts";
import { slotsAsked } from "./deliveredTarget.ts";
import { emptyOf } from "./recheck.ts";
import type { ChunkPlan } from "./plan.ts";
import { type RelayJob, isOver } from "./relayJob.ts";
import { readHorizon } from "./run.ts";
import { SlotCollector } from "./slotCollector.ts";
import { countsOf, newTally } from "./tally.ts";

/** One slot in so many is read again. */
const SAMPLE = 50;
/** So long after a slot could first be asked for, ms. */
const LATER_MS = 3_600_000;
/** Slots that one tick reads again of a relay and dataset, at most. */
const SLOTS_A_TICK = 40;

/** Whether a slot belongs to those that are read again; the same slots for every relay. */
export function isSampled(slot: number): boolean {
  return (Math.imul(slot, 0x9e3779b1) >>> 0) % SAMPLE === 0;
}

/**
 * Measures what no single answer can show (a list cut short, a row that came late): reads a sample of a relay's covered slots
 * once more, and where a day agrees badly all of it, and keeps what came of it by day. `isFresh` tells which chunks were written
 * too lately.
 */
export async function reread(
  job: RelayJob,
  dataset: DatasetName,
  stored: readonly StoredChunk[],
  isFresh: (chunk: StoredChunk["chunk"]) => boolean,
): Promise<void> {
  const { clock, network, target } = job;
  const kept = oldestKept(await readHorizon(job, dataset), clock.now()) ?? 0;
  const ledger = new RereadLedger(job, dataset);
  let left = SLOTS_A_TICK;
  const byDay = new Map<string, ChunkPlan[]>();
  for (const entry of stored.toReversed()) {
    if (left <= 0) break;
    const { chunk, meta } = entry;
    const settled = slotStartMs(network, chunk.last + SETTLE_LAG_SLOTS);
    if (clock.now() - settled < LATER_MS || isFresh(chunk)) continue;
    // What is doubtful is asked again anyway.
    const sound = await slotsAsked(
      job,
      datasets[dataset],
      heldSlots(meta).filter(
        (slot) => slot >= Math.max(kept, target.first) && slot <= target.last && !meta.suspect.has(slot),
      ),
    );
    if (sound.length === 0) continue;
    // A chunk lies in one day, or in two.
    for (const day of new Set([dayOf(network, chunk.first), dayOf(network, chunk.last)])) {
      const chosen = (await ledger.due(day, sound)).filter((slot) => dayOf(network, slot) === day);
      const taken = chosen.slice(0, left);
      if (taken.length === 0) continue;
      const empty = await emptyOf(job, entry);
      if (!empty) continue;
      left -= taken.length;
      const plan = { ...chunkRange(datasets[dataset], chunk.first), missing: taken.toReversed(), empty };
      byDay.set(day, [...(byDay.get(day) ?? []), plan]);
    }
  }
  for (const [day, plans] of byDay) if (!isOver(job)) await readDay(job, dataset, day, plans, ledger);
}

async function readDay(
  job: RelayJob,
  dataset: DatasetName,
  day: string,
  plans: readonly ChunkPlan[],
  ledger: RereadLedger,
): Promise<void> {
  const tally = newTally(job.relay.name);
  const options = { dataset, purpose: "recheck" } as const;
  await new SlotCollector({ ...job, tally }, options).collect(
    (async function* () {
      yield* plans;
    })(),
  );
  const { unanswered, differing, gainedRows } = countsOf(tally, dataset);
  const isRead = (slot: number) => unanswered.every(({ first, last }) => slot < first || slot > last);
  const slots = plans.flatMap(({ missing }) => missing).filter(isRead);
  const rowsGained = Math.max(0, gainedRows);
  if (slots.length > 0) await ledger.add(day, { slots, differing, rowsGained });
  const { rereads } = countsOf(job.tally, dataset);
  rereads.slots += slots.length;
  rereads.differing += differing;
  rereads.rowsGained += rowsGained;
  job.tally.faults.push(...tally.faults);
}

/** What was read again of a relay's dataset, a month at a time. */
class RereadLedger {
  readonly #job: RelayJob;
  readonly #dataset: DatasetName;
  readonly #months = new Map<string, Rereads>();

  constructor(job: RelayJob, dataset: DatasetName) {
    this.#job = job;
    this.#dataset = dataset;
  }

  /** Those of the slots that are to be read again, and haven't been, by what is known of a day. */
  async due(day: string, slots: readonly number[]): Promise<number[]> {
    const known = (await this.#month(day)).get(day);
    const all = known !== undefined && agreesBadly(slotsIn(known.slots), known.differing);
    const isRead = (slot: number) => known?.slots.some(({ first, last }) => slot >= first && slot <= last);
    return slots.filter((slot) => (all || isSampled(slot)) && !isRead(slot));
  }

  async add(
    day: string,
    read: { slots: readonly number[]; differing: number; rowsGained: number },
  ): Promise<void> {
    const month = new Map(await this.#month(day));
    const known = month.get(day) ?? { slots: [], differing: 0, rowsGained: 0 };
    month.set(day, {
      slots: joinedRuns([...known.slots, ...slotRuns(read.slots)]),
      differing: known.differing + read.differing,
      rowsGained: known.rowsGained + read.rowsGained,
    });
    this.#months.set(day.slice(0, 7), month);
    const { lake, relay } = this.#job;
    await lake.writeRereads(this.#dataset, relay.name, day.slice(0, 7), month);
  }

  async #month(day: string): Promise<Rereads> {
    const month = day.slice(0, 7);
    const { lake, relay, tally } = this.#job;
    const read = () => lake.readRereads(this.#dataset, relay.name, month);
    // A month that can't be read counts as not begun: its slots are read again, and it is written anew.
    const known =
      this.#months.get(month) ??
      (await trusted(read, new Map<never, never>(), ({ message }) => tally.faults.push(message)));
    this.#months.set(month, known);
    return known;
  }
}
