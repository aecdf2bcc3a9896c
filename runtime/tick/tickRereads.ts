import type { DatasetName } from "../datasets/dataset.ts";
import { type StoredChunk, isBad } from "../lake/lake.ts";
import { type Listings, chunkKey } from "./listings.ts";
import { isOver } from "../collect/relayJob.ts";
import { reread } from "../collect/reread.ts";
import { type CollectOptions, jobOf } from "../collect/run.ts";
import type { Tally } from "../collect/tally.ts";
import { type TickWindows, listedRanges } from "./windows.ts";

/** What was written so lately, ms, isn't read again. */
const FRESH_MS = 3_600_000;

/**
 * Reads a sample of what a tick's windows hold once more, relays side by side. `writtenMs`: chunks that were written within
 * the last hour.
 */
export async function rereadSample(
  options: CollectOptions,
  lake: Listings,
  windows: ReadonlyMap<DatasetName, TickWindows>,
  tallies: readonly Tally[],
  writtenMs: ReadonlyMap<string, number>,
): Promise<void> {
  const work = async (tally: Tally) => {
    const [relay, source] = [...options.sources].find(([{ name }]) => name === tally.relay) ?? [];
    const job = relay && source && jobOf(options, relay, source, tally);
    if (!job || isOver(job)) return;
    for (const [name, its] of windows) {
      const stored: StoredChunk[] = [];
      for (const { range } of listedRanges(name, its)) {
        for (const entry of await lake.current(name, tally.relay, range))
          if (!isBad(entry)) stored.push(entry);
      }
      await reread(job, name, stored, (chunk) => writtenMs.has(chunkKey(chunk)));
    }
  };
  await Promise.all(tallies.map(work));
}

/** The chunks that were written within the last hour, as far as this process knows, with when (Unix ms). */
export function writtenLately(
  before: ReadonlyMap<string, number> | undefined,
  lake: Listings,
  nowMs: number,
): ReadonlyMap<string, number> {
  const lately = [...(before ?? [])].filter(([, ms]) => nowMs - ms < FRESH_MS);
  return new Map([...lately, ...[...lake.writtenObjects].map((key) => [key, nowMs] as const)]);
}
