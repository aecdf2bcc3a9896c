import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { coveredDeliveriesSql } from "./deliveredAmongBids.ts";
import { many, manyOf } from "./words.ts";

/** Fewer delivered slots than this say nothing about a relay's bids. */
const LEAST_SLOTS = 5;
/** A relay that has bids in fewer of its delivered slots than this is blind. */
const BLIND = 0.1;
/** A relay that had so many delivered blocks among its bids, and never says that it delivered one, hides its payloads. */
const LEAST_OFFERED = 200;

export const unequalShares: Check = {
  number: 22,
  name: "unequal-shares",
  title: "A relay that shows only one side",
  looksFor:
    "relays that deliver, but have no bids although these are covered, and relays that bid for what others deliver, but never deliver",
  advice:
    "Don't take this relay's share of bids for its share of the market. Look at its host and endpoint (`probe`): one of the two may be delayed, or served elsewhere.",
  statements: (d, scope) => ({
    blind: `WITH ${coveredDeliveriesSql(d, scope)}, delivered_slots AS (
  SELECT DISTINCT relay, slot FROM covered_deliveries
), slots AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot
  FROM bids JOIN delivered_slots ON delivered_slots.relay = bids.relay AND delivered_slots.slot = bids.slot
  WHERE ${inScope(d, scope, "bids")}
)
SELECT delivered_slots.relay AS relay, count(*) AS delivered, countif(slots.slot IS NOT NULL) AS with_bids
FROM delivered_slots
LEFT JOIN slots ON slots.relay = delivered_slots.relay AND slots.slot = delivered_slots.slot
GROUP BY delivered_slots.relay`,
    silent: `WITH blocks AS (
  SELECT DISTINCT slot, block_hash FROM payloads WHERE ${inScope(d, scope)}
), offered AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot, bids.block_hash AS block_hash
  FROM bids JOIN blocks ON blocks.slot = bids.slot AND blocks.block_hash = bids.block_hash
  WHERE ${inScope(d, scope, "bids")}
), asked AS (
  SELECT relay, count(*) AS chunks FROM payloads_loads
  WHERE covered LIKE '%1%' AND last_slot >= ${scope.range.first} AND first_slot <= ${scope.range.last} GROUP BY relay
), delivering AS (
  SELECT DISTINCT relay FROM payloads WHERE ${inScope(d, scope)}
)
SELECT offered.relay AS relay, count(*) AS offered, countif(delivering.relay IS NOT NULL) AS delivering
FROM offered JOIN asked ON asked.relay = offered.relay LEFT JOIN delivering ON delivering.relay = offered.relay
GROUP BY offered.relay`,
    shares: `SELECT relay, count(*) AS bids FROM bids WHERE ${inScope(d, scope)} GROUP BY relay`,
  }),
  judge({ blind = [], silent = [], shares = [] }) {
    const findings: Finding[] = [];
    for (const row of blind) {
      const [delivered, withBids] = [numberIn(row, "delivered"), numberIn(row, "with_bids")];
      if (delivered < LEAST_SLOTS || withBids >= BLIND * delivered) continue;
      findings.push({
        severity: "error",
        relay: textIn(row, "relay"),
        what: `bids are covered and empty in ${manyOf(delivered - withBids, delivered, "slot")} that it delivered in`,
      });
    }
    for (const row of silent) {
      const offered = numberIn(row, "offered");
      if (offered < LEAST_OFFERED || numberIn(row, "delivering") > 0) continue;
      findings.push({
        severity: "error",
        relay: textIn(row, "relay"),
        what: `${many(offered, "delivered block")} among its bids, but not one payload that it says it delivered`,
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
