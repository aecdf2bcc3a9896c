import type { RefusedRow } from "../datasets/answer.ts";
import type { QuarantineLine } from "../lake/lake.ts";
import type { SlotAnswer } from "./slotAnswer.ts";

/**
 * The quarantine with refused rows and fields added: a set by (slot, sha256) that only grows. `copies` is the most that one
 * answer held. Returns undefined when nothing is new.
 */
export function addToQuarantine(
  stored: readonly QuarantineLine[],
  answers: readonly Pick<SlotAnswer, "refused" | "fields" | "readAt">[],
): readonly QuarantineLine[] | undefined {
  const lines = new Map(stored.map((line) => [`${line.slot} ${line.sha256}`, line]));
  let grew = false;
  for (const { refused, fields, readAt } of answers) {
    for (const line of counted([...refused, ...fields], new Date(readAt).toISOString())) {
      const key = `${line.slot} ${line.sha256}`;
      const known = lines.get(key);
      if (known && known.copies >= line.copies) continue;
      lines.set(key, known ? { ...known, copies: line.copies } : line);
      grew = true;
    }
  }
  if (!grew) return undefined;
  return [...lines.values()].toSorted((a, b) => a.slot - b.slot || (a.sha256 < b.sha256 ? -1 : 1));
}

function counted(refused: readonly RefusedRow[], readAt: string): QuarantineLine[] {
  const lines = new Map<string, QuarantineLine>();
  for (const { slot, reason, sha256, raw } of refused) {
    const key = `${slot} ${sha256}`;
    const copies = (lines.get(key)?.copies ?? 0) + 1;
    lines.set(key, { slot, reason, sha256, copies, read_at: readAt, raw });
  }
  return [...lines.values()];
}
