import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many } from "./words.ts";

/** The smallest page that any relay gives. */
const SMALLEST_PAGE = 100;

export const pageBorder: Check = {
  number: 5,
  name: "page-border",
  title: "A page that ends inside a slot",
  looksFor:
    "slots with as many payloads as one page holds: pages overlap by half, so only such a slot can lose rows at a border",
  advice:
    "The rest of such a slot can't be had by slot or cursor; ask by block_hash or builder_pubkey, by hand.",
  statements: (d, scope) => ({
    full: `SELECT relay, slot, sum(copies) AS payloads FROM payloads WHERE ${inScope(d, scope)}
GROUP BY relay, slot HAVING sum(copies) >= ${SMALLEST_PAGE}`,
    fullest: `WITH slots AS (
  SELECT relay, slot, sum(copies) AS payloads FROM payloads WHERE ${inScope(d, scope)} GROUP BY relay, slot
)
SELECT max(payloads) AS payloads FROM slots`,
  }),
  judge({ full = [], fullest = [] }, { relays }) {
    const limits = new Map(relays.map(({ name, payloadLimit }) => [name, payloadLimit]));
    const findings = full.flatMap((row): Finding[] => {
      const [relay, payloads] = [textIn(row, "relay"), numberIn(row, "payloads")];
      if (payloads < (limits.get(relay) ?? SMALLEST_PAGE)) return [];
      const what = `slot ${numberIn(row, "slot")} has ${many(payloads, "payload")}, a full page: there may be more`;
      return [{ severity: "error", relay, what }];
    });
    const most = fullest[0]?.["payloads"] ?? null;
    return {
      measured:
        most === null ? "no payloads" : `${many(Number(most), "payload")} in the fullest slot of a relay`,
      findings,
    };
  },
};
