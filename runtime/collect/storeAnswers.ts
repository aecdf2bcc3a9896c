import type { SlotRange } from "../chain/slots.ts";
import type { Chunk } from "../datasets/chunks.ts";
import { DATASET_NAMES, type DatasetName, datasets } from "../datasets/dataset.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { serves } from "../relays/relay.ts";
import { BadObjectError, isBad } from "../lake/lake.ts";
import type { ReadPurpose } from "./merge.ts";
import type { RelayJob } from "./relayJob.ts";
import { countsOf } from "./tally.ts";
import { type Findings, writeChunk } from "./writeChunk.ts";

/**
 * Brings a relay's findings of one chunk into the lake and counts them. A chunk whose stored object can't be trusted is
 * noted in the tally and left as it is: one bad object never stops the rest.
 */
export async function storeAnswers(
  job: RelayJob,
  dataset: DatasetName,
  range: SlotRange,
  findings: Findings,
  purpose: ReadPurpose,
): Promise<void> {
  const { answers, unproven = [], doubted = [] } = findings;
  if (answers.length + unproven.length + doubted.length === 0) return;
  const chunk: Chunk = { dataset, relay: job.relay.name, first: range.first, last: range.last };
  const counts = countsOf(job.tally, dataset);
  try {
    const change = await writeChunk(job.lake, job.log, chunk, findings, purpose);
    counts.covered += change.added;
    counts.rows += change.addedRows;
    counts.differing += change.differing;
    counts.gainedRows += change.gainedRows;
    counts.lostTurns += change.lostTurns;
    if (datasets[dataset].asked === "pages") await doubtUnasked(job, change.filled);
    if (purpose === "collect")
      counts.quarantined += answers.reduce((sum, { refused }) => sum + refused.length, 0);
  } catch (error) {
    if (!(error instanceof BadObjectError)) throw error;
    job.tally.faults.push(error.message);
  }
}

/**
 * Marks what was covered without being asked for, since the relay had not delivered as far as was known, and has after all: the
 * next pass asks for it.
 */
async function doubtUnasked({ lake, log, relay }: RelayJob, slots: readonly number[]): Promise<void> {
  const names = DATASET_NAMES.filter((name) => datasets[name].target === "delivered" && serves(relay, name));
  for (const name of slots.length > 0 ? names : []) {
    for (const first of new Set(slots.map((slot) => chunkRange(datasets[name], slot).first))) {
      const range = chunkRange(datasets[name], first);
      const chunk: Chunk = { dataset: name, relay: relay.name, ...range };
      const head = await lake.head(chunk);
      if (!head || isBad(head)) continue;
      const doubted = slots.filter((slot) => slot >= range.first && slot <= range.last);
      if (doubted.some((slot) => head.meta.covered.has(slot)))
        await writeChunk(lake, log, chunk, { answers: [], doubted }, "collect");
    }
  }
}
