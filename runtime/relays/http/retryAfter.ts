/** Anything longer (a date in another century, a slip of digits) is taken for a day. */
const LONGEST_MS = 86_400_000;

/** The headers of an answer, as fetch gives them. */
interface HeaderReader {
  get(name: string): string | null;
}

/**
 * How long a relay asks not to be asked (ms): `Retry-After` in seconds or as an HTTP date (RFC 9110 §10.2.3), else Helix's
 * `x-ratelimit-after` (s); of both the longer. Undefined when there is neither, or nothing that can be read.
 */
export function retryAfterMs(headers: HeaderReader, nowUnixMs: number): number | undefined {
  const waits = [
    waitOf(headers.get("retry-after"), nowUnixMs),
    waitOf(headers.get("x-ratelimit-after"), nowUnixMs),
  ];
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function waitOf(text: string | null, nowUnixMs: number): number | undefined {
  const value = text?.trim();
  if (!value) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : dateOf(value) - nowUnixMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_MS);
}

/** Unix ms of an HTTP date (RFC 9110 §5.6.7), else NaN. Date.parse takes far too much for a date (`-5`, `2`). */
export function dateOf(value: string): number {
  return /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) : Number.NaN;
}
