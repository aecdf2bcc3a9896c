import type { ChainBlock, ChainSource } from "../chain/chainSource.ts";
import { intersect } from "../chain/slots.ts";
import { answerDecoder } from "../datasets/answer.ts";
import { datasets } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { chainRelay } from "../relays/chainRelay.ts";
import { type ChunkPlan, planMissing, target, type Window, windowsOf } from "./plan.ts";
import type { CollectOptions } from "./run.ts";
import { packSlot, type SlotAnswer } from "./slotAnswer.ts";
import { countsOf, newTally, type Tally } from "./tally.ts";
import { writeChunk } from "./writeChunk.ts";

const dataset = datasets.chain_blocks;

/** What a pass over the chain is given. */
export type ChainOptions = Pick<
  CollectOptions,
  "network" | "lake" | "clock" | "log" | "range" | "stop" | "onTally"
>;

/**
 * Collects what the lake lacks of the chain by a source, the newest first. What the source doesn't prove stays missing; where it
 * can't be asked the rest does, and the tally says why.
 */
export async function collectChain(
  options: ChainOptions,
  source: ChainSource,
  windows: readonly Window[] = [...windowsOf(dataset, options.range)],
): Promise<Tally> {
  const { network, lake, clock, range, stop } = options;
  const relay = chainRelay(source.name, "active");
  const tally = newTally(relay.name);
  options.onTally?.(tally);
  const counts = countsOf(tally, dataset.name);
  const whole = target(network, relay, clock.now());
  const askable = whole && intersect(whole, range);
  const plans = planMissing(lake, dataset, relay.name, askable ? windows : [], {
    askable: askable ?? range,
    onBad: ({ fault }) => tally.faults.push(fault),
    onListed(slots, missing) {
      counts.wanted += missing;
      counts.passed += slots - missing;
    },
  });
  try {
    for await (const group of together(plans, source.slotsAtOnce ?? 1)) {
      if (stop.aborted) return tally;
      await collectPlans(options, source, group, tally);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tally.lastError = error.message;
    counts.failed += counts.wanted - counts.read;
    return tally;
  }
  tally.complete = true;
  return tally;
}

/** Plans, newest first, in groups that a source is asked for together: so many slots of whole chunks, or one chunk. */
async function* together(plans: AsyncIterable<ChunkPlan>, slots: number): AsyncGenerator<ChunkPlan[]> {
  let group: ChunkPlan[] = [];
  for await (const plan of plans) {
    const [newest] = group;
    if (newest && newest.last - plan.first >= slots) {
      yield group;
      group = [];
    }
    group.push(plan);
  }
  if (group.length > 0) yield group;
}

async function collectPlans(
  { network, lake, clock, log }: ChainOptions,
  source: ChainSource,
  plans: readonly ChunkPlan[],
  tally: Tally,
): Promise<void> {
  const counts = countsOf(tally, dataset.name);
  const all = plans.flatMap(({ missing }) => missing);
  const first = all.reduce((a, b) => Math.min(a, b));
  const told = await source.blocks({ first, last: all.reduce((a, b) => Math.max(a, b)) });
  const bySlot = new Map(told.map((block) => [Number(block.slot), block]));
  const readAt = clock.now();
  for (const plan of plans) {
    const answers = plan.missing.flatMap((slot) => {
      const block = bySlot.get(slot);
      return block ? packed({ network, relay: source.name, slot }, block, readAt) : [];
    });
    counts.read += plan.missing.length;
    counts.failed += plan.missing.length - answers.length;
    if (answers.length < plan.missing.length)
      tally.lastError = `${source.name}: its blocks don't prove ${plan.missing.length - answers.length} slots of ${plan.first}-${plan.last}`;
    if (answers.length === 0) continue;
    const chunk = { dataset: dataset.name, relay: source.name, first: plan.first, last: plan.last };
    const update = await writeChunk(lake, log, chunk, { answers }, "collect");
    counts.covered += update.added;
    counts.rows += update.addedRows;
    counts.lostTurns += update.lostTurns;
  }
}

const decode = answerDecoder(dataset);

/** A row goes through the dataset's codec like any relay's answer: what no table can hold is set aside, not lost. */
function packed(asked: Parameters<typeof packSlot>[1], block: ChainBlock, readAt: number): SlotAnswer {
  const fields = Object.fromEntries(Object.entries(block).filter(([, value]) => value !== null));
  return packSlot(dataset, asked, decode(Buffer.from(JSON.stringify([fields]))), { readAt });
}
