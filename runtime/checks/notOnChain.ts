import { countWhere } from "../warehouse/sql/dialect.ts";
import { payloadOutcomeSql } from "../warehouse/sql/payloadOutcome.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { many, manyOf } from "./words.ts";

/** Share of a relay's delivered slots of which nothing is canonical, on an ordinary day. */
const USUAL = 0.03;

export const notOnChain: Check = {
  number: 7,
  name: "not-on-chain",
  title: "Delivered, but not on the chain",
  looksFor:
    "relays of whose delivered slots more than usual have another block on the canonical chain, or none (by hash, never by number)",
  advice:
    "Leave out payloads with `reorged`, and what is newer than the chain is known. A cluster is an incident of the relay or of its builders.",
  statements: (d, scope) => ({
    slots: `WITH ${payloadOutcomeSql(d, scope)}, slots AS (
  SELECT relay, slot, max(CASE WHEN fate = 'canonical' THEN 1 ELSE 0 END) AS is_canonical,
    max(CASE WHEN fate = 'missed' THEN 1 ELSE 0 END) AS is_missed,
    max(CASE WHEN fate = 'unknown' THEN 1 ELSE 0 END) AS is_unknown
  FROM fates GROUP BY relay, slot
)
SELECT relay, ${countWhere("is_canonical = 1 OR is_unknown = 0")} AS settled,
  ${countWhere("is_canonical = 0 AND is_unknown = 0")} AS lost,
  ${countWhere("is_canonical = 0 AND is_unknown = 0 AND is_missed = 1")} AS missed, ${countWhere("is_canonical = 0 AND is_unknown = 1")} AS unsettled,
  max(CASE WHEN is_canonical = 0 AND is_unknown = 0 THEN slot END) AS newest
FROM slots GROUP BY relay`,
  }),
  judge({ slots = [] }) {
    const findings = slots.flatMap((row): Finding[] => {
      const [settled, lost, missed] = [
        numberIn(row, "settled"),
        numberIn(row, "lost"),
        numberIn(row, "missed"),
      ];
      if (!isBeyondChance(lost, settled, USUAL)) return [];
      const what =
        `nothing it delivered is canonical in ${manyOf(lost, settled, "slot")}: another block in ${lost - missed}, ` +
        `missed ${missed}; the newest is ${numberIn(row, "newest")}`;
      return [{ severity: "warning", relay: textIn(row, "relay"), what }];
    });
    const total = (column: string) => sumOf(slots, (row) => numberIn(row, column));
    const unsettled = total("unsettled");
    const unknown = unsettled === 0 ? "" : `; of ${many(unsettled, "slot")} the chain isn't known yet`;
    return {
      measured: `${manyOf(total("lost"), total("settled"), "delivered slot")} aren't on the chain${unknown}`,
      findings,
    };
  },
};
