import { count, percent, slotsAndTime } from "../format.ts";
import { countWhere } from "../../warehouse/sql/dialect.ts";
import { bucketSql, inScope } from "../../warehouse/sql/scope.ts";
import type { Results } from "../asking.ts";
import type { Figure, Section, Showing, PageTable, Tile } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { REST, type Part, largest, partsOf, stackedBars } from "../stackedBars.ts";
import { missingSomewhere } from "./missingSlots.ts";
import { slotCount } from "../../chain/slots.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";

export interface RelayPayloads {
  readonly relay: string;
  /** Blocks that the relay says it delivered. */
  readonly payloads: number;
  /** The same, each block divided by the number of relays that say so. */
  readonly share_of_blocks: number;
  /** Blocks that it alone delivered. */
  readonly alone: number;
}

/** Builders that have a colour. */
const IN_COLOUR = 8;

export const payloadsSection: Section = {
  id: "payloads",
  title: "Delivered payloads",
  statements: (d, { scope, coarse }) => ({
    payloads_by_relay: `WITH blocks AS (
  SELECT DISTINCT slot, block_hash, relay FROM payloads WHERE ${inScope(d, scope)}
), spread AS (
  SELECT slot, block_hash, count(*) AS relays FROM blocks GROUP BY slot, block_hash
)
SELECT relay, ${bucketSql(d, coarse, "blocks.slot")} AS bucket, count(*) AS payloads,
  sum(1 / relays) AS share_of_blocks, ${countWhere("relays = 1")} AS alone
FROM blocks JOIN spread ON spread.slot = blocks.slot AND spread.block_hash = blocks.block_hash
GROUP BY relay, bucket`,
    payloads_by_builder: `WITH blocks AS (
  SELECT slot, block_hash, min(builder_pubkey) AS builder_pubkey FROM payloads
  WHERE ${inScope(d, scope)} GROUP BY slot, block_hash
)
SELECT builder_pubkey, ${bucketSql(d, coarse)} AS bucket, count(*) AS payloads
FROM blocks GROUP BY builder_pubkey, bucket`,
    delivered_slots: `SELECT count(DISTINCT slot) AS slots FROM payloads WHERE ${inScope(d, scope)}`,
  }),
  view: viewOf(payloadsOf, payloadFigures, payloadTables, payloadTiles),
};

function payloadsOf(results: Results, showing: Showing) {
  const { names } = showing;
  const relays = relayPayloads(results);
  const byRelay = partsOf(results["payloads_by_relay"], "relay", "share_of_blocks");
  const byBuilder = builderParts(results, names);
  const builders = groupBy(byBuilder, ({ name }) => name);
  const blocks = sumOf(relays, ({ share_of_blocks }) => share_of_blocks);
  const numbers = {
    slots: sumOf(results["delivered_slots"] ?? [], (row) => numberIn(row, "slots")),
    slots_missing_somewhere: missingSomewhere(results, showing),
    blocks: Math.round(blocks),
    payloads: sumOf(relays, ({ payloads }) => payloads),
    relays,
    builders: Array.from(builders, ([builder, own]) => ({
      builder,
      payloads: sumOf(own, ({ amount }) => amount),
    })),
  };
  return { numbers, blocks, byRelay, byBuilder };
}

type Payloads = ReturnType<typeof payloadsOf>;

function payloadFigures(
  { numbers, byRelay, byBuilder }: Payloads,
  { scope, coarse, relayColour, builderColour }: Showing,
): Figure[] {
  const relayNames = numbers.relays.map(({ relay }) => relay);
  const builders = largest(byBuilder, IN_COLOUR + 1);
  const units = `share of delivered blocks, a bar ${slotsAndTime(coarse.step)}`;
  const none = "No payloads were delivered in this range, or none are loaded.";
  const bars = { scope, buckets: coarse, shares: true, label: "share of blocks" };
  return [
    {
      id: "payloads-relays",
      title: "Who delivered: relays",
      units,
      read:
        "Each block counts once: one that several relays delivered is divided among them. What a relay took part in, alone or " +
        "with others, is in the table below.",
      from: ["payloads_by_relay"],
      legend: relayNames.map((label) => ({ label, colour: relayColour(label) })),
      plot:
        byRelay.length === 0
          ? none
          : (plotting, width) =>
              stackedBars(plotting, width, {
                ...bars,
                parts: byRelay,
                names: relayNames,
                colour: relayColour,
                say: (amount) => `${Number(amount.toFixed(2))} blocks`,
              }),
    },
    {
      id: "payloads-builders",
      title: "Who built: builders",
      units,
      read: "Each block counts once. The builders with most blocks have colours, each the same on every page; keys without a name show their ends.",
      from: ["payloads_by_builder"],
      legend: builders.names.map((label) => ({ label, colour: builderColour(label) })),
      plot:
        byBuilder.length === 0
          ? none
          : (plotting, width) =>
              stackedBars(plotting, width, {
                ...bars,
                ...builders,
                colour: builderColour,
                say: (amount) => `${amount} blocks`,
              }),
    },
  ];
}

function payloadTiles({ numbers }: Payloads, { scope }: Showing): Tile[] {
  const { slots, blocks, slots_missing_somewhere: missing } = numbers;
  const more = blocks > slots ? `; ${count(blocks)} blocks, since some slots have several` : "";
  return [
    {
      label: "Blocks",
      value: count(slots),
      n: `slots with a delivered payload, of ${count(slotCount(scope.range))}${more}`,
      gap: missing === 0 ? "" : `payloads of ${count(missing)} slots are missing at some relay`,
    },
  ];
}

function payloadTables({ numbers: { relays }, blocks }: Payloads): PageTable[] {
  return [
    {
      title:
        "Relays: the same block on several of them counts for each in the second column, once in the third",
      columns: columnsOf(["relay"], ["payloads", "share of blocks", "took part in", "alone"]),
      rows: relays.map(({ relay, payloads, share_of_blocks, alone }) => [
        relay,
        count(payloads),
        percent(share_of_blocks / blocks),
        percent(payloads / blocks),
        count(alone),
      ]),
    },
  ];
}

/** Delivered blocks by what their builder is shown as. */
function builderParts(results: Results, names: Showing["names"]): Part[] {
  return partsOf(results["payloads_by_builder"], "builder_pubkey", "payloads").map((part) => ({
    ...part,
    name: names.nameOf(part.name),
  }));
}

/** The builders that are shown in colour: those with most delivered blocks. */
export function buildersInColour(results: Results, names: Showing["names"]): string[] {
  return largest(builderParts(results, names), IN_COLOUR + 1).names.filter((name) => name !== REST);
}

/** The relays with payloads, those with most first. */
export function relayPayloads(results: Results): RelayPayloads[] {
  return [...groupBy(results["payloads_by_relay"] ?? [], (row) => textIn(row, "relay"))]
    .map(([relay, rows]) => ({
      relay,
      payloads: sumOf(rows, (row) => numberIn(row, "payloads")),
      share_of_blocks: sumOf(rows, (row) => numberIn(row, "share_of_blocks")),
      alone: sumOf(rows, (row) => numberIn(row, "alone")),
    }))
    .toSorted((a, b) => b.payloads - a.payloads || (a.relay < b.relay ? -1 : 1));
}
