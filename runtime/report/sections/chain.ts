import { canonicalBlocksTable } from "../../datasets/tables.ts";
import { count, percent, slotsAndTime } from "../format.ts";
import { bucketSql } from "../../warehouse/sql/scope.ts";
import type { Results, Section, Showing, View } from "../section.ts";
import { stackedBars } from "../stacks.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { payloadFatesSql } from "../../warehouse/sql/fates.ts";

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
    fates: `WITH ${payloadFatesSql(d, scope)}
SELECT relay, ${bucketSql(d, coarse)} AS bucket, fate, count(*) AS payloads FROM fates GROUP BY relay, bucket, fate`,
    fates_of_blocks: `WITH ${payloadFatesSql(d, scope)}, blocks AS (
  SELECT DISTINCT slot, block_hash, fate FROM fates
)
SELECT ${bucketSql(d, coarse)} AS bucket, fate, count(*) AS blocks FROM blocks GROUP BY bucket, fate`,
    known_blocks: `SELECT count(*) AS slots FROM ${canonicalBlocksTable.name}
WHERE slot BETWEEN ${scope.range.first} AND ${scope.range.last}`,
  }),
  view: chainView,
};

function chainView(results: Results, { scope, coarse }: Showing): View {
  const blocks = (results["fates_of_blocks"] ?? []).map((row) => ({
    bucket: numberIn(row, "bucket"),
    name: textIn(row, "fate"),
    amount: numberIn(row, "blocks"),
  }));
  const total = sumOf(blocks, ({ amount }) => amount);
  const of = (fate: string) =>
    sumOf(
      blocks.filter(({ name }) => name === fate),
      ({ amount }) => amount,
    );
  const known = results["known_blocks"]?.[0] ? numberIn(results["known_blocks"][0], "slots") : 0;
  const unknown = of("unknown");
  const keys = FATES.map(({ key }) => key);
  const labelOf = (key: string) => FATES.find((fate) => fate.key === key)?.label ?? key;
  const parts = blocks.map((part) => ({ ...part, name: labelOf(part.name) }));
  const relays = [...groupBy(results["fates"] ?? [], (row) => textIn(row, "relay"))]
    .map(([relay, rows]) => ({
      relay,
      ...Object.fromEntries(
        keys.map((key) => [
          key,
          sumOf(
            rows.filter((row) => textIn(row, "fate") === key),
            (row) => numberIn(row, "payloads"),
          ),
        ]),
      ),
    }))
    .map((row) => row as { relay: string } & Record<(typeof keys)[number], number>)
    .toSorted((a, b) => (a.relay < b.relay ? -1 : 1));
  const note =
    unknown === 0
      ? ""
      : ` Of ${count(unknown)} of ${count(total)} blocks it isn't known yet: table canonical_blocks has ${count(known)} slots of this range.`;
  return {
    numbers: {
      blocks: total,
      known_slots: known,
      ...Object.fromEntries(keys.map((key) => [key, of(key)])),
      relays,
    },
    figures: [
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
                  parts,
                  names: FATES.map(({ label }) => label),
                  colour: (name) => FATES.find(({ label }) => label === name)?.colour ?? "var(--rest)",
                  shares: false,
                  label: "blocks",
                  say: (amount) => `${count(amount)} blocks`,
                }),
      },
    ],
    tables: [
      {
        title: "Payloads by relay and what became of them",
        columns: [
          { label: "relay", numeric: false },
          ...["canonical", "another block", "missed", "not canonical", "unknown", "not on chain"].map(
            (label) => ({
              label,
              numeric: true,
            }),
          ),
        ],
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
    ],
  };
}
