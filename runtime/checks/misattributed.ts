import { countWhere } from "../warehouse/sql/dialect.ts";
import { slotsInScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { manyOf } from "./words.ts";

/** Share of a relay's tested payloads whose recipient got far more than they claim, or isn't known, on an ordinary day. */
const USUAL = 0.03;
/** A recipient that got so many times the claim was paid for something else too. */
const FAR_MORE = 2;

export const misattributed: Check = {
  number: 23,
  name: "misattributed",
  title: "Payments that belong to something else",
  looksFor: `relays of whose payloads more than usual name a recipient that got over ${FAR_MORE} times the claim in that block: what is called paid is then another income`,
  advice:
    "Count `claimed`, not `paid`, for these payloads: the recipient had other income in the block, which the balance alone can't tell apart.",
  statements: (d, scope) => ({
    payments: `SELECT relay, ${countWhere("verdict IN ('exact', 'more', 'less')")} AS tested,
  ${countWhere(`verdict = 'more' AND paid > ${FAR_MORE} * coalesce(adjusted_value, claimed)`)} AS beyond,
  max(CASE WHEN verdict = 'more' AND paid > ${FAR_MORE} * coalesce(adjusted_value, claimed) THEN slot END) AS newest
FROM payments WHERE ${slotsInScope(d, scope)} GROUP BY relay`,
  }),
  judge({ payments = [] }) {
    const findings = payments.flatMap((row): Finding[] => {
      const [tested, beyond] = [numberIn(row, "tested"), numberIn(row, "beyond")];
      if (!isBeyondChance(beyond, tested, USUAL)) return [];
      const what = `${manyOf(beyond, tested, "tested payload")} brought the recipient over ${FAR_MORE} times what they claim; the newest in slot ${numberIn(row, "newest")}`;
      return [{ severity: "warning", relay: textIn(row, "relay"), what }];
    });
    const total = (column: string) => sumOf(payments, (row) => numberIn(row, column));
    return {
      measured:
        total("tested") === 0
          ? "no payload was held against the chain (`verify`)"
          : `${manyOf(total("beyond"), total("tested"), "payload")} brought over ${FAR_MORE} times what they claim`,
      findings,
    };
  },
};
