import type { DecodedAnswer } from "../datasets/answer.ts";
import type { Doubt } from "./slotAnswer.ts";

/** What answers say about one slot's payloads, and why that is doubtful. */
export interface SlotPayloads {
  readonly answer: DecodedAnswer;
  readonly doubt: Doubt | undefined;
}

/** An answer without rows. */
export const NO_PAYLOADS: DecodedAnswer = { rows: [], refused: [] };

/** The slots of a page's rows, refused ones included, newest first; one for each row. */
export function slotsOfRows(page: DecodedAnswer): number[] {
  return [...page.rows, ...page.refused].map(({ slot }) => slot).toSorted((a, b) => b - a);
}

/** The part of an answer that is of one slot. */
export function rowsOfSlot(answer: DecodedAnswer, slot: number): DecodedAnswer {
  const isOfSlot = (row: { slot: number }) => row.slot === slot;
  return { rows: answer.rows.filter(isOfSlot), refused: answer.refused.filter(isOfSlot) };
}

/** True where two answers hold the same rows, as multisets. */
export function isSame(a: DecodedAnswer, b: DecodedAnswer): boolean {
  return contains(a, b) && contains(b, a);
}

/**
 * What counts where two pages differ and the slot was asked for by itself: that answer, unless one of the pages showed a row
 * that it lacks. A row that was shown is there; then the answer that contains the others is kept, and the slot is doubtful.
 */
export function decided(pages: readonly DecodedAnswer[], bySlot: DecodedAnswer): SlotPayloads {
  const all = [bySlot, ...pages];
  const fullest = all.find((answer) => all.every((other) => contains(answer, other)));
  const answer = fullest ?? bySlot;
  const isConfirmed = answer === bySlot && pages.some((page) => isSame(page, bySlot));
  return { answer, doubt: isConfirmed ? undefined : "differs" };
}

function contains(big: DecodedAnswer, small: DecodedAnswer): boolean {
  const counts = new Map<string, number>();
  for (const key of keysOf(big)) counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const key of keysOf(small)) {
    const left = counts.get(key) ?? 0;
    if (left === 0) return false;
    counts.set(key, left - 1);
  }
  return true;
}

function keysOf({ rows, refused }: DecodedAnswer): string[] {
  return [...rows.map(({ row }) => JSON.stringify(row)), ...refused.map(({ raw }) => raw)];
}
