import { countWhere } from "../warehouse/sql/dialect.ts";
import { inScope, relayIn } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { coveredDeliveriesSql } from "./deliveredAmongBids.ts";
import { manyOf } from "./words.ts";

/** A relay that caches answers and has bids for fewer of others' slots than this isn't stale: it has none to show. */
const HAS_BIDS = 0.1;
/** Share of the slots that others have bids for that a caching relay may well have none for. */
const USUAL = 0.1;

export const staleEmpty: Check = {
  number: 4,
  name: "stale-empty",
  title: "Stale empty answers",
  looksFor:
    "slots that are covered and empty although the relay delivered a payload in them, or, at relays that cache answers, although most others have bids",
  advice:
    "Run `recheck` over these slots, well after they were last asked for: an empty answer stays in such a relay's cache as long as it is asked for.",
  statements: (d, scope) => ({
    delivered: `WITH ${coveredDeliveriesSql(d, scope)}, delivered_slots AS (
  SELECT DISTINCT relay, slot FROM covered_deliveries
), slots AS (
  SELECT DISTINCT bids.relay AS relay, bids.slot AS slot
  FROM bids JOIN delivered_slots ON delivered_slots.relay = bids.relay AND delivered_slots.slot = bids.slot
  WHERE ${inScope(d, scope, "bids")}
)
SELECT delivered_slots.relay AS relay, count(*) AS delivered, ${countWhere("slots.slot IS NULL")} AS without_bids,
  max(CASE WHEN slots.slot IS NULL THEN delivered_slots.slot END) AS newest
FROM delivered_slots
LEFT JOIN slots ON slots.relay = delivered_slots.relay AND slots.slot = delivered_slots.slot
GROUP BY delivered_slots.relay`,
    lonely: lonelyEmptiesSql(d, scope),
  }),
  judge({ delivered = [], lonely = [] }) {
    const findings: Finding[] = [];
    for (const row of delivered) {
      const [slots, empty] = [numberIn(row, "delivered"), numberIn(row, "without_bids")];
      if (empty === 0) continue;
      const what = `${manyOf(empty, slots, "slot")} that it delivered in are covered without a bid; the newest is ${numberIn(row, "newest")}`;
      findings.push({ severity: "error", relay: textIn(row, "relay"), what });
    }
    for (const row of lonely) {
      const [slots, empty] = [numberIn(row, "slots"), numberIn(row, "empty")];
      if (slots - empty < HAS_BIDS * slots || !isBeyondChance(empty, slots, USUAL)) continue;
      const what = `${manyOf(empty, slots, "slot")} are covered without a bid while most relays have some; the newest is ${numberIn(row, "newest")}`;
      findings.push({ severity: "warning", relay: textIn(row, "relay"), what });
    }
    const all = sumOf(delivered, (row) => numberIn(row, "delivered"));
    const empties = sumOf(delivered, (row) => numberIn(row, "without_bids"));
    return { measured: `${manyOf(empties, all, "slot")} with a delivery have no bid`, findings };
  },
};

/** Of the slots for which more than half of the relays have bids: how many are covered and empty at each Helix relay. */
function lonelyEmptiesSql(
  d: Parameters<Check["statements"]>[0],
  scope: Parameters<Check["statements"]>[1],
): string {
  const { first, last } = scope.range;
  return `WITH held AS (
  SELECT DISTINCT relay, slot FROM bids WHERE ${inScope(d, scope)}
), busy AS (
  SELECT slot FROM held GROUP BY slot HAVING 2 * count(*) > (SELECT count(DISTINCT relay) FROM held)
), asked AS (
  SELECT relay, first_slot + place AS slot
  FROM bids_loads JOIN relays ON relays.name = relay
  CROSS JOIN ${d.integers("0", "last_slot - first_slot", "place")}
  WHERE dialect = 'helix' AND last_slot >= ${first} AND first_slot <= ${last}${relayIn(d, scope)}
    AND substr(covered, place + 1, 1) = '1'
)
SELECT asked.relay AS relay, count(*) AS slots, ${countWhere("held.slot IS NULL")} AS empty,
  max(CASE WHEN held.slot IS NULL THEN asked.slot END) AS newest
FROM asked JOIN busy ON busy.slot = asked.slot
LEFT JOIN held ON held.relay = asked.relay AND held.slot = asked.slot
GROUP BY asked.relay`;
}
