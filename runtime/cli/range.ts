import { type Network, MAX_SLOT, SECONDS_PER_SLOT } from "../chain/networks.ts";
import { type SlotRange, intersect, settledSlot, slotAt, slotStartMs } from "../chain/slots.ts";
import { UserError } from "../errors.ts";

/** What `--from` or `--to` names, with its text: a slot, a UTC day or a time (Unix ms), or a day before the clock's. */
export type Moment = { readonly text: string } & (
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "day"; readonly midnight: number }
  | { readonly kind: "time"; readonly at: number }
  | { readonly kind: "ago"; readonly days: number }
);

/** The options that say which slots a command is about; at most one of `slots`, `last`, and `from` with `to` is given. */
export interface RangeOptions {
  readonly slots?: SlotRange;
  /** Slots. */
  readonly last?: number;
  readonly from?: Moment;
  readonly to?: Moment;
}

/** What `--from` and `--to` take, as messages and `--help` say it. */
export const MOMENT_FORMS =
  "a slot, a date (2026-11-01), a time (2026-11-01T12:00:00Z), today or yesterday, in UTC";
/** What `--last` takes. */
export const LAST_FORMS = "a whole number of slots (64), of hours (24h) or of days (7d)";

const DAY_MS = 86_400_000;
const DAYS_AGO: Readonly<Record<string, number>> = { today: 0, yesterday: 1 };
const DATE = /^\d{4}-\d\d-\d\d$/;
/** RFC 3339 (§5.6); seconds and the offset may be left out, and then it is UTC. */
const TIME =
  /^(?<date>\d{4}-\d\d-\d\d)[Tt ](?<hours>(?:[01]\d|2[0-3]):[0-5]\d)(?<seconds>:[0-5]\d(?:\.\d{1,9})?)?(?<offset>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/** Reads what `--from` or `--to` is given; undefined where it is none of `MOMENT_FORMS`. */
export function momentOf(text: string): Moment | undefined {
  if (/^\d{1,10}$/.test(text)) return { text, kind: "slot", slot: Number(text) };
  const days = Object.hasOwn(DAYS_AGO, text) ? DAYS_AGO[text] : undefined;
  if (days !== undefined) return { text, kind: "ago", days };
  if (DATE.test(text)) {
    const midnight = midnightOf(text);
    return midnight === undefined ? undefined : { text, kind: "day", midnight };
  }
  const { date = "", hours = "", seconds = ":00", offset = "Z" } = TIME.exec(text)?.groups ?? {};
  if (midnightOf(date) === undefined) return undefined;
  return { text, kind: "time", at: Date.parse(`${date}T${hours}${seconds}${offset.toUpperCase()}`) };
}

/** Where a UTC day begins, Unix ms; undefined for a date that no calendar has. */
function midnightOf(date: string): number | undefined {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // Date.parse takes February 30 for March 2.
  const isReal = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
  return isReal ? midnight : undefined;
}

/** Reads what `--last` is given, in slots; undefined where it is none of `LAST_FORMS`. */
export function lastOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,10})([hd]?)$/.exec(text) ?? [];
  const seconds = { "": SECONDS_PER_SLOT, h: 3600, d: 86_400 }[unit ?? ""] ?? 0;
  const slots = (Number(digits) * seconds) / SECONDS_PER_SLOT;
  return slots >= 1 && slots <= MAX_SLOT ? slots : undefined;
}

/** The first slot that starts at or after a Unix time (ms). */
function firstSlotFrom(network: Network, unixMs: number): number {
  return Math.ceil((unixMs / 1000 - network.genesis) / SECONDS_PER_SLOT);
}

/** The first slot of what `--from` names: the first that starts then or later. */
function firstOf(network: Network, moment: Moment, nowMs: number): number {
  if (moment.kind === "slot") return moment.slot;
  return firstSlotFrom(network, moment.kind === "time" ? moment.at : dayOf(moment, nowMs));
}

/** The last slot of what `--to` names: that slot, the last that starts by that time, or the last that starts on that day. */
function finalOf(network: Network, moment: Moment, nowMs: number): number {
  if (moment.kind === "slot") return moment.slot;
  if (moment.kind === "time") return slotAt(network, moment.at);
  return firstSlotFrom(network, dayOf(moment, nowMs) + DAY_MS) - 1;
}

function dayOf(moment: Extract<Moment, { kind: "day" | "ago" }>, nowMs: number): number {
  if (moment.kind === "day") return moment.midnight;
  return (Math.floor(nowMs / DAY_MS) - moment.days) * DAY_MS;
}

/** The slots that the options name, and those of them that there are. */
export interface NamedRange {
  readonly range: SlotRange;
  /** How the range was cut and why; undefined where it wasn't. */
  readonly clipped: string | undefined;
}

/**
 * The slots that the options name, from the network's first to the newest settled one; undefined where they name none. `--to`
 * is inclusive, and without `--from` begins at the network's first slot. Throws UserError (exit 2) when nothing of it is there.
 */
export function namedRange(options: RangeOptions, network: Network, nowMs: number): NamedRange | undefined {
  const settled = settledSlot(network, nowMs);
  if (settled < network.floor)
    throw badRange(`${network.name} has no settled slot yet (its clock says slot ${slotAt(network, nowMs)})`);
  const { slots, last, from, to } = options;
  if (last !== undefined)
    return {
      range: { first: Math.max(network.floor, settled - last + 1), last: settled },
      clipped: undefined,
    };
  if (!slots && !from && !to) return undefined;
  const first = slots?.first ?? (from ? firstOf(network, from, nowMs) : network.floor);
  const final = slots?.last ?? (to ? finalOf(network, to, nowMs) : settled);
  const name = nameOf(options);
  if (first > settled) throw badRange(futureFault(name, network, settled, from));
  if (final < network.floor)
    throw badRange(
      `${name} lies before the first MEV-Boost slot, ${network.floor} (${timesText(network, { first: network.floor, last: network.floor })})`,
    );
  const range =
    first <= final ? intersect({ first, last: final }, { first: network.floor, last: settled }) : undefined;
  if (!range)
    throw badRange(`${name} holds no slot: its end lies before its beginning, or both between two slots`);
  return { range, clipped: clippedText(name, { first, last: final }, range) };
}

function clippedText(name: string, { first, last }: SlotRange, range: SlotRange): string | undefined {
  const why = [
    ...(range.first > first ? [`MEV-Boost begins at slot ${range.first}`] : []),
    ...(range.last < last ? ["slots settle 50 behind the head"] : []),
  ];
  if (why.length === 0) return undefined;
  return `${name} is clipped to ${range.first}-${range.last}: ${why.join(", and ")}`;
}

function futureFault(name: string, network: Network, settled: number, from: Moment | undefined): string {
  const newest = timesText(network, { first: settled, last: settled });
  const hint = from?.kind === "slot" ? "; a number is a slot, a date is written 2026-11-01" : "";
  return `${name} lies in the future: the newest settled slot is ${settled} (head - 50, ${newest})${hint}`;
}

/** The options as they were written. */
function nameOf({ slots, from, to }: RangeOptions): string {
  if (slots) return `--slots ${slots.first}-${slots.last}`;
  return [from && `--from ${from.text}`, to && `--to ${to.text}`].filter(Boolean).join(" ");
}

/** True where the options name slots in one of the forms. */
export function namesRange({ slots, last, from, to }: RangeOptions): boolean {
  return [slots, last, from, to].some((option) => option !== undefined);
}

/** True where the options name the same slots whenever they are given. */
export function isFixed({ slots, from, to }: RangeOptions): boolean {
  return slots !== undefined || [from, to].every((moment) => moment !== undefined && moment.kind !== "ago");
}

/** A range in slots and in time: `slots 1-9, 2026-11-01 00:00:11 to 00:01:47 UTC`, the starts of its first and last slot. */
export function rangeText(network: Network, range: SlotRange): string {
  const { first, last } = range;
  const slots = first === last ? `slot ${first}` : `slots ${first}-${last}`;
  return `${slots}, ${timesText(network, range)}`;
}

/** When the first and the last slot of a range start. */
function timesText(network: Network, { first, last }: SlotRange): string {
  const [from = "", to = ""] = [first, last].map((slot) =>
    new Date(slotStartMs(network, slot)).toISOString().slice(0, 19).replace("T", " "),
  );
  if (from === to) return `${from} UTC`;
  // What both have in common is said once: the day, or the year.
  const shared = [11, 5].find((length) => from.slice(0, length) === to.slice(0, length)) ?? 0;
  return `${from} to ${to.slice(shared)} UTC`;
}

function badRange(message: string): UserError {
  return new UserError(message, { exitCode: 2 });
}
