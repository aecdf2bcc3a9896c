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
  | "collect" // it was missing
  | "reask" // it was suspect, and is asked once more
  | "recheck" // it was covered, and the user wants to know whether it still is
  | "accept"; // a recheck whose answer replaces what is stored, whatever it holds

/** What becomes of a slot that is stored and was read again. */
export interface Verdict {
  readonly take: "stored" | "read";
  readonly suspect: boolean;
  /** True when the two reads differ: said aloud with both counts. */
  readonly differs: boolean;
}

/**
 * The rule of design §2: merging is by whole slots, no slot loses rows without `--accept`, and reads that differ make the
 * slot suspect. An identical second answer clears empties; a count at a limit stays suspect until `recheck`.
 */
export function judge(
  purpose: ReadPurpose,
  stored: readonly string[],
  read: readonly string[],
  wasSuspect: boolean,
): Verdict {
  const relation = relate(stored, read);
  if (relation === "same") {
    const cleared =
      purpose === "recheck" || purpose === "accept" || (purpose === "reask" && stored.length === 0);
    return { take: "stored", suspect: wasSuspect && !cleared, differs: false };
  }
  if (purpose === "accept") return { take: "read", suspect: false, differs: true };
  return { take: relation === "new-contains-stored" ? "read" : "stored", suspect: true, differs: true };
}
