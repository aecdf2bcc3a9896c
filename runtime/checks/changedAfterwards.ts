import { countWhere } from "../warehouse/sql/dialect.ts";
import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { manyOf } from "./words.ts";

/** Share of a relay's rows that may contradict each other: odd ones are sent now and then. */
const USUAL = 0.02;

export const changedAfterwards: Check = {
  number: 14,
  name: "changed-afterwards",
  title: "Adjusted and merged blocks that don't add up",
  looksFor:
    "adjustments whose delta isn't what was taken off, and payloads that state another value than the adjustment or the merger of their block does",
  advice:
    "Take `value` of table payloads for what was claimed, and payments for what was paid; leave out that relay's `adjusted` and `merged` until it is known which of its answers is right.",
  statements: (d, scope) => {
    const delivered = `delivered_values AS (
  SELECT relay, slot, block_hash, min(value) AS value FROM payloads WHERE ${inScope(d, scope)} GROUP BY relay, slot, block_hash
)`;
    const beside = (hash: string) =>
      `LEFT JOIN delivered_values ON delivered_values.relay = told.relay AND delivered_values.slot = told.slot AND delivered_values.block_hash = told.${hash}`;
    return {
      adjustments: `WITH ${delivered}
SELECT told.relay AS relay, count(*) AS stated, ${countWhere("submitted_value - adjusted_value <> delta")} AS unsound,
  ${countWhere("delivered_values.slot IS NOT NULL")} AS landed, ${countWhere("value <> adjusted_value")} AS differing,
  max(CASE WHEN submitted_value - adjusted_value <> delta OR value <> adjusted_value THEN told.slot END) AS newest
FROM (SELECT * FROM adjustments WHERE ${inScope(d, scope)}) AS told ${beside("adjusted_block_hash")}
GROUP BY told.relay`,
      mergers: `WITH ${delivered}
SELECT told.relay AS relay, count(*) AS stated, ${countWhere("proposer_value < original_value")} AS unsound,
  ${countWhere("delivered_values.slot IS NOT NULL")} AS landed, ${countWhere("value <> proposer_value")} AS differing,
  max(CASE WHEN proposer_value < original_value OR value <> proposer_value THEN told.slot END) AS newest
FROM (SELECT * FROM merged_blocks WHERE ${inScope(d, scope)}) AS told ${beside("block_hash")}
GROUP BY told.relay`,
    };
  },
  judge({ adjustments = [], mergers = [] }) {
    const kinds = [
      { rows: adjustments, noun: "adjustment", unsound: "take off another sum than their delta" },
      { rows: mergers, noun: "merged block", unsound: "pay the proposer less than before merging" },
    ];
    const findings = kinds.flatMap(({ rows, noun, unsound }) =>
      rows.flatMap((row): Finding[] => {
        const relay = textIn(row, "relay");
        const [told, odd] = [numberIn(row, "stated"), numberIn(row, "unsound")];
        const [landed, differing] = [numberIn(row, "landed"), numberIn(row, "differing")];
        const said = [
          ...(isBeyondChance(odd, told, USUAL) ? [`${manyOf(odd, told, noun)} ${unsound}`] : []),
          ...(isBeyondChance(differing, landed, USUAL)
            ? [`${manyOf(differing, landed, `delivered ${noun}`)} state another value than the payload`]
            : []),
        ];
        return said.map((what) => ({
          severity: "warning",
          relay,
          what: `${what}; the newest in slot ${numberIn(row, "newest")}`,
        }));
      }),
    );
    const measured = kinds.map(({ rows, noun }) => {
      const total = (column: string) => sumOf(rows, (row) => numberIn(row, column));
      return `${manyOf(total("landed"), total("stated"), noun)} delivered`;
    });
    return { measured: measured.join("; "), findings };
  },
};
