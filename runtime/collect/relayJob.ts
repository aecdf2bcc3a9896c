import type { Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import type { Clock } from "../chain/clock.ts";
import type { Lake } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import type { Relay } from "../relay/relay.ts";
import type { Asker } from "./asker.ts";
import type { Tally } from "./tally.ts";

/** What collecting one relay needs: shared by its datasets, so that they share pace and progress. */
export interface RelayJob {
  readonly network: Network;
  readonly relay: Relay;
  /** What the relay should have, whatever range is being collected. */
  readonly target: SlotRange;
  readonly lake: Lake;
  readonly asker: Asker;
  readonly clock: Clock;
  readonly log: Log;
  readonly tally: Tally;
  /** Aborted when the run is to stop: nothing more is asked, what was read is written. */
  readonly stop: AbortSignal;
}

/** A second ask of the same URL comes this much later: Helix answers from a cache that lives 12 s (facts §0, rule 3). */
export const SECOND_ASK_MS = 13_000;

/** True when nothing more can be asked of the relay in this run. */
export function isOver(job: RelayJob): boolean {
  return job.stop.aborted || job.asker.down;
}

/** Waits until `SECOND_ASK_MS` after a time (Unix ms by `clock.monotonic()`). Returns early, quietly, when the run stops. */
export async function waitForSecondAsk(job: RelayJob, askedAt: number): Promise<void> {
  const left = askedAt + SECOND_ASK_MS - job.clock.monotonic();
  if (left <= 0 || job.stop.aborted) return;
  try {
    await job.clock.sleep(left, job.stop);
  } catch (error) {
    if (!job.stop.aborted) throw error;
  }
}
