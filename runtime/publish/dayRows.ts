import { createHash } from "node:crypto";
import type { Network } from "../chain/networks.ts";
import { intersect, type SlotRange } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { heldSlots, isBad, type Lake, type StoredChunk } from "../lake/lake.ts";
import { readVerified } from "../warehouse/readVerified.ts";

/** What the lake has of a dataset and day: its chunks, relay by relay and oldest first, and a digest of their generations. */
export interface DayState {
  readonly chunks: readonly StoredChunk[];
  /** SHA-256, hex, of the objects' names and generations. */
  readonly digest: string;
  /** Whether rows of the day have been pruned from the lake: it stays as it was published. */
  readonly pruned: boolean;
}

/** Lists the chunks of a dataset that have covered slots in a range. Those that can't be trusted cover nothing. */
export async function dayState(lake: Lake, dataset: DatasetName, range: SlotRange): Promise<DayState> {
  const chunks: StoredChunk[] = [];
  let pruned = false;
  const hash = createHash("sha256");
  for (const relay of await lake.relays(dataset)) {
    for await (const entry of lake.list(dataset, relay, range)) {
      if (isBad(entry) || !coversAny(entry, range)) continue;
      chunks.push(entry);
      hash.update(`${entry.object} ${publishedGeneration(entry)}\n`);
      for (const slot of entry.meta.pruned?.rows.keys() ?? [])
        pruned ||= slot >= range.first && slot <= range.last;
    }
  }
  return { chunks, digest: hash.digest("hex"), pruned };
}

/** The generation that held all that is covered: that before the pruning, as long as nothing has come since. */
function publishedGeneration({ meta, generation }: StoredChunk): number {
  return meta.pruned && heldSlots(meta).length === 0 ? meta.pruned.generation : generation;
}

function coversAny({ meta, chunk }: StoredChunk, range: SlotRange): boolean {
  const asked = intersect(chunk, range);
  return (
    asked !== undefined && [...meta.covered.slots()].some((slot) => slot >= asked.first && slot <= asked.last)
  );
}

/** Lines of a day, as many as are made one part of a file. */
export interface LineGroup {
  /** A slot's each. */
  readonly lines: readonly Buffer[];
}

/** A group ends with the chunk that brings it to so many rows: what is read at least to see any of them. */
const GROUP_ROWS = 1 << 15;

/** An object of the lake that isn't what its listing said: `fault`, one line; or changed since, where that is undefined. */
export class UnreadableDayError extends Error {
  override readonly name = "UnreadableDayError";
  readonly fault: string | undefined;
  constructor(fault: string | undefined) {
    super(fault ?? "an object changed while it was read");
    this.fault = fault;
  }
}

/**
 * The rows of a day in their published order: by relay, slot, and the text of their lines, equal rows as one with `copies`. Each
 * object is read as the loader reads it. A group is of one relay. Throws UnreadableDayError.
 */
export async function* dayLines(
  lake: Lake,
  network: Network,
  range: SlotRange,
  { chunks }: DayState,
): AsyncGenerator<LineGroup> {
  let [group, rows]: [Buffer[], number] = [[], 0];
  for (const [index, entry] of chunks.entries()) {
    const sound = await readVerified(lake, network, entry);
    if (sound && "fault" in sound) throw new UnreadableDayError(sound.fault);
    if (sound?.stored.generation !== entry.generation) throw new UnreadableDayError(undefined);
    for (const [slot, lines] of sound.lines)
      if (slot >= range.first && slot <= range.last && lines.length > 0) {
        const merged = distinct(lines);
        rows += merged.length;
        group.push(Buffer.from(merged.join("")));
      }
    const isLast = chunks[index + 1]?.chunk.relay !== entry.chunk.relay;
    if (rows === 0 || (!isLast && rows < GROUP_ROWS)) continue;
    yield { lines: group };
    [group, rows] = [[], 0];
  }
}

/** A slot's lines by their text; those that are equal as one that says how often it came. */
function distinct(lines: readonly string[]): string[] {
  const sorted = lines.toSorted(byText);
  const merged: string[] = [];
  for (let at = 0; at < sorted.length;) {
    const line = sorted[at] ?? "";
    let next = at + 1;
    while (sorted[next] === line) next++;
    merged.push(next - at === 1 ? line : `${line.slice(0, -2)},"copies":${next - at}}\n`);
    at = next;
  }
  return merged;
}

/** Not by the machine's language. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
