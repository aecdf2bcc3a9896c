import type { SlotRange } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";

/** What happened to one relay and dataset in a run; progress displays and summaries read it. */
export interface Counts {
  /** Slots that the plan wanted, as far as it has been listed. */
  wanted: number;
  /** Slots of the range that needn't be asked: covered already, or forgotten by the relay. */
  passed: number;
  /** Slots that the relay has answered for, whether written yet or not. */
  read: number;
  /** Slots that were covered. */
  covered: number;
  rows: number;
  quarantined: number;
  /** Slots that couldn't be read. */
  failed: number;
  /** Of a recheck: the slots that gave no answer that could be compared, ascending runs as they were met. */
  readonly unanswered: SlotRange[];
  /** Second asks of suspect or empty slots. */
  secondAsks: number;
  /** Slots that were answered without rows, or doubtfully, and are to be asked again. */
  toAskAgain: number;
  /** Those of them that have been, or can't be. */
  askedAgain: number;
  /** Requests that looked for the horizon. */
  probes: number;
  /** Second reads that differed from the first. */
  differing: number;
  /** Rows that such slots have more than before. */
  gainedRows: number;
  /** Conditional writes that had to be done over. */
  lostTurns: number;
  /** Of a tick: covered slots that were read once more to measure agreement, and what came of it. */
  readonly rereads: { slots: number; differing: number; rowsGained: number };
}

/** The counts of one relay in a run. */
export interface Tally {
  readonly relay: string;
  readonly bids: Counts;
  readonly payloads: Counts;
  /** Chunks whose object in the lake can't be trusted, one line each. */
  readonly faults: string[];
  /** Why the relay's last unanswered request failed, one line. */
  lastError: string | undefined;
  /** True when all that was planned has been asked for, whatever was answered. */
  complete: boolean;
}

/** The tally of a relay of which nothing has happened yet. */
export function newTally(relay: string): Tally {
  const zero = (): Counts => ({
    wanted: 0,
    passed: 0,
    read: 0,
    covered: 0,
    rows: 0,
    quarantined: 0,
    failed: 0,
    unanswered: [],
    secondAsks: 0,
    toAskAgain: 0,
    askedAgain: 0,
    probes: 0,
    differing: 0,
    gainedRows: 0,
    lostTurns: 0,
    rereads: { slots: 0, differing: 0, rowsGained: 0 },
  });
  return { relay, bids: zero(), payloads: zero(), faults: [], lastError: undefined, complete: false };
}

/** A dataset's counts in a tally. */
export function countsOf(tally: Tally, dataset: DatasetName): Counts {
  return dataset === "bids" ? tally.bids : tally.payloads;
}

/** Notes slots of a recheck that gave no answer. */
export function noteUnanswered(counts: Counts, slots: Iterable<number>): void {
  const ranges: { first: number; last: number }[] = [];
  for (const slot of [...slots].toSorted((a, b) => a - b)) {
    const before = ranges.at(-1);
    if (before?.last === slot - 1) before.last = slot;
    else ranges.push({ first: slot, last: slot });
  }
  counts.unanswered.push(...ranges);
}
