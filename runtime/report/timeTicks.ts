const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What may lie between two marks of a time axis, ms; months and years come after these. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 4, 7, 14].map((days) => days * DAY),
];
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];

/** The marks of a time axis: round moments in UTC, and how each is written; no two of an axis are written alike. */
export interface TimeTicks {
  readonly times: readonly Date[];
  readonly format: (time: Date) => string;
  /** What the marks leave out, for the axis's label. */
  readonly label: string;
}

/** At most so many marks between two moments, Unix ms. */
export function timeTicks(from: number, to: number, most: number): TimeTicks {
  const step = STEPS.find((length) => (to - from) / length <= most);
  const times = step === undefined ? months(from, to, most) : multiples(from, to, step);
  const [first, last] = [new Date(from).toISOString(), new Date(to - 1).toISOString()];
  const dates = first.slice(0, 10) === last.slice(0, 10) ? first.slice(0, 10) : undefined;
  if (step === undefined) return { times, format: (time) => time.toISOString().slice(0, 7), label: "UTC" };
  if (step >= DAY) {
    const years = [...new Set([first.slice(0, 4), last.slice(0, 4)])].join("–");
    return { times, format: (time) => time.toISOString().slice(5, 10), label: `UTC, ${years}` };
  }
  const clock = (time: Date) => time.toISOString().slice(11, step < MINUTE ? 19 : 16);
  if (dates !== undefined || to - from <= DAY / 2) {
    return {
      times,
      format: clock,
      label: `UTC, ${dates ?? `${first.slice(0, 10)} to ${last.slice(0, 10)}`}`,
    };
  }
  // The same time of the day may come twice, so the day stands before it.
  const format = (time: Date) => `${time.toISOString().slice(8, 10)}. ${clock(time)}`;
  return { times, format, label: `UTC, ${first.slice(0, 10)} to ${last.slice(0, 10)}` };
}

function multiples(from: number, to: number, step: number): Date[] {
  const first = Math.ceil(from / step);
  return Array.from(
    { length: Math.floor(to / step) - first + 1 },
    (_, index) => new Date((first + index) * step),
  );
}

function months(from: number, to: number, most: number): Date[] {
  const monthOf = (time: number) => new Date(time).getUTCFullYear() * 12 + new Date(time).getUTCMonth();
  const step = MONTHS.find((length) => (monthOf(to) - monthOf(from)) / length <= most) ?? 120;
  const times: Date[] = [];
  for (let month = Math.ceil(monthOf(from) / step) * step; month <= monthOf(to); month += step) {
    const time = Date.UTC(Math.floor(month / 12), month % 12, 1);
    if (time >= from && time <= to) times.push(new Date(time));
  }
  return times;
}
