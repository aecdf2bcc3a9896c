import { SECONDS_PER_SLOT } from "../chain/networks.ts";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** An integer with thousands marked. */
export function count(value: number): string {
  return whole.format(value);
}

/** A share, 0–1, in percent: one decimal where that says more, and never 100 or 0 for what isn't. */
export function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`;
  if (share > 0.9995) return ">99.9 %";
  if (share < 0.0005) return "<0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

/** ETH with three significant digits at least. */
export function eth(value: number): string {
  if (value === 0) return "0";
  if (value >= 1000) return count(value);
  if (value < 0.0001) return value.toExponential(1);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** How long something lasts, in its largest fitting unit. */
export function durationText(seconds: number): string {
  const units = [
    ["days", 86_400],
    ["h", 3600],
    ["min", 60],
  ] as const;
  for (const [name, length] of units) {
    if (seconds >= 2 * length) return `${Number((seconds / length).toFixed(1))} ${name}`;
  }
  return `${Math.round(seconds)} s`;
}

/** A run of slots by its length: `5 slots (1 min)`. */
export function slotsAndTime(slots: number): string {
  return `${count(slots)} ${slots === 1 ? "slot" : "slots"} (${durationText(slots * SECONDS_PER_SLOT)})`;
}

/** A moment in UTC: `2026-11-25 10:15 UTC`, or with its seconds. */
export function moment(unixMs: number, seconds = false): string {
  return `${new Date(unixMs)
    .toISOString()
    .slice(0, seconds ? 19 : 16)
    .replace("T", " ")} UTC`;
}

/** A count short enough for an axis: 1.2 M, 40 k. */
export function shortCount(value: number): string {
  if (value >= 1e9) return `${Number((value / 1e9).toPrecision(3))} G`;
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return value >= 1e3 ? count(value) : String(Number(value.toPrecision(3)));
}

/** How an axis of counts marks a value: only whole ones. */
export function countTick(value: number): string {
  return Number.isInteger(value) ? shortCount(value) : "";
}

/** How an axis of shares marks one, 0–1. */
export function shareTick(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
