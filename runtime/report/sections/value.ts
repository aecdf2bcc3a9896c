import { NARROW } from "../axes.ts";
import { BELIEF_NOTE, beliefCtes } from "../belief.ts";
import { count, eth, percent } from "../format.ts";
import { countWhere } from "../../warehouse/sql/dialect.ts";
import { inScope } from "../../warehouse/sql/scope.ts";
import type { Results, Section, View } from "../section.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";

/** The distribution has so many steps to a power of ten. */
const STEPS_PER_DECADE = 5;

/** How much more than the delivered value the best competing bid offered, %. The statement has the same borders. */
const LEFT_SIZES = ["0", "<1", "1–5", "5–20", "20–100", ">100"] as const;

/** What can explain that a better bid wasn't delivered, in the order in which the first that fits is taken. */
const EXPLANATIONS = [
  { key: "best", label: "the best bid was delivered", colour: "var(--c2)" },
  { key: "adjusted", label: "adjusted: the block was never bid where it was delivered", colour: "var(--c3)" },
  { key: "elsewhere", label: "the better bid was only on relays that didn't deliver", colour: "var(--c5)" },
  { key: "late", label: "the better bid came after the delivered one", colour: "var(--c1)" },
  {
    key: "earlier",
    label: "the better bid had come before: cancelled, or not yet checked",
    colour: "var(--c4)",
  },
  { key: "untimed", label: "one of the two isn't dated", colour: "var(--rest)" },
] as const;

export const valueSection: Section = {
  id: "value",
  title: "Value",
  statements: (d, { scope }) => ({
    delivered_values: `WITH ${beliefCtes(d, scope)}
SELECT builder_pubkey, believed, CAST(floor(log10(wei / 1e18) * ${STEPS_PER_DECADE}) AS INT64) AS step,
  count(*) AS blocks, sum(wei / 1e18) AS eth FROM stated GROUP BY builder_pubkey, believed, step`,
    value_left: `WITH ${beliefCtes(d, scope, true)}, compared AS (
  SELECT stated.slot AS slot, block_hash, stated.parent_hash AS parent_hash, stated.wei AS wei, best.wei AS best
  FROM stated JOIN best ON best.slot = stated.slot AND best.parent_hash = stated.parent_hash WHERE believed
), deliverers AS (
  SELECT DISTINCT slot, block_hash, relay FROM payloads WHERE ${inScope(d, scope)}
), offered AS (
  SELECT bids.slot AS slot, bids.block_hash AS block_hash, min(${d.column("timestamp")}) AS came
  FROM bids JOIN compared ON compared.slot = bids.slot AND compared.block_hash = bids.block_hash
  JOIN deliverers ON deliverers.slot = bids.slot AND deliverers.block_hash = bids.block_hash
    AND deliverers.relay = bids.relay
  WHERE ${inScope(d, scope, "bids")} GROUP BY bids.slot, bids.block_hash
), rivals AS (
  SELECT compared.slot AS slot, compared.block_hash AS block_hash, min(${d.column("timestamp")}) AS came,
    ${countWhere("deliverers.relay IS NOT NULL")} AS at_deliverers
  FROM bids JOIN compared ON compared.slot = bids.slot AND compared.parent_hash = bids.parent_hash
    AND compared.best = ${d.double("value")}
  LEFT JOIN deliverers ON deliverers.slot = compared.slot AND deliverers.block_hash = compared.block_hash
    AND deliverers.relay = bids.relay
  WHERE ${inScope(d, scope, "bids")} AND compared.best > compared.wei GROUP BY compared.slot, compared.block_hash
), explained AS (
  SELECT compared.wei AS wei, best - compared.wei AS more, CASE
    WHEN best <= compared.wei THEN 'best'
    WHEN offered.slot IS NULL THEN 'adjusted'
    WHEN rivals.at_deliverers = 0 THEN 'elsewhere'
    WHEN rivals.came IS NULL OR offered.came IS NULL THEN 'untimed'
    WHEN rivals.came > offered.came THEN 'late'
    ELSE 'earlier' END AS explanation
  FROM compared
  LEFT JOIN offered ON offered.slot = compared.slot AND offered.block_hash = compared.block_hash
  LEFT JOIN rivals ON rivals.slot = compared.slot AND rivals.block_hash = compared.block_hash
)
SELECT explanation, CASE WHEN more <= 0 THEN 0 WHEN more < 0.01 * wei THEN 1 WHEN more < 0.05 * wei THEN 2
    WHEN more < 0.2 * wei THEN 3 WHEN more < wei THEN 4 ELSE 5 END AS size,
  count(*) AS blocks, sum(greatest(more, 0) / 1e18) AS eth_left, sum(wei / 1e18) AS eth_delivered
FROM explained GROUP BY explanation, size`,
  }),
  view: valueView,
};

function valueView(results: Results): View {
  const values = results["delivered_values"] ?? [];
  const believed = [
    ...groupBy(
      values.filter((row) => row["believed"] === true),
      (row) => numberIn(row, "step"),
    ),
  ].map(([step, rows]) => ({
    step,
    blocks: sumOf(rows, (row) => numberIn(row, "blocks")),
    eth: sumOf(rows, (row) => numberIn(row, "eth")),
  }));
  const beyond = sumOf(
    values.filter((row) => row["believed"] !== true),
    (row) => numberIn(row, "blocks"),
  );
  const left = (results["value_left"] ?? []).map((row) => ({
    explanation: textIn(row, "explanation"),
    size: numberIn(row, "size"),
    blocks: numberIn(row, "blocks"),
    eth_left: numberIn(row, "eth_left"),
    eth_delivered: numberIn(row, "eth_delivered"),
  }));
  const compared = sumOf(left, ({ blocks }) => blocks);
  const delivered = sumOf(left, ({ eth_delivered }) => eth_delivered);
  const explained = EXPLANATIONS.map(({ key, label }) => {
    const own = left.filter(({ explanation }) => explanation === key);
    return {
      explanation: key,
      label,
      blocks: sumOf(own, ({ blocks }) => blocks),
      eth_left: sumOf(own, ({ eth_left }) => eth_left),
    };
  });
  return {
    numbers: {
      blocks: sumOf(believed, ({ blocks }) => blocks),
      eth: sumOf(believed, (one) => one.eth),
      blocks_beyond_belief: beyond,
      distribution: believed
        .toSorted((a, b) => a.step - b.step)
        .map(({ step, blocks, eth: sum }) => ({
          from_eth: 10 ** (step / STEPS_PER_DECADE),
          blocks,
          eth: sum,
        })),
      compared_blocks: compared,
      left: explained.map(({ explanation, blocks, eth_left }) => ({ explanation, blocks, eth_left })),
    },
    figures: [
      {
        id: "value-delivered",
        title: "What blocks paid",
        units: "delivered blocks by value, ETH, logarithmic",
        read:
          "Each block counts once, with the least value that a relay states for it; the height is how many blocks paid about so " +
          `much.${beyond > 0 ? ` ${count(beyond)} of more than could be paid are left out.` : ""}`,
        from: ["delivered_values"],
        legend: [],
        plot:
          believed.length === 0
            ? "No payloads with a value are loaded in this range."
            : (plotting, width) => ({
                height: width < NARROW ? 220 : 260,
                marginLeft: 48,
                marginBottom: 42,
                marginTop: 24,
                x: { type: "log" },
                y: { nice: true },
                marks: [
                  plotting.ruleY([0], { stroke: "var(--line)" }),
                  plotting.rect(believed, {
                    x1: ({ step }: { step: number }) => 10 ** (step / STEPS_PER_DECADE),
                    x2: ({ step }: { step: number }) => 10 ** ((step + 1) / STEPS_PER_DECADE),
                    y1: () => 0,
                    y2: "blocks",
                    fill: "var(--c0)",
                    insetLeft: 0.5,
                    insetRight: 0.5,
                    title: ({ step, blocks }: { step: number; blocks: number }) =>
                      `${eth(10 ** (step / STEPS_PER_DECADE))} to ${eth(10 ** ((step + 1) / STEPS_PER_DECADE))} ETH: ${count(blocks)} blocks`,
                  }),
                  plotting.axisX({
                    label: "ETH",
                    labelAnchor: "center",
                    labelArrow: "none",
                    ticks: width < NARROW ? 3 : 6,
                    tickFormat: (value: number) =>
                      isPowerOfTen(value) ? String(Number(value.toPrecision(1))) : "",
                  }),
                  plotting.axisY({
                    label: "blocks",
                    ticks: 5,
                    tickFormat: (value: number) => (Number.isInteger(value) ? count(value) : ""),
                  }),
                ],
              }),
      },
      {
        id: "value-left",
        title: "Value left behind",
        units:
          "delivered blocks, by how much more the best competing bid for the same slot and parent offered",
        read: `A bar at 0 means that the proposer got the best that any relay showed. Colours say what can explain the rest. ${BELIEF_NOTE}`,
        from: ["value_left"],
        legend: EXPLANATIONS.map(({ label, colour }) => ({ label, colour })),
        plot:
          compared === 0
            ? "No delivered block of this range has bids to compare it with."
            : (plotting, width) => ({
                height: width < NARROW ? 240 : 280,
                marginLeft: 48,
                marginBottom: 42,
                marginTop: 24,
                x: { domain: LEFT_SIZES, padding: 0.15, label: null },
                y: { nice: true },
                color: {
                  domain: EXPLANATIONS.map(({ key }) => key),
                  range: EXPLANATIONS.map(({ colour }) => colour),
                },
                marks: [
                  plotting.ruleY([0], { stroke: "var(--line)" }),
                  plotting.barY(left, {
                    x: ({ size }: { size: number }) => LEFT_SIZES[size] ?? "",
                    y: "blocks",
                    fill: "explanation",
                    order: EXPLANATIONS.map(({ key }) => key),
                    title: ({ explanation, blocks, eth_left }: (typeof left)[number]) =>
                      `${EXPLANATIONS.find(({ key }) => key === explanation)?.label ?? explanation}: ${count(blocks)} blocks, ${eth(eth_left)} ETH`,
                  }),
                  plotting.axisX({
                    label: "% more than was delivered",
                    labelAnchor: "center",
                    labelArrow: "none",
                    tickSize: 0,
                  }),
                  plotting.axisY({
                    label: "blocks",
                    ticks: 5,
                    tickFormat: (value: number) => (Number.isInteger(value) ? count(value) : ""),
                  }),
                ],
              }),
      },
    ],
    tables: [
      {
        title: "What can explain value left behind",
        columns: [
          { label: "explanation", numeric: false },
          ...["blocks", "share of blocks", "ETH left", "of the delivered"].map((label) => ({
            label,
            numeric: true,
          })),
        ],
        rows: explained
          .filter(({ blocks }) => blocks > 0)
          .map((row) => [
            row.label,
            count(row.blocks),
            percent(row.blocks / compared),
            { shown: eth(row.eth_left), value: row.eth_left },
            percent(Math.min(1, row.eth_left / delivered)),
          ]),
      },
    ],
  };
}

function isPowerOfTen(value: number): boolean {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
}
