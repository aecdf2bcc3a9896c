import { scopeSlots } from "../../warehouse/sql/scope.ts";
import { type SlotRange, slotCount } from "../../chain/slots.ts";
import { type ResultRow, groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import type { Results } from "../asking.ts";
import type { Showing } from "../section.ts";
import { type Part, REST, largest, partsOf } from "../stackedBars.ts";
import { relayPayloads } from "./payloads.ts";

/** Bids are compared between relays in the newest so many slots: that is enough to tell by, and cheap in a long range. */
const COMPARED_SLOTS = 100;
/** Builders that the matrix shows. */
const BUILDERS = 12;
/** With fewer slots a bucket's concentration would be that of chance. */
const CONCENTRATION_SLOTS = 100;

export function comparedSlots({ first, last }: SlotRange): SlotRange {
  return { first: Math.max(first, last - COMPARED_SLOTS + 1), last };
}

/** So many blocks of each set of relays that showed the same ones. */
interface Shared {
  readonly name: string;
  readonly relays: readonly string[];
  readonly blocks: number;
}

const sharedOf = (rows: readonly ResultRow[] | undefined, name: (row: ResultRow) => string): Shared[] =>
  (rows ?? []).map((row) => ({
    name: name(row),
    relays: textIn(row, "relays").split(","),
    blocks: numberIn(row, "blocks"),
  }));

export function marketFound(results: Results, showing: Showing) {
  const blocks = sharedOf(results["shared_blocks"], (row) =>
    showing.names.nameOf(textIn(row, "builder_pubkey")),
  );
  const bids = sharedOf(results["shared_bids"], () => "");
  const byBuilder = blocks.map(({ name, blocks: amount }) => ({ bucket: 0, name, amount }));
  const builders = largest(byBuilder, BUILDERS).names.filter((name) => name !== REST);
  const relays = relayPayloads(results).map(({ relay }) => relay);
  const bidders = [...new Set(bids.flatMap((one) => one.relays))].toSorted();
  const builderParts = partsOf(results["payloads_by_builder"], "builder_pubkey", "payloads").map((part) => ({
    ...part,
    name: showing.names.nameOf(part.name),
  }));
  const numbers = {
    blocks: sumOf(blocks, (one) => one.blocks),
    builder_relay: builders.flatMap((builder) =>
      relays.map((relay) => pairOf(blocks, (one) => one.name === builder, builder, relay)),
    ),
    relay_relay: pairsOf(blocks, relays),
    compared_slots: slotCount(comparedSlots(showing.scope.range)),
    compared_bids: sumOf(bids, (one) => one.blocks),
    bids_relay_relay: pairsOf(bids, [
      ...relays.filter((relay) => bidders.includes(relay)),
      ...bidders.filter((relay) => !relays.includes(relay)),
    ]),
    concentration: {
      builders: concentrationOf(builderParts, showing),
      relays: concentrationOf(partsOf(results["payloads_by_relay"], "relay", "share_of_blocks"), showing),
    },
  };
  return { numbers };
}

export type Market = ReturnType<typeof marketFound>;
export type Pair = ReturnType<typeof pairOf>;

/** Of the blocks of which something holds, how many a relay showed. */
function pairOf(all: readonly Shared[], holds: (one: Shared) => boolean, of: string, relay: string) {
  const own = all.filter(holds);
  const blocks = sumOf(own, (one) => one.blocks);
  const shown = sumOf(
    own.filter(({ relays }) => relays.includes(relay)),
    (one) => one.blocks,
  );
  return { of, relay, blocks, shown };
}

function pairsOf(all: readonly Shared[], relays: readonly string[]): Pair[] {
  return relays.flatMap((one) =>
    relays
      .filter((other) => other !== one)
      .map((other) => pairOf(all, ({ relays: own }) => own.includes(one), one, other)),
  );
}

/** The sum of squared shares (Herfindahl–Hirschman), 0 to 10,000, of all and of runs of buckets with slots enough. */
function concentrationOf(parts: readonly Part[], { scope, coarse }: Showing) {
  const indexOf = (some: readonly Part[]) => {
    const total = sumOf(some, ({ amount }) => amount);
    const sums = [...groupBy(some, ({ name }) => name).values()].map((own) =>
      sumOf(own, (one) => one.amount),
    );
    return { blocks: Math.round(total), hhi: 10_000 * sumOf(sums, (sum) => (sum / total) ** 2) };
  };
  const together = Math.ceil(CONCENTRATION_SLOTS / coarse.step);
  const runs = groupBy(parts, ({ bucket }) => Math.floor((bucket - coarse.first) / together));
  const over_time = [...runs]
    .toSorted(([a], [b]) => a - b)
    .map(([run, own]) => {
      const first = coarse.first + run * together;
      const last = Math.min(coarse.last, first + together - 1);
      return {
        first_slot: scopeSlots(coarse, first, scope.range).first,
        last_slot: scopeSlots(coarse, last, scope.range).last,
        ...indexOf(own),
      };
    })
    .filter(({ first_slot, last_slot }) => last_slot - first_slot + 1 >= CONCENTRATION_SLOTS / 2);
  return { ...(parts.length === 0 ? { blocks: 0, hhi: null } : indexOf(parts)), over_time };
}
