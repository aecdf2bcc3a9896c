import { type SlotRange, intersect, slotCount, type Order } from "../chain/slots.ts";
import { type DatasetName, datasets, forEachDataset } from "../datasets/dataset.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { bidsRequests, payloadRequests } from "./expectedRequests.ts";
import { expectedEmpties, expectedRows } from "./expectedRows.ts";
import { type PlannedRelay, planShards, plannedRelay } from "./plan.ts";
import { prices } from "../prices.ts";
import { bytesOf, NODE_CPUS, NODE_DISK_GB, ROWS_A_CORE_SECOND, WORKER_CORES, fleetHourUsd } from "./work.ts";
import { SEGMENT_SLOTS } from "./shard.ts";

export interface EstimateInput {
  readonly network: { readonly name: string; readonly floor: number };
  readonly range: SlotRange;
  /** The newest settled slot: what relays keep is counted from there. */
  readonly head: number;
  readonly relays: readonly Relay[];
  readonly datasets: readonly DatasetName[];
  readonly shards: number;
  readonly order: Order;
  readonly workers: number;
  /** Requests a second to one relay from one address, at most; the directory's figures without it. */
  readonly ceiling?: number | undefined;
  /** Oldest slots that relays were found to keep, where the lake knows. */
  readonly horizons: ReadonlyMap<string, number>;
  /** Slots that will be asked for, by relay, where the lake was looked at; all that a relay keeps without it. */
  readonly wanted?: ReadonlyMap<string, Readonly<Partial<Record<DatasetName, number>>>>;
  /** Cores of a worker; those of a pod without it. */
  readonly cores?: number;
  /** As if every slot had bids, so that none is asked twice: the least that it takes. */
  readonly everySlotHasBids?: boolean;
}

/** What one relay will have to be asked for. */
export interface RelayEstimate {
  readonly relay: string;
  /** Slots of the range that it is expected to answer for. */
  readonly slots: number;
  /** Slots of the range that it worked in, but no longer keeps. */
  readonly gone: number;
  /** Second asks of slots without bids included. */
  readonly requests: number;
  readonly rows: number;
  readonly raw_bytes: number;
  readonly lake_bytes: number;
  /** Requests a second from one address. */
  readonly per_second: number;
}

/** How long so many workers take, each with an address of its own. */
export interface HoursEstimate {
  readonly workers: number;
  readonly hours: number;
  /** The relay that takes longest, `processor`, or `longest shard`. */
  readonly bound_by: string;
}

/** What a back-load will take, without asking anybody. */
export interface Estimate {
  readonly slots: number;
  readonly shards: { readonly count: number; readonly longest_slots: number; readonly most_rows: number };
  readonly relays: readonly RelayEstimate[];
  readonly total: Omit<RelayEstimate, "relay" | "per_second"> & {
    readonly objects: number;
    readonly list_calls: number;
  };
  readonly hours: readonly HoursEstimate[];
  /** US dollars; what `workers` workers cost together. */
  readonly cost: {
    readonly storage_month: number;
    readonly warehouse_month: number;
    readonly operations: number;
    readonly load: number;
    readonly workers: number;
  };
  /** One line each: relays that no longer keep the range, or part of it. */
  readonly gone: readonly string[];
  /** One line each: what the cloud project must allow. */
  readonly quotas: readonly string[];
}

/** Estimates a back-load from the directory, published counts and list prices (`expectedRows.ts`, `work.ts`, `prices.json`). */
export function estimate(input: EstimateInput): Estimate {
  const { network, range, datasets: names, shards, order, workers } = input;
  const active = input.relays.filter(({ state }) => state === "active");
  const planned = active.map((relay) => plannedRelay(network, relay));
  const relays = active.map((relay, index) => estimateRelay(input, relay, planned[index], active.length));
  const plan = planShards({ network: network.name, range, relays: planned, datasets: names, shards, order });
  const longest = plan.reduce((most, { range: of }) => Math.max(most, of ? slotCount(of) : 0), 0);
  const sum = (key: "slots" | "gone" | "requests" | "rows" | "raw_bytes" | "lake_bytes") =>
    relays.reduce((total, relay) => total + relay[key], 0);
  const objects = relays.reduce((total, { slots }) => total + objectsOf(slots, names), 0);
  const total = {
    slots: sum("slots"),
    gone: sum("gone"),
    requests: sum("requests"),
    rows: sum("rows"),
    raw_bytes: sum("raw_bytes"),
    lake_bytes: sum("lake_bytes"),
    objects,
    // Each segment is listed once before it is filled and once when the shard is checked.
    list_calls:
      2 * names.length * relays.reduce((calls, { slots }) => calls + Math.ceil(slots / SEGMENT_SLOTS), 0),
  };
  const cores = input.cores ?? WORKER_CORES;
  const shared = { relays, cores, longestShard: shards === 1 ? 0 : longest };
  const hours = [1, workers, 10 * workers].map((count) => hoursOf(shared, count));
  return {
    slots: slotCount(range),
    shards: {
      count: shards,
      longest_slots: longest,
      most_rows: Math.round(plan.reduce((most, { rows }) => Math.max(most, rows), 0)),
    },
    relays,
    total,
    hours,
    cost: costOf(total, names, workers, hours[1]?.hours ?? 0),
    gone: goneOf(input, relays),
    quotas: quotasFor(workers),
  };
}

function estimateRelay(
  { network, range, head, datasets: names, ceiling, horizons, wanted, everySlotHasBids }: EstimateInput,
  relay: Relay,
  planned: PlannedRelay | undefined,
  relays: number,
): RelayEstimate {
  const worked = planned && intersect(range, planned.span);
  const kept = Math.max(
    planned?.keeps === undefined ? 0 : head - planned.keeps + 1,
    horizons.get(relay.name) ?? 0,
  );
  const asked = worked && intersect(worked, { first: kept, last: Infinity });
  const slots = asked ? slotCount(asked) : 0;
  const lacking = wanted?.get(relay.name);
  // What is there already isn't asked for; what is expected is taken to be spread evenly.
  const partOf = (name: DatasetName) =>
    lacking && slots > 0 ? Math.min(1, (lacking[name] ?? 0) / slots) : 1;
  const rowsOf = (name: DatasetName) =>
    asked && names.includes(name)
      ? Math.round(partOf(name) * expectedRows(network.name, relay.name, name, asked, relays))
      : 0;
  const rows = forEachDataset(({ name }) => rowsOf(name));
  const per_second = Math.min(ceiling ?? Infinity, relay.requestsPerSecond);
  const empties = asked && !everySlotHasBids ? expectedEmpties(network.name, relay.name, asked) : 0;
  const spans = partOf("payloads") === 0 ? 0 : Math.ceil(slots / SEGMENT_SLOTS);
  const requests = forEachDataset(({ name, asked: how, target: of }) => {
    if (how === "pages") return payloadRequests(rows[name], relay.payloadLimit, spans);
    if (!serves(relay, name)) return 0;
    if (of === "delivered")
      return asked ? partOf(name) * expectedRows(network.name, relay.name, "payloads", asked, relays) : 0;
    return partOf(name) * bidsRequests(slots, empties, per_second);
  });
  const total = names.reduce((sum, name) => sum + rows[name], 0);
  const bytes = (kind: "raw" | "lake") =>
    names.reduce((sum, name) => sum + rows[name] * bytesOf(kind, name), 0);
  return {
    relay: relay.name,
    slots,
    gone: (worked ? slotCount(worked) : 0) - slots,
    requests: names.reduce((sum, name) => sum + Math.round(requests[name]), 0),
    rows: total,
    raw_bytes: bytes("raw"),
    lake_bytes: bytes("lake"),
    per_second,
  };
}

function objectsOf(slots: number, names: readonly DatasetName[]): number {
  return names.reduce((sum, name) => sum + Math.ceil(slots / datasets[name].chunkSlots), 0);
}

/** Relays are asked side by side, so the slowest of them decides, or the processor, or the shard that nobody shares. */
function hoursOf(
  {
    relays,
    cores,
    longestShard,
  }: {
    readonly relays: readonly RelayEstimate[];
    readonly cores: number;
    readonly longestShard: number;
  },
  workers: number,
): HoursEstimate {
  const rows = relays.reduce((sum, estimate) => sum + estimate.rows, 0);
  const bounds = [
    { bound_by: "processor", hours: rows / (workers * cores * ROWS_A_CORE_SECOND) / 3600 },
    ...relays.map(({ relay, requests, per_second }) => ({
      bound_by: relay,
      hours: requests / (per_second * workers) / 3600,
    })),
    ...relays.map(({ slots, requests, per_second }) => ({
      bound_by: "longest shard",
      hours: (Math.min(slots, longestShard) * requests) / Math.max(1, slots) / per_second / 3600,
    })),
  ];
  const worst = bounds.reduce((most, bound) => (bound.hours > most.hours ? bound : most));
  return { workers, ...worst };
}

function costOf(
  total: { rows: number; lake_bytes: number; objects: number; list_calls: number },
  names: readonly DatasetName[],
  workers: number,
  hours: number,
): Estimate["cost"] {
  const gib = total.lake_bytes / 2 ** 30;
  const logical = total.rows * bytesOf("logical", names.includes("bids") ? "bids" : "payloads");
  return {
    storage_month: gib * prices.bucketStorage.usd,
    // Columns of hex compress about as lines do.
    warehouse_month: gib * prices.tableActive.usd,
    operations:
      (total.objects + total.list_calls) * prices.bucketWrites.usd +
      2 * total.objects * prices.bucketReads.usd,
    load: (logical / 2 ** 40) * prices.queries.usd,
    workers: hours * fleetHourUsd(workers),
  };
}

function goneOf(
  { network, range, relays, head }: EstimateInput,
  estimates: readonly RelayEstimate[],
): string[] {
  const lines: string[] = [];
  for (const { relay, gone, slots } of estimates) {
    if (gone > 0) lines.push(`${relay} no longer keeps ${gone} of ${gone + slots} slots`);
    else if (slots === 0) lines.push(`${relay} did not work in this range`);
  }
  for (const relay of relays) {
    if (relay.state !== "ended") continue;
    const span = intersect(range, plannedRelay(network, relay).span);
    if (!span) continue;
    const until = relay.activeTo === null || relay.activeTo > head ? "" : `, until slot ${relay.activeTo}`;
    lines.push(`${relay.name} has ended${until}: nobody answers for it any more`);
  }
  return lines;
}

function quotasFor(nodes: number): string[] {
  return [
    `${nodes + 1} in-use external IPv4 addresses in the region (quota IN_USE_ADDRESSES)`,
    `${nodes * NODE_CPUS} spot CPUs in the region (quota PREEMPTIBLE_CPUS; where that is 0, CPUS counts)`,
    `${nodes + 1} VM instances in the region, ${NODE_CPUS} CPUS for the system pool, ${NODE_DISK_GB * (nodes + 1)} GB of disk`,
    `organisation policy constraints/compute.vmExternalIpAccess must allow external addresses`,
  ];
}
