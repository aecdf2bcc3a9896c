import { countWhere } from "../warehouse/sql/dialect.ts";
import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { coveredDeliveriesSql } from "./deliveredAmongBids.ts";
import { manyOf } from "./words.ts";

/** Fewer delivered slots than this say nothing about a relay's bids. */
const LEAST_SLOTS = 5;
/** A relay that has bids in fewer of its delivered slots than this is blind. */
const BLIND = 0.1;
export const unequalShares: Check = {
  number: 22,
  name: "unequal-shares",
  title: "A relay that shows only one side",
  looksFor:
    "relays that deliver, but have no bids in slots of which others have some: by bids they seem absent from the market, by payloads they aren't",
  advice:
    "Don't take this relay's share of bids for its share of the market. Look at its host and endpoint (`probe`): one of the two may be delayed, or served elsewhere.",
  statements: (d, scope) => ({
    blind: `WITH ${coveredDeliveriesSql(d, scope)}, held AS (
  SELECT DISTINCT relay, slot FROM bids WHERE ${inScope(d, scope)}
), busy AS (
  SELECT DISTINCT slot FROM held
), delivered_slots AS (
  SELECT DISTINCT relay, deliveries.slot AS slot FROM deliveries JOIN busy ON busy.slot = deliveries.slot
), covered_slots AS (
  SELECT DISTINCT relay, slot FROM covered_deliveries
)
SELECT delivered_slots.relay AS relay, count(*) AS delivered, ${countWhere("held.slot IS NOT NULL")} AS with_bids,
  ${countWhere("covered_slots.slot IS NOT NULL")} AS covered
FROM delivered_slots
LEFT JOIN held ON held.relay = delivered_slots.relay AND held.slot = delivered_slots.slot
LEFT JOIN covered_slots ON covered_slots.relay = delivered_slots.relay AND covered_slots.slot = delivered_slots.slot
GROUP BY delivered_slots.relay`,
    shares: `SELECT relay, count(*) AS bids FROM bids WHERE ${inScope(d, scope)} GROUP BY relay`,
  }),
  judge({ blind = [], shares = [] }) {
    const findings: Finding[] = [];
    for (const row of blind) {
      const [delivered, withBids] = [numberIn(row, "delivered"), numberIn(row, "with_bids")];
      if (delivered < LEAST_SLOTS || withBids >= BLIND * delivered) continue;
      const covered = numberIn(row, "covered");
      findings.push({
        // Where nothing is covered nothing claims to be complete; where it is, the tables mislead.
        severity: covered >= BLIND * delivered ? "error" : "warning",
        relay: textIn(row, "relay"),
        what: `no bid in ${manyOf(delivered - withBids, delivered, "slot")} that it delivered in and others have bids of; its bids are covered in ${covered} of them`,
      });
    }
    const bids = sumOf(shares, (row) => numberIn(row, "bids"));
    const delivered = sumOf(blind, (row) => numberIn(row, "delivered"));
    const largest = blind
      .toSorted((a, b) => numberIn(b, "delivered") - numberIn(a, "delivered"))
      .slice(0, 3)
      .map((row) => {
        const relay = textIn(row, "relay");
        const own = shares.find((share) => textIn(share, "relay") === relay);
        const part = (count: number, of: number) => `${of === 0 ? 0 : Math.round((100 * count) / of)} %`;
        return `${relay} ${part(numberIn(row, "delivered"), delivered)} / ${part(own ? numberIn(own, "bids") : 0, bids)}`;
      });
    return {
      measured: largest.length === 0 ? "no payloads" : `share of deliveries / of bids: ${largest.join(", ")}`,
      findings,
    };
  },
};
