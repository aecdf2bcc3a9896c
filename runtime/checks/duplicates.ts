import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { manyOf } from "./words.ts";

/** Share of a relay's rows that may repeat another: relays have no unique key, and store some twice. */
const USUAL = 0.15;

export const duplicates: Check = {
  number: 19,
  name: "duplicates",
  title: "Rows repeated within a relay",
  looksFor: "relays of whose rows more than usual repeat another of the same answer in every column",
  advice:
    "Count rows, not `sum(copies)`, where submissions are meant. Such a relay stores or serves its rows twice.",
  statements: (d, scope) => ({
    copies: ["bids", "payloads"]
      .map(
        (dataset) =>
          `SELECT '${dataset}' AS dataset, relay, sum(copies) AS all_rows, sum(copies - 1) AS repeats, max(copies) AS most
FROM ${dataset} WHERE ${inScope(d, scope)} GROUP BY relay`,
      )
      .join("\nUNION ALL\n"),
  }),
  judge({ copies = [] }) {
    const findings = copies.flatMap((row): Finding[] => {
      const [rows, repeats] = [numberIn(row, "all_rows"), numberIn(row, "repeats")];
      if (!isBeyondChance(repeats, rows, USUAL)) return [];
      const most = numberIn(row, "most");
      const what = `${textIn(row, "dataset")}: ${manyOf(repeats, rows, "row")} repeat another, one as often as ${most} times`;
      return [{ severity: "warning", relay: textIn(row, "relay"), what }];
    });
    const rows = sumOf(copies, (row) => numberIn(row, "all_rows"));
    const repeats = sumOf(copies, (row) => numberIn(row, "repeats"));
    return { measured: `${manyOf(repeats, rows, "row")} repeat another`, findings };
  },
};
