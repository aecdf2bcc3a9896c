import { chunkRange } from "../datasets/chunks.ts";
import { bids } from "../datasets/bids.ts";
import { blockHashOf } from "../datasets/line.ts";
import { isBad, trusted } from "../lake/lake.ts";
import { Delivered, refusedSlots } from "./delivered.ts";
import { storeAnswers } from "./storeAnswers.ts";
import type { RelayJob } from "./relayJob.ts";

/**
 * Marks bids that were covered before their slot's payload was known, and lack the delivered block, as suspect. (Bids that
 * are read later are checked as they are read.)
 */
export async function markMissingDelivered(
  job: RelayJob,
  delivered: ReadonlyMap<number, ReadonlySet<string>>,
): Promise<void> {
  const byChunk = new Map<number, number[]>();
  for (const slot of delivered.keys()) {
    const { first } = chunkRange(bids, slot);
    byChunk.set(first, [...(byChunk.get(first) ?? []), slot]);
  }
  for (const [first, slots] of byChunk) {
    const range = chunkRange(bids, first);
    const chunk = { dataset: bids.name, relay: job.relay.name, ...range };
    const head = await job.lake.head(chunk);
    if (!head || isBad(head) || !slots.some((slot) => head.meta.covered.has(slot))) continue;
    // The bids' own plan says that an object is bad.
    await trusted(async () => {
      const content = await job.lake.read(chunk);
      // Of a payload that is refused no hash is known: it contradicts a slot without any bid alone.
      const isUnknown = slots.some((slot) => delivered.get(slot)?.size === 0);
      const refused = isUnknown ? await refusedSlots(job.lake, chunk) : new Set<number>();
      const doubted = slots.filter((slot) => {
        if (!content?.lines.has(slot)) return false;
        const offered = new Set((content.lines.get(slot) ?? []).map(blockHashOf));
        const hashes = [...(delivered.get(slot) ?? [])];
        return hashes.length === 0
          ? offered.size === 0 && !refused.has(slot)
          : hashes.some((hash) => !offered.has(hash));
      });
      if (doubted.length === 0) return;
      // What a relay made itself nobody bid; a slot without any bid is doubtful at every relay.
      const known = new Delivered(job.lake, job.relay);
      const marked: number[] = [];
      for (const slot of doubted) {
        const offered = new Set((content?.lines.get(slot) ?? []).map(blockHashOf));
        const bid = job.relay.adjusts ? await known.bid(slot) : (delivered.get(slot) ?? []);
        if (offered.size === 0 || [...bid].some((hash) => !offered.has(hash))) marked.push(slot);
      }
      if (marked.length === 0) return;
      job.log.warn(
        { relay: job.relay.name, dataset: "bids", slots: marked },
        "delivered payloads are not among the bids",
      );
      await storeAnswers(job, "bids", range, { answers: [], doubted: marked }, "collect");
    }, undefined);
  }
}

/** The same once it is known which blocks the relay made itself, of slots that it was asked about. */
export async function markUnexplained(job: RelayJob, slots: Iterable<number>): Promise<void> {
  const delivered = new Map<number, ReadonlySet<string>>();
  for (const slot of slots) {
    const hashes = await job.delivered.at(slot);
    if (hashes && hashes.size > 0) delivered.set(slot, hashes);
  }
  await markMissingDelivered(job, delivered);
}
