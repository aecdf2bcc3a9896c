import type { Network } from "../chain/networks.ts";
import { type Order, type SlotRange, intersect, slotCount } from "../chain/slots.ts";
import { target } from "../collect/plan.ts";
import type { SlotScope } from "../collect/scope.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { type Lake, isBad, trusted } from "../lake/lake.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { commandLine } from "./commandLine.ts";
import type { CommonOptions } from "./options.ts";
import { rangeText } from "./range.ts";

/** Slots between what the lake stores and what was asked now, which nobody asked these relays for. */
export interface Unasked {
  readonly range: SlotRange;
  readonly relays: readonly string[];
  readonly datasets: readonly DatasetName[];
  /** True where it isn't all relays and datasets that were asked. */
  readonly isPart: boolean;
}

/** Slots that are looked through first; then twice as many each time, so that what is read grows with the gap, not with the lake. */
const NEAREST_SLOTS = 320;
/** Runs of slots that people are told of. */
const SHOWN = 3;

/**
 * What lies unasked between a range and the nearest slots that the lake stores below and above it, the longest run first. Relays
 * that aren't asked any more, and those that the lake stores nothing else of, have none.
 */
export async function unaskedBeside(
  lake: Lake,
  scope: SlotScope,
  relays: readonly Relay[],
  datasets: readonly DatasetName[],
): Promise<Unasked[]> {
  const asked = relays
    .filter(({ state }) => state === "active")
    .flatMap((relay) =>
      datasets.filter((dataset) => serves(relay, dataset)).map((dataset) => ({ relay, dataset })),
    );
  const gaps = await Promise.all(
    asked.map(async ({ relay, dataset }) =>
      (await gapsOf(lake, scope, relay, dataset)).map((range) => ({ range, relay: relay.name, dataset })),
    ),
  );
  const found = new Map<string, { range: SlotRange; relays: Set<string>; datasets: Set<DatasetName> }>();
  for (const { range, relay, dataset } of gaps.flat()) {
    const key = `${range.first}-${range.last}`;
    const same = found.get(key) ?? { range, relays: new Set(), datasets: new Set() };
    found.set(key, same);
    same.relays.add(relay);
    same.datasets.add(dataset);
  }
  return [...found.values()]
    .map((gap) => ({
      range: gap.range,
      relays: [...gap.relays],
      datasets: [...gap.datasets],
      isPart: gap.relays.size * gap.datasets.size < asked.length,
    }))
    .toSorted((a, b) => slotCount(b.range) - slotCount(a.range));
}

/** The slots below and above the range that nobody asked a relay for, up to the nearest ones that the lake stores. */
async function gapsOf(
  lake: Lake,
  { network, range, nowMs }: SlotScope,
  relay: Relay,
  dataset: DatasetName,
): Promise<SlotRange[]> {
  const wanted = target(network, relay, nowMs);
  if (!wanted) return [];
  const below = wanted.first < range.first ? { first: wanted.first, last: range.first - 1 } : undefined;
  const above = wanted.last > range.last ? { first: range.last + 1, last: wanted.last } : undefined;
  const [newest, oldest] = await Promise.all([
    below && nearestStored(lake, dataset, relay.name, below, "newest"),
    above && nearestStored(lake, dataset, relay.name, above, "oldest"),
  ]);
  // What the relay has forgotten can't be asked for; a horizon that can't be read has been told of.
  const horizon = await trusted(() => lake.readHorizon(dataset, relay.name), undefined);
  const first = horizon?.oldest_slot ?? 0;
  return [
    newest !== undefined &&
      intersect({ first: newest + 1, last: range.first - 1 }, { first, last: Infinity }),
    oldest !== undefined && intersect({ first: range.last + 1, last: oldest - 1 }, { first, last: Infinity }),
  ].filter((gap) => typeof gap === "object");
}

/** The slot nearest to a range's one end that the relay answered, with proof or not; undefined where the lake stores none. */
async function nearestStored(
  lake: Lake,
  dataset: DatasetName,
  relay: string,
  range: SlotRange,
  end: Order,
): Promise<number | undefined> {
  const nearer = end === "newest" ? Math.max : Math.min;
  for (const window of outward(range, end)) {
    let nearest: number | undefined;
    for await (const entry of lake.list(dataset, relay, window)) {
      if (isBad(entry)) continue;
      for (const slot of [...entry.meta.covered.slots(), ...(entry.meta.unproven?.slots() ?? [])])
        if (slot >= window.first && slot <= window.last) nearest = nearer(nearest ?? slot, slot);
    }
    if (nearest !== undefined) return nearest;
  }
  return undefined;
}

/** A range in windows that begin at one of its ends, each twice as long as the one before. */
function* outward({ first, last }: SlotRange, end: Order): Generator<SlotRange> {
  let done = 0;
  for (let size = NEAREST_SLOTS; first + done <= last; size *= 2) {
    const left = Math.min(size, last - first + 1 - done);
    if (end === "newest") yield { first: last - done - left + 1, last: last - done };
    else yield { first: first + done, last: first + done + left - 1 };
    done += left;
  }
}

/** What lies unasked, for people: which slots, of whom where it isn't all, and the command that asks for them. */
export function unaskedLines(
  network: Network,
  unasked: readonly Unasked[],
  options: CommonOptions,
): string[] {
  const more = unasked.length - SHOWN;
  const lines = unasked.slice(0, SHOWN).flatMap((gap) => {
    const whose = gap.isPart ? ` of ${gap.relays.join(", ")} (${gap.datasets.join(", ")})` : "";
    return [
      `unasked: ${slotCount(gap.range)} slots${whose} between what the lake holds and what was asked now,`,
      `  ${rangeText(network, gap.range)}; to ask for them:`,
      `  ${unaskedCommand(gap, options)}`,
    ];
  });
  return more > 0 ? [...lines, `unasked: ${more} shorter runs of slots more; coverage lists them`] : lines;
}

/** The same for machines. */
export function unaskedJson(unasked: readonly Unasked[], options: CommonOptions): object[] {
  return unasked.map((gap) => ({
    relays: gap.relays,
    datasets: gap.datasets,
    first_slot: gap.range.first,
    last_slot: gap.range.last,
    command: unaskedCommand(gap, options),
  }));
}

/** The command that asks for it, where and as `run` was told to. */
function unaskedCommand({ range, relays, datasets, isPart }: Unasked, options: CommonOptions): string {
  const given = options.relay.filter((spec) => relays.includes(spec.split("=")[0] ?? ""));
  const part = {
    relay: given.length > 0 ? given : relays,
    ...(datasets.length === 1 && { dataset: datasets }),
  };
  const told = { ...options, ...(isPart ? part : {}) };
  return commandLine("run", told, ["--slots", `${range.first}-${range.last}`]);
}
