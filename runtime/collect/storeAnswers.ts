import type { SlotRange } from "../chain/slots.ts";
import type { Chunk } from "../datasets/chunks.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { BadObjectError } from "../lake/lake.ts";
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
    if (purpose === "collect")
      counts.quarantined += answers.reduce((sum, { refused }) => sum + refused.length, 0);
  } catch (error) {
    if (!(error instanceof BadObjectError)) throw error;
    job.tally.faults.push(error.message);
  }
}
