import { MAX_SLOT, type Network } from "../chain/networks.ts";
import { type SlotRange, slotCount, slotStartMs } from "../chain/slots.ts";
import { jsonObject } from "./jsonObject.ts";

/** Share of the slots of a relay and day that have to be answered alike, or all of them are read again. */
const GOOD_AGREEMENT = 0.995;

/** What reading slots of one UTC day again has shown of a relay's dataset. */
export interface Reread {
  /** The slots that were read again, in ascending runs. */
  readonly slots: readonly SlotRange[];
  /** How many of them were answered differently. */
  readonly differing: number;
  /** How many rows these have more than before. */
  readonly rowsGained: number;
}

/** The days of a month on which slots were read again, by day (`2025-10-09`). */
export type Rereads = ReadonlyMap<string, Reread>;

/** Whether so many slots agree too badly with what was stored for the others of their day to be trusted. */
export function agreesBadly(slots: number, differing: number): boolean {
  return differing > 0 && 1 - differing / slots < GOOD_AGREEMENT;
}

/** How many slots some runs hold together. */
export function slotsIn(runs: readonly SlotRange[]): number {
  return runs.reduce((sum, run) => sum + slotCount(run), 0);
}

/** The UTC day of a slot, `2025-10-09`. */
export function dayOf(network: Network, slot: number): string {
  return new Date(slotStartMs(network, slot)).toISOString().slice(0, 10);
}

/** The UTC months that a range of slots touches, `2025-10`, oldest first. */
export function monthsOf(network: Network, { first, last }: SlotRange): string[] {
  const months: string[] = [];
  const lastDay = dayOf(network, last);
  const month = new Date(`${dayOf(network, first).slice(0, 7)}-01T00:00:00Z`);
  for (; month.toISOString().slice(0, 10) <= lastDay; month.setUTCMonth(month.getUTCMonth() + 1))
    months.push(month.toISOString().slice(0, 7));
  return months;
}

/** `rereads/<month>.json` of a relay. */
export function encodeRereads(rereads: Rereads): string {
  const days = [...rereads].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const values = days.map(([day, { slots, differing, rowsGained }]) => {
    const runs = slots.map(({ first, last }) => [first, last]);
    return [day, { slots: runs, differing, rows_gained: rowsGained }] as const;
  });
  return `${JSON.stringify(Object.fromEntries(values))}\n`;
}

/** Reads `rereads/<month>.json` back; undefined when it isn't one. */
export function parseRereads(text: string): Rereads | undefined {
  const days = jsonObject(text);
  if (!days) return undefined;
  const rereads = new Map<string, Reread>();
  for (const [day, entry] of Object.entries(days)) {
    const reread = /^\d{4}-\d{2}-\d{2}$/.test(day) ? rereadOf(entry) : undefined;
    if (!reread) return undefined;
    rereads.set(day, reread);
  }
  return rereads;
}

function rereadOf(value: unknown): Reread | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { slots, differing, rows_gained }: Partial<Record<string, unknown>> = { ...value };
  if (!Array.isArray(slots) || !isCount(differing) || !isCount(rows_gained)) return undefined;
  const runs: SlotRange[] = [];
  let before = -1;
  for (const run of slots as unknown[]) {
    if (!Array.isArray(run) || run.length !== 2) return undefined;
    const [first, last] = run as unknown[];
    if (!isCount(first) || !isCount(last) || first <= before || last < first || last > MAX_SLOT)
      return undefined;
    runs.push({ first, last });
    before = last;
  }
  return { slots: runs, differing, rowsGained: rows_gained };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
