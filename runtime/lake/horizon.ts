import { MAX_SLOT } from "../chain/networks.ts";
import { jsonObject } from "./jsonObject.ts";
import type { Horizon } from "./lake.ts";

/** `horizon.json` of a relay. */
export function encodeHorizon({ oldest_slot, asked_at, unserved }: Horizon): string {
  return `${JSON.stringify({ oldest_slot, asked_at, unserved })}\n`;
}

/** Reads `horizon.json` back; undefined when it isn't one. */
export function parseHorizon(text: string): Horizon | undefined {
  const { oldest_slot, asked_at, unserved } = jsonObject(text) ?? {};
  if (typeof oldest_slot !== "number" || typeof asked_at !== "string") return undefined;
  if (!Number.isInteger(oldest_slot) || oldest_slot < 0 || oldest_slot > MAX_SLOT) return undefined;
  const time = Date.parse(asked_at);
  return !Number.isNaN(time) && new Date(time).toISOString() === asked_at
    ? { oldest_slot, asked_at, ...(unserved === true ? { unserved } : {}) }
    : undefined;
}
