import type { SlotRange } from "../chain/slots.ts";
import { intersect } from "../chain/slots.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { bids, datasets, type DatasetName } from "../datasets/dataset.ts";
import { isBad } from "../lake/lake.ts";
import { RelayError } from "../relay/errors.ts";
import type { Relay } from "../relay/relay.ts";
import type { Asker } from "./asker.ts";
import { Delivered } from "./delivered.ts";
import { keep } from "./keep.ts";
import { PayloadsCollector } from "./payloads.ts";
import { type ChunkPlan, target } from "./plan.ts";
import { type RelayJob, isOver } from "./relayJob.ts";
import type { CollectOptions } from "./run.ts";
import type { SlotAnswer } from "./slotAnswer.ts";
import { type Tally, countsOf, newTally } from "./tally.ts";

/** What a recheck is given besides. */
export interface RecheckOptions extends CollectOptions {
  /** Share of the covered slots that is asked again, 0–1. */
  readonly sample: number;
  /** Takes every new answer, even one with fewer rows. */
  readonly accept: boolean;
  /** 0–1; decides which slots are in the sample. */
  readonly random: () => number;
}

/**
 * Asks covered slots again and compares. An answer that contains what is stored replaces it; one that lacks rows never
 * does without `accept`; where they differ the slot becomes suspect, where they are the same it is cleared.
 */
export async function recheck(options: RecheckOptions): Promise<Tally[]> {
  const active = [...options.askers].filter(([relay]) => relay.state === "active");
  return Promise.all(active.map(([relay, asker]) => recheckRelay(options, relay, asker)));
}

async function recheckRelay(options: RecheckOptions, relay: Relay, asker: Asker): Promise<Tally> {
  const { network, lake, clock, log, stop } = options;
  const tally = newTally(relay.name);
  options.onTally?.(tally);
  const whole = target(network, relay, clock.now());
  const range = whole && intersect(whole, options.range);
  if (!whole || !range) return tally;
  const job: RelayJob = { network, relay, target: whole, lake, asker, clock, log, tally, stop };
  const purpose = options.accept ? "accept" : "recheck";
  if (options.datasets.includes("payloads")) {
    const plans: ChunkPlan[] = [];
    for await (const plan of sampled(job, options, "payloads", range)) plans.unshift(plan);
    await new PayloadsCollector(job, purpose).collect(plans);
  }
  if (options.datasets.includes("bids")) {
    const delivered = new Delivered(lake, relay.name);
    let rowsFrom = Infinity;
    // Oldest first: an empty answer counts only above a slot that still has rows, else it may be forgotten.
    for await (const plan of sampled(job, options, "bids", range)) {
      if (isOver(job)) break;
      const answers = await askAll(job, delivered, plan.missing);
      const holdsRows = ({ block, refused }: SlotAnswer) => block.rows + refused.length > 0;
      rowsFrom = Math.min(rowsFrom, ...answers.filter(holdsRows).map(({ slot }) => slot));
      const comparable = answers.filter((answer) => holdsRows(answer) || answer.slot > rowsFrom);
      await keep(job, "bids", plan, comparable, purpose);
    }
  }
  return tally;
}

/** The covered slots that fall into the sample, as plans of what to ask, oldest chunk first. */
async function* sampled(
  job: RelayJob,
  options: RecheckOptions,
  name: DatasetName,
  range: SlotRange,
): AsyncGenerator<ChunkPlan> {
  for await (const entry of job.lake.list(name, job.relay.name, range)) {
    if (isBad(entry)) {
      job.tally.faults.push(entry.fault);
      continue;
    }
    const slots = [...entry.meta.covered.slots()].filter(
      (slot) => slot >= range.first && slot <= range.last && options.random() < options.sample,
    );
    if (slots.length > 0)
      yield { ...chunkRange(datasets[name], entry.chunk.first), missing: slots.toReversed() };
  }
}

async function askAll(job: RelayJob, delivered: Delivered, slots: readonly number[]): Promise<SlotAnswer[]> {
  const answers: SlotAnswer[] = [];
  const queue = [...slots];
  const counts = countsOf(job.tally, bids.name);
  const work = async () => {
    for (let slot = queue.shift(); slot !== undefined && !isOver(job); slot = queue.shift()) {
      counts.secondAsks++;
      try {
        answers.push(await job.asker.bids(slot, await delivered.at(slot)));
        counts.read++;
      } catch (error) {
        if (!(error instanceof RelayError)) throw error;
        if (job.stop.aborted) return;
        counts.failed++;
        job.tally.lastError = error.message;
      }
    }
  };
  await Promise.all(Array.from({ length: job.asker.concurrency }, work));
  return answers;
}
