import { slotCount } from "../chain/slots.ts";
import { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import type { ChunkMeta, PrunedRows } from "./lake.ts";

/** The version of the lake's layout that this program writes, and the only one that it reads. */
export const LAYOUT_VERSION = "1";

/** A chunk's metadata as the lake stores it: strings only. */
export function encodeMeta(meta: ChunkMeta): Record<string, string> {
  return {
    covered: meta.covered.toString(),
    suspect: meta.suspect.toString(),
    revised: meta.revised.toString(),
    ...(meta.unproven ? { unproven: meta.unproven.toString() } : {}),
    revision: String(meta.revision),
    rows: String(meta.rows),
    quarantined: String(meta.quarantined),
    ...(meta.quarantinedSlots ? { quarantined_slots: meta.quarantinedSlots.toString() } : {}),
    ...(meta.pruned ? encodePruned(meta.covered, meta.pruned) : {}),
    version: LAYOUT_VERSION,
  };
}

/** Reads a chunk's metadata back, or says what is wrong with it. Other keys are left to later versions. */
export function decodeMeta(
  chunk: Chunk,
  values: Readonly<Record<string, string>>,
): ChunkMeta | { readonly fault: string } {
  const version = valueOf(values, "version");
  if (version !== LAYOUT_VERSION)
    return {
      fault:
        version === undefined
          ? "its metadata has no version"
          : `its metadata isn't of version ${LAYOUT_VERSION}`,
    };
  const covered = bits(chunk, values, "covered");
  const suspect = bits(chunk, values, "suspect");
  const revised = bits(chunk, values, "revised");
  if (!covered || !suspect || !revised) {
    const name = covered ? (suspect ? "revised" : "suspect") : "covered";
    return { fault: `its metadata's "${name}" isn't ${slotCount(chunk)} characters of 0 and 1` };
  }
  const hasUnproven = valueOf(values, "unproven") !== undefined;
  const unproven = hasUnproven ? bits(chunk, values, "unproven") : null;
  if (unproven === undefined)
    return { fault: `its metadata's "unproven" isn't ${slotCount(chunk)} characters of 0 and 1` };
  if (unproven && [...unproven.slots()].some((slot) => covered.has(slot)))
    return { fault: `its metadata's "unproven" has slots that are covered` };
  if (!suspect.isSubsetOf(covered))
    return { fault: `its metadata's "suspect" has slots that aren't covered` };
  if (!revised.isSubsetOf(covered))
    return { fault: `its metadata's "revised" has slots that aren't covered` };
  const revision = countOf(values, "revision");
  const rows = countOf(values, "rows");
  const quarantined = countOf(values, "quarantined");
  if (revision === undefined || rows === undefined || quarantined === undefined)
    return { fault: `its metadata's "revision", "rows" or "quarantined" isn't a count` };
  const isSaid = valueOf(values, "quarantined_slots") !== undefined;
  const quarantinedSlots = isSaid ? bits(chunk, values, "quarantined_slots") : undefined;
  if (isSaid && quarantinedSlots?.isSubsetOf(covered) !== true)
    return { fault: `its metadata's "quarantined_slots" aren't some of its covered slots` };
  const counts = { revision, rows, quarantined, ...(quarantinedSlots ? { quarantinedSlots } : {}) };
  const held = { covered, suspect, unproven, revised, ...counts };
  if (valueOf(values, "pruned") === undefined) return held;
  const pruned = decodePruned(chunk, values, held);
  return pruned
    ? { ...held, pruned }
    : { fault: `its metadata's "pruned" doesn't say how many rows of which covered slots` };
}

/** A count a slot, first slot first, with commas; nothing for a slot whose rows are there. */
function encodePruned(covered: SlotBits, { rows, generation }: PrunedRows): Record<string, string> {
  const first = Math.min(...rows.keys());
  const counts = Array.from(covered.toString(), () => "");
  for (const [slot, count] of rows) counts[slot % counts.length] = String(count);
  return first === Infinity ? {} : { pruned: counts.join(","), pruned_generation: String(generation) };
}

function decodePruned(
  chunk: Chunk,
  values: Readonly<Record<string, string>>,
  { covered, rows }: Pick<ChunkMeta, "covered" | "rows">,
): PrunedRows | undefined {
  const texts = (valueOf(values, "pruned") ?? "").split(",");
  // Of 16 digits in a folder, and in a bucket.
  const generation = Number(valueOf(values, "pruned_generation"));
  if (texts.length !== slotCount(chunk) || !Number.isSafeInteger(generation) || generation < 1)
    return undefined;
  const counts = new Map<number, number>();
  let sum = 0;
  for (const [index, text] of texts.entries()) {
    if (text === "") continue;
    const count = countOf({ text }, "text");
    if (count === undefined || !covered.has(chunk.first + index)) return undefined;
    counts.set(chunk.first + index, count);
    sum += count;
  }
  return counts.size > 0 && sum <= rows ? { rows: counts, generation } : undefined;
}

function valueOf(values: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function bits(chunk: Chunk, values: Readonly<Record<string, string>>, key: string): SlotBits | undefined {
  return SlotBits.parse(chunk.first, slotCount(chunk), valueOf(values, key));
}

/** A whole number of up to 15 digits, which a double holds exactly. */
export function countOf(values: Readonly<Record<string, string>>, key: string): number | undefined {
  const text = valueOf(values, key);
  return text !== undefined && /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined;
}
