import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import type { Lake } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import type { Relay } from "../relays/relay.ts";
import type { RelaySource } from "./relaySource.ts";
import type { Delivered } from "./delivered.ts";
import type { Sightings } from "./sightings.ts";
import type { Tally } from "./tally.ts";

/** What collecting one relay needs: shared by its datasets, so that they share pace and progress. */
export interface RelayJob {
  readonly network: Network;
  readonly relay: Relay;
  /** What the relay should have, whatever range is being collected. */
  readonly target: SlotRange;
  readonly lake: Lake;
  readonly source: RelaySource;
  readonly clock: Clock;
  readonly log: Log;
  readonly tally: Tally;
  /** What the relay's bids have shown in this pass. */
  readonly bidsSeen: Sightings;
  /** What it delivered. */
  readonly delivered: Delivered;
  /** How many questions a dataset may ask about slots newer than the target, to find a newer witness. */
  readonly newerQuestions: number;
  /** Bytes of answers that wait for a second ask, over all relays of the pass. */
  readonly held: { bytes: number };
  /** Aborted when the run is to stop: nothing more is asked, what was read is written. */
  readonly stop: AbortSignal;
}

/** True when nothing more can be asked of the relay in this run. */
export function isOver(job: RelayJob): boolean {
  return job.stop.aborted || job.source.down;
}

/** Waits until a time by `clock.monotonic()`, ms. Returns early, quietly, when the run stops. */
export async function waitUntil(job: RelayJob, time: number): Promise<void> {
  const left = time - job.clock.monotonic();
  if (left <= 0 || job.stop.aborted) return;
  try {
    await job.clock.sleep(left, job.stop);
  } catch (error) {
    if (!job.stop.aborted) throw error;
  }
}
