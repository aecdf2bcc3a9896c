/** A whole number, thousands apart. */
export const countFormat = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `1,234 slots`, `1 slot`. */
export function many(count: number, noun: string): string {
  return `${countFormat.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `12 of 345 slots (3.5 %)`; the share is left out where the numbers say it themselves. */
export function manyOf(hits: number, among: number, noun: string): string {
  const text = `${countFormat.format(hits)} of ${many(among, noun)}`;
  if (hits === 0 || hits === among) return text;
  const share = hits / among;
  if (share < 0.0005) return `${text} (<0.1 %)`;
  return share > 0.9995 ? `${text} (>99.9 %)` : `${text} (${(100 * share).toFixed(1)} %)`;
}
