import { MAX_SLOT } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import type { Dataset, DatasetName } from "./dataset.ts";

/** A run of slots of one relay and dataset, aligned to the dataset's chunk size: the unit of storing. */
export interface Chunk extends SlotRange {
  readonly dataset: DatasetName;
  readonly relay: string;
}

/** The aligned run that holds a slot. */
export function chunkRange(dataset: Dataset, slot: number): SlotRange {
  const first = Math.floor(slot / dataset.chunkSlots) * dataset.chunkSlots;
  return { first, last: first + dataset.chunkSlots - 1 };
}

/** All aligned runs that touch a range, oldest first. */
export function* chunkRanges(dataset: Dataset, range: SlotRange): Generator<SlotRange> {
  for (let { first } = chunkRange(dataset, range.first); first <= range.last; first += dataset.chunkSlots) {
    yield { first, last: first + dataset.chunkSlots - 1 };
  }
}

/** `0013000000-0013000031`: names sort by slot. */
export function chunkName(range: SlotRange): string {
  return `${slotDigits(range.first)}-${slotDigits(range.last)}`;
}

/** A slot as the 10 digits that object names use. Throws RangeError outside 0–9999999999. */
export function slotDigits(slot: number): string {
  if (!Number.isInteger(slot) || slot < 0 || slot > MAX_SLOT) throw new RangeError(`not a slot: ${slot}`);
  return slot.toString().padStart(10, "0");
}

/** The aligned run that a chunk's name states, or undefined when it isn't the name of one. */
export function parseChunkName(dataset: Dataset, name: string): SlotRange | undefined {
  const match = /^(\d{10})-(\d{10})$/.exec(name);
  if (!match) return undefined;
  const range = chunkRange(dataset, Number(match[1]));
  return chunkName(range) === name ? range : undefined;
}
