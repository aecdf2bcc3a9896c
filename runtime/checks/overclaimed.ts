import { countWhere } from "../warehouse/sql/dialect.ts";
import { slotsInScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { many, manyOf } from "./words.ts";

/** Share of a relay's tested payloads of which no step finds the whole value, on an ordinary day (ethstaker.tax: about 1 %). */
const USUAL = 0.02;

export const overclaimed: Check = {
  number: 9,
  name: "overclaimed",
  title: "More claimed than was paid",
  looksFor:
    "relays of whose payloads more than usual didn't bring the proposer what they claim, as far as the chain shows it (verdict `less`)",
  advice:
    "Look at `tried` and `short_by` in table payments: `less` says that no step found the whole value, not that it was withheld. Use `paid` where sums are about what proposers got.",
  statements: (d, scope) => ({
    payments: `SELECT relay, ${countWhere("verdict IN ('exact', 'more', 'less')")} AS tested, ${countWhere("verdict = 'less'")} AS short,
  max(CASE WHEN verdict = 'less' THEN slot END) AS newest,
  coalesce(sum(CASE WHEN verdict = 'less' THEN ${d.double("short_by")} END), 0) AS short_wei
FROM payments WHERE ${slotsInScope(d, scope)} GROUP BY relay`,
  }),
  judge({ payments = [] }) {
    const findings = payments.flatMap((row): Finding[] => {
      const [tested, short] = [numberIn(row, "tested"), numberIn(row, "short")];
      if (!isBeyondChance(short, tested, USUAL)) return [];
      const eth = (numberIn(row, "short_wei") / 1e18).toPrecision(3);
      const what = `${manyOf(short, tested, "tested payload")} are short, by ${eth} ETH in all; the newest in slot ${numberIn(row, "newest")}`;
      return [{ severity: "warning", relay: textIn(row, "relay"), what }];
    });
    const total = (column: string) => sumOf(payments, (row) => numberIn(row, column));
    return {
      measured:
        total("tested") === 0
          ? "no payload was held against the chain (`verify`)"
          : `${manyOf(total("short"), total("tested"), "payload")} are short of what they claim; ${many(payments.length, "relay")}`,
      findings,
    };
  },
};
