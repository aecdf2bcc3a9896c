import { countWhere } from "../warehouse/sql/dialect.ts";
import { inScope, relayIn } from "../warehouse/sql/scope.ts";
import { type ResultRow, groupBy, numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { manyOf } from "./words.ts";

/** Share of a relay's rows that no table may be able to hold. */
const USUAL = 0.03;
/** A field that was there (or wasn't) in so much larger a share of the rows of one half of the range has changed. */
const CHANGE = 0.5;
/** Rows that each half must have before anything is said. */
const LEAST_ROWS = 50;

const FIELDS = {
  gas_limit: "gas_limit IS NULL",
  gas_used: "gas_used IS NULL",
  num_tx: "num_tx IS NULL",
  block_number: "block_number IS NULL",
  unknown_fields: "extra IS NOT NULL",
} as const;
const BID_FIELDS = {
  ...FIELDS,
  timestamp_ms: "timestamp_ms IS NULL",
  optimistic: "optimistic_submission IS NULL",
};

export const typeDrift: Check = {
  number: 21,
  name: "type-drift",
  title: "Fields that change their form",
  looksFor:
    "relays of whose rows more than usual are in quarantine, and fields that are absent, or unknown, in one half of the range but not in the other",
  advice:
    "Look at what the relay sends now (quarantine in the lake, column `extra`) and extend the schema where it is worth it; the raw rows are kept.",
  statements: (d, scope) => {
    const { first, last } = scope.range;
    const middle = Math.floor((first + last + 1) / 2);
    const halves = (dataset: string, fields: Readonly<Record<string, string>>) =>
      `SELECT relay, CASE WHEN slot < ${middle} THEN 0 ELSE 1 END AS half, count(*) AS all_rows,
${Object.entries(fields)
  .map(([name, condition]) => `  ${countWhere(condition)} AS ${name}_odd`)
  .join(",\n")}
FROM ${dataset} WHERE ${inScope(d, scope)} GROUP BY relay, half`;
    return {
      refused: `SELECT dataset, relay, sum(${d.column("rows")}) AS all_rows, sum(quarantined) AS refused FROM loads
WHERE last_slot >= ${first} AND first_slot <= ${last}${relayIn(d, scope)} GROUP BY dataset, relay`,
      bids: halves("bids", BID_FIELDS),
      payloads: halves("payloads", FIELDS),
    };
  },
  judge({ refused = [], bids = [], payloads = [] }) {
    const findings = refused.flatMap((row): Finding[] => {
      const odd = numberIn(row, "refused");
      const rows = numberIn(row, "all_rows") + odd;
      if (!isBeyondChance(odd, rows, USUAL)) return [];
      const what = `${textIn(row, "dataset")}: no table can hold ${manyOf(odd, rows, "row")}; they are in quarantine`;
      return [{ severity: "error", relay: textIn(row, "relay"), what }];
    });
    findings.push(...changes("bids", bids, BID_FIELDS), ...changes("payloads", payloads, FIELDS));
    const odd = sumOf(refused, (row) => numberIn(row, "refused"));
    const rows = odd + sumOf(refused, (row) => numberIn(row, "all_rows"));
    return { measured: `${manyOf(odd, rows, "row")} in quarantine`, findings };
  },
};

function changes(
  dataset: string,
  rows: readonly ResultRow[],
  fields: Readonly<Record<string, string>>,
): Finding[] {
  return [...groupBy(rows, (row) => textIn(row, "relay"))].flatMap(([relay, halves]) => {
    const [before, after] = [0, 1].map((half) => halves.find((row) => numberIn(row, "half") === half));
    if (!before || !after) return [];
    const [rowsBefore, rowsAfter] = [numberIn(before, "all_rows"), numberIn(after, "all_rows")];
    if (Math.min(rowsBefore, rowsAfter) < LEAST_ROWS) return [];
    return Object.keys(fields).flatMap((field): Finding[] => {
      const was = numberIn(before, `${field}_odd`) / rowsBefore;
      const is = numberIn(after, `${field}_odd`) / rowsAfter;
      if (Math.abs(is - was) < CHANGE) return [];
      const percent = (share: number) => `${Math.round(share * 100)} %`;
      const what =
        field === "unknown_fields"
          ? `${dataset}: fields that the table doesn't know in ${percent(was)} of the earlier rows, ${percent(is)} of the later`
          : `${dataset}: ${field} is absent in ${percent(was)} of the earlier rows, ${percent(is)} of the later`;
      return [{ severity: "warning", relay, what }];
    });
  });
}
