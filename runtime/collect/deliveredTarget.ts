import { type Dataset } from "../datasets/dataset.ts";
import { payloads } from "../datasets/payloads.ts";
import { chunkRanges } from "../datasets/chunks.ts";
import { isBad } from "../lake/lake.ts";
import type { ChunkPlan } from "./plan.ts";
import type { RelayJob } from "./relayJob.ts";
import { type SlotAnswer, packSlot } from "./slotAnswer.ts";
import { storeAnswers } from "./storeAnswers.ts";

/**
 * The plans of a dataset whose target is the slots in which the relay delivered, with those alone. Slots with covered payloads and
 * no delivery are covered without being asked: doubtful while their payloads are, so that each pass looks at them again. A slot
 * whose payloads aren't covered stays missing: nobody knows yet whether it belongs to the target. `reached` collects the slots.
 */
export async function* deliveredPlans(
  job: RelayJob,
  dataset: Dataset,
  plans: AsyncIterable<ChunkPlan>,
  reached: Set<number>,
): AsyncGenerator<ChunkPlan> {
  const counts = job.tally[dataset.name];
  for await (const plan of plans) {
    const states = await payloadStates(job, plan);
    const missing: number[] = [];
    const unasked: SlotAnswer[] = [];
    for (const slot of plan.missing) {
      const state = states.get(slot);
      if (await job.delivered.at(slot)) missing.push(slot);
      else if (state !== undefined) unasked.push(withoutRows(job, dataset, slot, state));
    }
    // What is left out is no work of this pass.
    counts.wanted -= plan.missing.length - missing.length - unasked.length;
    counts.read += unasked.length;
    await storeAnswers(job, dataset.name, plan, { answers: unasked }, "collect");
    for (const slot of missing) reached.add(slot);
    if (missing.length > 0) yield { ...plan, missing };
  }
}

/** Those of the slots that a dataset's target asks for: all, or those in which the relay delivered. */
export async function slotsAsked(
  { delivered }: RelayJob,
  dataset: Dataset,
  slots: readonly number[],
): Promise<number[]> {
  if (dataset.target === "all") return [...slots];
  const asked: number[] = [];
  for (const slot of slots) if (await delivered.at(slot)) asked.push(slot);
  return asked;
}

/** The covered payload slots of a plan's range, and whether they are doubtful. */
async function payloadStates(
  { lake, relay }: RelayJob,
  range: ChunkPlan,
): Promise<ReadonlyMap<number, "sound" | "doubtful">> {
  const states = new Map<number, "sound" | "doubtful">();
  for (const chunk of chunkRanges(payloads, range)) {
    const head = await lake.head({ dataset: payloads.name, relay: relay.name, ...chunk });
    if (!head || isBad(head)) continue;
    for (const slot of head.meta.covered.slots())
      states.set(slot, head.meta.suspect.has(slot) ? "doubtful" : "sound");
  }
  return states;
}

function withoutRows(
  { network, relay, clock }: RelayJob,
  dataset: Dataset,
  slot: number,
  state: "sound" | "doubtful",
): SlotAnswer {
  const doubt = state === "doubtful" ? "awaiting" : undefined;
  const asked = { network, relay: relay.name, slot };
  return packSlot(dataset, asked, { rows: [], refused: [] }, { readAt: clock.now(), doubt });
}
