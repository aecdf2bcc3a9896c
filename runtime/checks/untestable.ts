import { countWhere } from "../warehouse/sql/dialect.ts";
import { slotsInScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { many, manyOf } from "./words.ts";

/** Share of a relay's payloads that no step can judge, on an ordinary day: recipients that pass all on at once. */
const USUAL = 0.05;

export const untestable: Check = {
  number: 10,
  name: "untestable",
  title: "Payments that can't be judged",
  looksFor:
    "relays of whose payloads more than usual have the verdict `untestable`: the recipient passes all on at once, or the node no longer keeps the balances",
  advice:
    "Leave them out of shares of what was paid, both above and below the line. An archive node, or xatu's files (`verify --chain DIR`), can judge those whose balances are gone.",
  statements: (d, scope) => ({
    payments: `SELECT relay, count(*) AS payloads, ${countWhere("verdict = 'untestable'")} AS unjudged,
  ${countWhere("verdict = 'untestable' AND method = 'balance'")} AS pruned,
  ${countWhere("verdict IN ('exact', 'more') AND method <> 'balance'")} AS by_other_steps
FROM payments WHERE ${slotsInScope(d, scope)} GROUP BY relay`,
  }),
  judge({ payments = [] }) {
    const findings = payments.flatMap((row): Finding[] => {
      const [payloads, unjudged] = [numberIn(row, "payloads"), numberIn(row, "unjudged")];
      if (!isBeyondChance(unjudged, payloads, USUAL)) return [];
      const pruned = numberIn(row, "pruned");
      const why = pruned === 0 ? "" : `, ${pruned} of them because the node keeps no balances of then`;
      const what = `${manyOf(unjudged, payloads, "payload")} can't be judged${why}`;
      return [{ severity: "warning", relay: textIn(row, "relay"), what }];
    });
    const total = (column: string) => sumOf(payments, (row) => numberIn(row, column));
    return {
      measured:
        total("payloads") === 0
          ? "no payload was held against the chain (`verify`)"
          : `${manyOf(total("unjudged"), total("payloads"), "payload")} can't be judged; the balance alone would have called ${many(total("by_other_steps"), "paid one")} short`,
      findings,
    };
  },
};
