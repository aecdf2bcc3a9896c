import { type SlotRange, slotRuns } from "../chain/slots.ts";
import { DATASET_NAMES, type DatasetName, forEachDataset } from "../datasets/dataset.ts";

/** What happened to one relay and dataset in a run; progress displays and summaries read it. */
export type Counts = ReturnType<typeof noCounts>;

function noCounts() {
  return {
    /** Slots that the plan wanted, as far as it has been listed. */
    wanted: 0,
    /** Slots of the range that needn't be asked: covered already, or forgotten by the relay. */
    passed: 0,
    /** Slots that the relay has answered for, whether written yet or not. */
    read: 0,
    /** Slots that were covered. */
    covered: 0,
    rows: 0,
    quarantined: 0,
    /** Slots that couldn't be read. */
    failed: 0,
    /** Of a recheck: the slots that gave no answer that could be compared, ascending runs as they were met. */
    unanswered: [] as SlotRange[],
    /** Second asks of suspect or empty slots. */
    secondAsks: 0,
    /** Slots that were answered without rows, or doubtfully, and are to be asked again. */
    toAskAgain: 0,
    /** Those of them that have been, or can't be. */
    askedAgain: 0,
    /** Requests that looked for the horizon. */
    probes: 0,
    /** Second reads that differed from the first. */
    differing: 0,
    /** Rows that such slots have more than before. */
    gainedRows: 0,
    /** Conditional writes that had to be done over. */
    lostTurns: 0,
    /** Answers with rows that the kernel took, and those that it left to the decoder. */
    ways: { kernel: 0, fallback: 0 },
    /** Of a tick: covered slots that were read once more to measure agreement, and what came of it. */
    rereads: { slots: 0, differing: 0, rowsGained: 0 },
  };
}

/** The counts of one relay in a run. */
export interface Tally extends Readonly<Record<DatasetName, Counts>> {
  readonly relay: string;
  /** Chunks whose object in the lake can't be trusted, one line each. */
  readonly faults: string[];
  /** Why the relay's last unanswered request failed, one line. */
  lastError: string | undefined;
  /** True when all that was planned has been asked for, whatever was answered. */
  complete: boolean;
}

/** The tally of a relay of which nothing has happened yet. */
export function newTally(relay: string): Tally {
  return {
    relay,
    ...forEachDataset(noCounts),
    faults: [],
    lastError: undefined,
    complete: false,
  };
}

/** A dataset's counts in a tally. */
export function countsOf(tally: Tally, dataset: DatasetName): Counts {
  return tally[dataset];
}

/** One count over all datasets. */
export function sumOver(
  tally: Tally,
  key: { [K in keyof Counts]: Counts[K] extends number ? K : never }[keyof Counts],
): number {
  return DATASET_NAMES.reduce((sum, name) => sum + tally[name][key], 0);
}

/** Notes slots of a recheck that gave no answer. */
export function noteUnanswered(counts: Counts, slots: readonly number[]): void {
  counts.unanswered.push(...slotRuns(slots));
}
