import type { ImportDataset, ImportSource } from "../datasets/importTables.ts";

/** What is known of an imported file, beside it in the lake. */
export interface Provenance {
  readonly source: ImportSource;
  readonly dataset: ImportDataset;
  readonly source_file: string;
  readonly url: string | null;
  readonly etag: string | null;
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  /** Rows that were refused, by cause. */
  readonly refused: Readonly<Record<string, number>>;
  readonly first_slot: number | null;
  readonly last_slot: number | null;
  readonly licence: string | null;
  /** RFC 3339. */
  readonly imported_at: string;
  /** The importer's. */
  readonly version: number;
  /** Slots with rows by relay: a bit a slot from `first` on, the lowest bit of the first byte first, in base64. */
  readonly slots: Readonly<Record<string, SlotSet>>;
}

interface SlotSet {
  readonly first: number;
  readonly bits: string;
}

/** Reads it; undefined where the text isn't one. */
export function provenanceOf(text: string): Provenance | undefined {
  try {
    const read = JSON.parse(text) as Partial<Provenance> | null;
    const isOne = typeof read?.sha256 === "string" && typeof read.slots === "object";
    return isOne ? (read as Provenance) : undefined;
  } catch {
    return undefined;
  }
}

export function slotSet(slots: readonly number[]): SlotSet {
  const first = slots[0] ?? 0;
  const bits = Buffer.alloc(((slots.at(-1) ?? first) - first + 8) >> 3);
  for (const slot of slots) {
    const at = slot - first;
    bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  }
  return { first, bits: bits.toString("base64") };
}

/** The slots in a set, ascending. */
export function* slotsOfSet({ first, bits }: SlotSet): Generator<number> {
  for (const [index, byte] of Buffer.from(bits, "base64").entries())
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) yield first + 8 * index + bit;
}
