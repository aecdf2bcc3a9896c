import { type SlotRange, intersect } from "../chain/slots.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { type StoredChunk, heldSlots, isBad, trusted } from "../lake/lake.ts";
import { type Relay, serves } from "../relays/relay.ts";
import type { RelaySource } from "./relaySource.ts";
import { slotsAsked } from "./deliveredTarget.ts";
import { type ChunkPlan, windowsOf } from "./plan.ts";
import { type RelayJob, isOver } from "./relayJob.ts";
import { type CollectOptions, jobOf } from "./run.ts";
import { SlotCollector } from "./slotCollector.ts";
import { type Tally, countsOf, newTally } from "./tally.ts";

/** What a recheck is given besides. */
export interface RecheckOptions extends CollectOptions {
  /** Which covered slots are asked again. */
  readonly chosen: (dataset: DatasetName, relay: string, slot: number) => boolean;
  /** Only slots that are stored without rows; these are shown to be empty anew. */
  readonly onlyEmpty?: boolean;
  /** Takes every new answer, even one with fewer rows, and settles what was doubtful. */
  readonly accept: boolean;
}

/**
 * Asks covered slots again, each by itself, and compares. An answer that contains what is stored replaces it; one that lacks
 * rows never does without `accept`, and one without any rows only between witnesses. Slots that gave no answer count as failed.
 */
export async function recheck(options: RecheckOptions): Promise<Tally[]> {
  const active = [...options.sources].filter(([relay]) => relay.state === "active");
  return Promise.all(active.map(([relay, source]) => recheckRelay(options, relay, source)));
}

async function recheckRelay(options: RecheckOptions, relay: Relay, source: RelaySource): Promise<Tally> {
  const tally = newTally(relay.name);
  options.onTally?.(tally);
  const job = jobOf(options, relay, source, tally);
  const range = job && intersect(job.target, options.range);
  if (!job || !range) {
    tally.complete = true;
    return tally;
  }
  const purpose = options.accept ? "accept" : "recheck";
  for (const dataset of options.datasets.filter((name) => serves(relay, name)))
    await new SlotCollector(job, { dataset, purpose }).collect(plans(job, options, dataset, range));
  tally.complete = !isOver(job);
  return tally;
}

/** The covered slots that are chosen, as plans of what to ask, newest chunk first. */
async function* plans(
  job: RelayJob,
  options: RecheckOptions,
  name: DatasetName,
  range: SlotRange,
): AsyncGenerator<ChunkPlan> {
  const { lake, relay, tally } = job;
  for (const window of windowsOf(datasets[name], range)) {
    const stored: StoredChunk[] = [];
    for await (const entry of lake.list(name, relay.name, window)) {
      if (isBad(entry)) tally.faults.push(entry.fault);
      else stored.unshift(entry);
    }
    for (const entry of stored) {
      const chosen = heldSlots(entry.meta)
        .filter((slot) => slot >= range.first && slot <= range.last)
        .filter((slot) => options.chosen(name, relay.name, slot));
      const inside = await slotsAsked(job, datasets[name], chosen);
      if (inside.length === 0) continue;
      const empty = await emptyOf(job, entry);
      if (!empty) continue;
      // To accept that a doubtful slot is empty takes witnesses, as it did to cover it.
      const known = options.onlyEmpty ? {} : { empty: options.accept ? soundOf(empty, entry) : empty };
      const missing = inside.filter((slot) => !options.onlyEmpty || empty.has(slot)).toReversed();
      if (missing.length === 0) continue;
      countsOf(tally, name).wanted += missing.length;
      yield { ...chunkRange(datasets[name], entry.chunk.first), missing, ...known };
    }
  }
}

/** Those of the slots that aren't doubtful. */
function soundOf(slots: ReadonlySet<number>, { meta }: StoredChunk): Set<number> {
  return new Set([...slots].filter((slot) => !meta.suspect.has(slot)));
}

/** The covered slots of a chunk that are stored without rows; undefined, and noted, where it can't be read. */
export async function emptyOf(
  { lake, tally }: RelayJob,
  { chunk }: StoredChunk,
): Promise<Set<number> | undefined> {
  const read = async () => {
    const content = await lake.read(chunk);
    const withoutLines = [...(content?.lines ?? [])].filter(([, lines]) => lines.length === 0);
    const refused = new Set((await lake.readQuarantine(chunk)).lines.map(({ slot }) => slot));
    return new Set(withoutLines.map(([slot]) => slot).filter((slot) => !refused.has(slot)));
  };
  return trusted(read, undefined, ({ message }) => tally.faults.push(message));
}
