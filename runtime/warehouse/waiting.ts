import { MAX_SLOT } from "../chain/networks.ts";
import { joinedRuns, type SlotRange } from "../chain/slots.ts";
import { chunkRange } from "../datasets/chunks.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { BadChunk, Lake, StoredChunk } from "../lake/lake.ts";
import type { LoadOptions } from "./warehouse.ts";

/** What a load has counted so far. */
export type LoadCount = ReturnType<typeof noCount>;

/** The count of a load that has just begun. */
export function noCount() {
  return {
    rows: 0,
    slots: 0,
    objects: 0,
    bytes: 0,
    unchanged: 0,
    left: 0,
    waiting: 0,
    retried: 0,
    pruned: 0,
  };
}

/** An object that isn't in the ledger as it is. */
export interface Waiting {
  readonly entry: StoredChunk | BadChunk;
  /** The generation that the ledger has; undefined when it has none of this chunk. */
  readonly known: number | undefined;
}

/** The generations in the ledger of a relay's chunks, by first slot. */
export type Generations = ReadonlyMap<number, number>;

/**
 * Compares the lake with the ledger: the objects of a dataset that are to be loaded. In the lake's order, or, where their number
 * is limited, the newest of all relays first. `count` notes those that are unchanged and those that must wait.
 */
export async function* waitingObjects(
  lake: Lake,
  dataset: Dataset,
  generationsOf: (relay: string) => Promise<Generations>,
  options: Pick<LoadOptions, "ranges" | "signal" | "maxObjects">,
  count: LoadCount,
): AsyncGenerator<Waiting> {
  const { maxObjects = Infinity } = options;
  const ranges = wholeChunks(dataset, options.ranges ?? [{ first: 0, last: MAX_SLOT }]);
  let newest: Waiting[] = [];
  const cut = (): void => {
    newest.sort((a, b) => b.entry.chunk.first - a.entry.chunk.first);
    count.waiting += Math.max(0, newest.length - maxObjects);
    newest = newest.slice(0, maxObjects);
  };
  for (const relay of await lake.relays(dataset.name)) {
    const generations = await generationsOf(relay);
    for (const range of ranges) {
      for await (const entry of lake.list(dataset.name, relay, range)) {
        if (options.signal?.aborted) return;
        const known = generations.get(entry.chunk.first);
        if (known === entry.generation) count.unchanged++;
        else if (maxObjects === Infinity) yield { entry, known };
        else if (newest.push({ entry, known }) >= 2 * maxObjects + 1024) cut();
      }
    }
  }
  cut();
  yield* newest;
}

/** Ranges as runs of whole chunks of a dataset, ascending and apart from each other, so that none is listed twice. */
export function wholeChunks(dataset: Dataset, ranges: readonly SlotRange[]): SlotRange[] {
  return joinedRuns(
    ranges.map(({ first, last }) => ({
      first: chunkRange(dataset, first).first,
      last: chunkRange(dataset, last).last,
    })),
  );
}
