const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `1,234 slots`, `1 slot`. */
export function many(count: number, noun: string): string {
  return `${whole.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `12 of 345 slots (3.5 %)`. */
export function manyOf(hits: number, among: number, noun: string): string {
  const share = among === 0 ? "" : ` (${((100 * hits) / among).toFixed(1)} %)`;
  return `${whole.format(hits)} of ${many(among, noun)}${share}`;
}
