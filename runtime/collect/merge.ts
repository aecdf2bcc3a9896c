/** How two reads of one slot relate, as multisets of rows. */
export type Relation = "same" | "new-contains-stored" | "stored-contains-new" | "neither";

/** Compares what is stored of a slot with what was read, row by row and copy by copy, whatever their order. */
export function relate(stored: readonly string[], read: readonly string[]): Relation {
  const counts = new Map<string, number>();
  for (const line of stored) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of read) counts.set(line, (counts.get(line) ?? 0) - 1);
  let onlyStored = false;
  let onlyRead = false;
  for (const count of counts.values()) {
    if (count > 0) onlyStored = true;
    if (count < 0) onlyRead = true;
  }
  if (onlyStored) return onlyRead ? "neither" : "stored-contains-new";
  return onlyRead ? "new-contains-stored" : "same";
}

/** Why a slot is being read. */
export type ReadPurpose =
  | "collect" // what is missing or doubtful is wanted
  | "recheck" // what is covered is compared with what the relay says now
  | "accept"; // a recheck whose answer replaces what is stored, whatever it holds, and settles every doubt

/** What becomes of a slot that is stored and was read again. */
export interface MergeVerdict {
  readonly take: "stored" | "read";
  readonly suspect: boolean;
  /** True when the two reads differ: said aloud with both counts. */
  readonly differs: boolean;
}

/**
 * The rule of merging: by whole slots, no slot loses rows without `--accept`, and a slot is suspect as long as
 * there is a cause: reads that differ, or what makes the answer doubtful by itself (`doubtful`).
 */
export function judgeReading(
  purpose: ReadPurpose,
  stored: readonly string[],
  read: readonly string[],
  doubtful: boolean,
): MergeVerdict {
  const relation = relate(stored, read);
  if (purpose === "accept") {
    const differs = relation !== "same";
    return { take: differs ? "read" : "stored", suspect: false, differs };
  }
  if (relation === "same") return { take: "stored", suspect: doubtful, differs: false };
  return { take: relation === "new-contains-stored" ? "read" : "stored", suspect: true, differs: true };
}
