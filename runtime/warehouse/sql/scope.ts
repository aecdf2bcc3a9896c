import { type Network, SECONDS_PER_SLOT } from "../../chain/networks.ts";
import { type SlotRange, slotCount, slotStartMs } from "../../chain/slots.ts";
import type { SqlDialect } from "./dialect.ts";

/** What a report or a check is about: slots of a network, and of some relays where they are named. */
export interface Scope {
  readonly network: Network;
  readonly range: SlotRange;
  /** When the report or check is made, Unix ms. */
  readonly nowMs: number;
  /** Only these relays; all without it. */
  readonly relays?: readonly string[] | undefined;
}

/** Time cut into equal buckets of slots. Bucket `n` holds the slots from `origin + n·step` on. */
export interface Buckets {
  readonly step: number;
  readonly origin: number;
  readonly first: number;
  readonly last: number;
}

/** Lengths that buckets may have, slots: some slots, then minutes, hours, days, and weeks. */
const STEPS = [
  1, 2, 5, 10, 25, 50, 100, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 50_400, 100_800, 201_600, 604_800,
];
const SLOTS_PER_DAY = 86_400 / SECONDS_PER_SLOT;

/** Buckets of a length that cuts the range into at most so many; hours and days begin where UTC's do. */
export function bucketsOf({ network, range }: Scope, most: number): Buckets {
  const slots = slotCount(range);
  const step = STEPS.find((length) => slots / length <= most) ?? Math.ceil(slots / most);
  const origin = step < 25 ? range.first : firstSlotOfDay(network, range.first);
  const bucket = (slot: number) => Math.floor((slot - origin) / step);
  return { step, origin, first: bucket(range.first), last: bucket(range.last) };
}

/** The slots of a bucket that lie in the range. */
export function scopeSlots(buckets: Buckets, bucket: number, range: SlotRange): SlotRange {
  const first = buckets.origin + bucket * buckets.step;
  return { first: Math.max(range.first, first), last: Math.min(range.last, first + buckets.step - 1) };
}

/** A bucket's number in SQL. */
export function bucketSql(d: SqlDialect, buckets: Buckets, slot = "slot"): string {
  return d.floorDiv(`${slot} - ${buckets.origin}`, buckets.step);
}

/**
 * The condition for rows of `bids` and `payloads` that are in scope. The literal bounds on block_timestamp are what lets
 * BigQuery pass over partitions; it refuses statements over `bids` without them.
 */
export function inScope(d: SqlDialect, scope: Scope, table?: string): string {
  const { network, range } = scope;
  const of = table === undefined ? "" : `${table}.`;
  const from = d.time(slotStartMs(network, range.first));
  const to = d.time(slotStartMs(network, range.last));
  return (
    `${of}block_timestamp BETWEEN ${from} AND ${to}` +
    ` AND ${of}slot BETWEEN ${range.first} AND ${range.last}${relayIn(d, scope, `${of}relay`)}`
  );
}

/** The condition for rows in scope of tables that BigQuery partitions by slot. */
export function slotsInScope(d: SqlDialect, scope: Scope): string {
  return `slot BETWEEN ${scope.range.first} AND ${scope.range.last}${relayIn(d, scope)}`;
}

/** ` AND relay IN (…)` where relays are named, else nothing. */
export function relayIn(d: SqlDialect, { relays }: Scope, column = "relay"): string {
  if (relays === undefined) return "";
  return relays.length === 0 ? " AND false" : ` AND ${column} IN (${relays.map(d.text).join(", ")})`;
}

/** The first slot that begins at or after the start of a slot's UTC day. */
function firstSlotOfDay(network: Network, slot: number): number {
  const start = network.genesis + SECONDS_PER_SLOT * slot;
  const day = Math.floor(start / 86_400) * 86_400;
  const first = Math.ceil((day - network.genesis) / SECONDS_PER_SLOT);
  return slot < first ? first - SLOTS_PER_DAY : first;
}

/** The first and the last covered slot of a ledger's row that has any. */
export const firstCoveredSql = "first_slot + length(covered) - length(ltrim(covered, '0'))";
export const lastCoveredSql = "first_slot + length(rtrim(covered, '0')) - 1";

/** The run of slots of which anything is loaded, `first_slot` and `last_slot`, both NULL where nothing is. */
export const loadedRangeSql = `SELECT min(${firstCoveredSql}) AS first_slot, max(${lastCoveredSql}) AS last_slot
FROM loads WHERE covered LIKE '%1%'`;
