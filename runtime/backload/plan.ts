import { type SlotRange, intersect, type Order } from "../chain/slots.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import type { Relay } from "../relays/relay.ts";
import { MAX_SHARDS } from "../settings/shared.ts";
import { expectedBids, expectedRows, keepsSlots } from "./expectedRows.ts";

/** Shards are cut at multiples of this: chunks of both datasets end there. */
export const UNIT_SLOTS = datasets.payloads.chunkSlots;

/** What a plan knows of a relay. */
export interface PlannedRelay {
  readonly name: string;
  /** Slots that it worked in and is to be asked for, whatever the range. */
  readonly span: SlotRange;
  /** Slots before the newest of the range that it remembers; undefined: all. */
  readonly keeps: number | undefined;
}

export interface PlanInput {
  readonly network: string;
  readonly range: SlotRange;
  readonly relays: readonly PlannedRelay[];
  readonly datasets: readonly DatasetName[];
  readonly shards: number;
  readonly order: Order;
}

/** One worker's part of a back-load. */
export interface Shard {
  /** 0 is begun first: it lies at the end of the range that `order` names. */
  readonly index: number;
  /** Undefined where there are more shards than units of 320 slots to go round. */
  readonly range: SlotRange | undefined;
  /** What the relays are expected to show of it. A question without an answer counts as a row. */
  readonly rows: number;
}

/** A relay as a plan takes it: active relays alone are asked, each from `first` to `last` or the range's end. */
export function plannedRelay(
  network: { readonly name: string; readonly floor: number },
  relay: Pick<Relay, "name" | "activeFrom" | "activeTo" | "collectFrom">,
): PlannedRelay {
  const { name, activeFrom, activeTo, collectFrom } = relay;
  const first = Math.max(network.floor, activeFrom ?? 0, collectFrom ?? 0);
  return { name, span: { first, last: activeTo ?? Infinity }, keeps: keepsSlots(network.name, name) };
}

/**
 * The slots of a range that a relay is expected to answer for; undefined: none. The range's own end stands for the head:
 * a plan must not change from one day to the next, while its workers come and go.
 */
export function answerable(relay: PlannedRelay, range: SlotRange): SlotRange | undefined {
  const kept = relay.keeps === undefined ? 0 : range.last - relay.keeps + 1;
  return intersect(range, { first: Math.max(relay.span.first, kept), last: relay.span.last });
}

/**
 * Cuts a range into shards: they follow each other without hole or overlap, end at multiples of 320 slots (the range's own
 * ends excepted), and are even in expected rows: each differs from the mean by at most the rows of the heaviest 320 slots.
 * A pure function of its input, so that every worker finds the same shards by itself. Throws UserError (exit 2) for a
 * number of shards that no plan has.
 */
export function planShards(input: PlanInput): Shard[] {
  const { range, shards, order } = input;
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS)
    throw new UserError(`${shards} shards: give a number from 1 to ${MAX_SHARDS}`, { exitCode: 2 });
  const { starts, before, total } = loads(input);
  const ends: number[] = [];
  let unit = 0;
  for (let shard = 1; shard < shards; shard++) {
    const wanted = (total * shard) / shards;
    // To the border that is nearer, so that no shard is off by more than one unit.
    while (unit < starts.length && (before[unit + 1] ?? total) <= wanted) unit++;
    const nearer = wanted - (before[unit] ?? total) > (before[unit + 1] ?? total) - wanted ? unit + 1 : unit;
    // Nobody goes without as long as there is a unit for each.
    const least = Math.min((ends.at(-1) ?? 0) + 1, starts.length);
    const most = Math.max(least, starts.length - (shards - shard));
    ends.push(Math.min(Math.max(nearer, least), most));
  }
  ends.push(starts.length);
  const oldestFirst = ends.map((end, index) => {
    const begin = index === 0 ? 0 : (ends[index - 1] ?? 0);
    const rows = (before[end] ?? total) - (before[begin] ?? total);
    if (begin === end) return { range: undefined, rows };
    return {
      range: { first: starts[begin] ?? range.first, last: (starts[end] ?? range.last + 1) - 1 },
      rows,
    };
  });
  const ordered = order === "oldest" ? oldestFirst : oldestFirst.toReversed();
  return ordered.map((shard, index) => ({ index, ...shard }));
}

/** The units of a range: where each begins, and the rows of all before it (one entry more than units). */
function loads({ network, range, relays, datasets: names }: PlanInput) {
  const starts: number[] = [];
  for (let slot = range.first; slot <= range.last; slot = (Math.floor(slot / UNIT_SLOTS) + 1) * UNIT_SLOTS)
    starts.push(slot);
  const rows = new Float64Array(starts.length);
  for (const relay of relays) {
    const asked = answerable(relay, range);
    if (!asked) continue;
    const bids = names.includes("bids") ? expectedBids(network, relay.name) : () => 0;
    const slot = { first: 0, last: 0 };
    const payloads = names.includes("payloads")
      ? expectedRows(network, relay.name, "payloads", slot, relays.length)
      : 0;
    starts.forEach((start, unit) => {
      const first = Math.max(asked.first, start);
      const last = Math.min(asked.last, (starts[unit + 1] ?? range.last + 1) - 1);
      if (first > last) return;
      rows[unit] = (rows[unit] ?? 0) + Math.max(1, bids((first + last) / 2) + payloads) * (last - first + 1);
    });
  }
  const before = new Float64Array(starts.length + 1);
  rows.forEach((count, unit) => {
    before[unit + 1] = (before[unit] ?? 0) + count;
  });
  return { starts, before, total: before[starts.length] ?? 0 };
}
