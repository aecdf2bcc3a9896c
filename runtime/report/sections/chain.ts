import { canonicalBlocksTable } from "../../datasets/tables.ts";
import { count, percent, slotsAndTime } from "../format.ts";
import { bucketSql } from "../../warehouse/sql/scope.ts";
import type { Results } from "../asking.ts";
import type { Figure, Section, Showing, PageTable } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { type Part, partsOf, stackedBars } from "../stackedBars.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { payloadOutcomeSql } from "../../warehouse/sql/payloadOutcome.ts";

const FATES = [
  { key: "canonical", label: "on the canonical chain", colour: "var(--c2)" },
  { key: "other", label: "another block is in its slot", colour: "var(--c1)" },
  { key: "missed", label: "its slot was missed", colour: "var(--c4)" },
  { key: "gone", label: "not canonical, the slot's block unknown", colour: "var(--c3)" },
  { key: "unknown", label: "not known yet", colour: "var(--unavailable)" },
] as const;

export const chainSection: Section = {
  id: "chain",
  title: "Reorged and missed",
  statements: (d, { scope, coarse }) => ({
    fates: `WITH ${payloadOutcomeSql(d, scope)}
SELECT relay, ${bucketSql(d, coarse)} AS bucket, fate, count(*) AS payloads FROM fates GROUP BY relay, bucket, fate`,
    fates_of_blocks: `WITH ${payloadOutcomeSql(d, scope)}, blocks AS (
  SELECT DISTINCT slot, block_hash, fate FROM fates
)
SELECT ${bucketSql(d, coarse)} AS bucket, fate, count(*) AS blocks FROM blocks GROUP BY bucket, fate`,
    known_blocks: `SELECT count(*) AS slots FROM ${canonicalBlocksTable.name}
WHERE slot BETWEEN ${scope.range.first} AND ${scope.range.last}`,
  }),
  view: viewOf(fatesOf, chainFigures, chainTables),
};

type FateCounts = Readonly<Record<(typeof FATES)[number]["key"], number>>;

/** How many of some parts, named by fates, have which fate. */
function countsByFate(parts: readonly Part[]): FateCounts {
  const counts = FATES.map(({ key }) => [
    key,
    sumOf(
      parts.filter(({ name }) => name === key),
      ({ amount }) => amount,
    ),
  ]);
  return Object.fromEntries(counts) as FateCounts;
}

function fatesOf(results: Results) {
  const blocks = partsOf(results["fates_of_blocks"], "fate", "blocks");
  const known = results["known_blocks"]?.[0];
  const byRelay = groupBy(results["fates"] ?? [], (row) => textIn(row, "relay"));
  const relays = Array.from(byRelay, ([relay, rows]) => ({
    relay,
    ...countsByFate(partsOf(rows, "fate", "payloads")),
  }));
  const numbers = {
    blocks: sumOf(blocks, ({ amount }) => amount),
    known_slots: known ? numberIn(known, "slots") : 0,
    ...countsByFate(blocks),
    relays: relays.toSorted((a, b) => (a.relay < b.relay ? -1 : 1)),
  };
  return { numbers, blocks };
}

type Fates = ReturnType<typeof fatesOf>;

function chainFigures({ numbers, blocks }: Fates, { scope, coarse }: Showing): Figure[] {
  const { blocks: total, unknown, known_slots: known } = numbers;
  const labelOf = (key: string) => FATES.find((fate) => fate.key === key)?.label ?? key;
  const note =
    unknown === 0
      ? ""
      : ` Of ${count(unknown)} of ${count(total)} blocks it isn't known yet: table canonical_blocks has ${count(known)} slots of this range.`;
  return [
    {
      id: "chain-fates",
      title: "What became of delivered blocks",
      units: `delivered blocks, a bar ${slotsAndTime(coarse.step)}`,
      read: `Compared with the canonical chain by hash. A relay records a payload before it is published, so a delivered block may never have been.${note}`,
      from: ["fates_of_blocks", "known_blocks"],
      legend: FATES.map(({ label, colour }) => ({ label, colour })),
      plot:
        total === 0
          ? "No payloads are loaded in this range."
          : (plotting, width) =>
              stackedBars(plotting, width, {
                scope,
                buckets: coarse,
                parts: blocks.map((part) => ({ ...part, name: labelOf(part.name) })),
                names: FATES.map(({ label }) => label),
                colour: (name) => FATES.find(({ label }) => label === name)?.colour ?? "var(--rest)",
                shares: false,
                label: "blocks",
                say: (amount) => `${count(amount)} blocks`,
              }),
    },
  ];
}

function chainTables({ numbers: { relays } }: Fates): PageTable[] {
  return [
    {
      title: "Payloads by relay and what became of them",
      columns: columnsOf(
        ["relay"],
        ["canonical", "another block", "missed", "not canonical", "unknown", "not on chain"],
      ),
      rows: relays.map((row) => {
        const lost = row.other + row.missed + row.gone;
        const settled = lost + row.canonical;
        return [
          row.relay,
          ...[row.canonical, row.other, row.missed, row.gone, row.unknown].map(count),
          settled === 0 ? { shown: "unknown", value: -1 } : percent(lost / settled),
        ];
      }),
      from: ["fates"],
    },
  ];
}
