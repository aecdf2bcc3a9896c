import { Random, mix } from "./random.ts";

/** Keeps what is drawn for days apart from the rest of the world (see `salt` there). */
const salt = { day: 9, outage: 10 } as const;

const SLOTS_PER_DAY = 7200;
/** The hour of a day in which one relay shows and delivers nothing, by slots of that day. */
const OUTAGE = { first: 6000, last: 6299 } as const;

/** What blocks of a slot are worth beside an ordinary one: days differ, and so do their hours. */
export function worthOf(seed: number, slot: number): number {
  const day = new Random(seed, salt.day, Math.floor(slot / SLOTS_PER_DAY)).normal();
  return Math.exp(0.3 * day + 0.35 * Math.sin((2 * Math.PI * slot) / SLOTS_PER_DAY));
}

/** A number drawn for a slot in which one of the relays that work has its outage; undefined in most slots. */
export function outageAt(seed: number, slot: number): number | undefined {
  const day = Math.floor(slot / SLOTS_PER_DAY);
  const at = slot - day * SLOTS_PER_DAY;
  return at < OUTAGE.first || at > OUTAGE.last ? undefined : mix(seed, salt.outage, day);
}
