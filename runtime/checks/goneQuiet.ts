import { inScope, relayIn } from "../warehouse/sql/scope.ts";
import { numberOrNull, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many } from "./words.ts";

/** A silence shorter than this is nothing. */
const LEAST_SLOTS = 32;
/** A silence that a relay of its habits would fall into less often than this isn't chance. */
const RARE = 1e-6;

export const goneQuiet: Check = {
  number: 24,
  name: "gone-quiet",
  title: "Relays gone quiet",
  looksFor:
    "active relays without a row for longer than their habits explain while others go on, and those of which there never was one",
  advice:
    "Ask it (`probe`). A relay that has ended or moved is changed in the directory; compare that with published lists for relays that are new.",
  statements: (d, scope) => {
    const { first, last } = scope.range;
    return {
      newest: `WITH held AS (
  SELECT DISTINCT relay, slot FROM bids WHERE ${inScope(d, scope)}
  UNION DISTINCT
  SELECT DISTINCT relay, slot FROM payloads WHERE ${inScope(d, scope)}
), seen AS (
  SELECT relay, min(slot) AS oldest, max(slot) AS newest, count(*) AS slots FROM held GROUP BY relay
)
SELECT relays.name AS relay, oldest, newest, slots
FROM relays LEFT JOIN seen ON seen.relay = relays.name
WHERE state = 'active' AND coalesce(active_from, 0) <= ${last} AND coalesce(active_to, ${last}) >= ${last}
  AND coalesce(collect_from, 0) <= ${first}${relayIn(d, scope, "relays.name")}`,
    };
  },
  judge({ newest = [] }) {
    const seen = newest.map((row) => ({
      relay: textIn(row, "relay"),
      oldest: numberOrNull(row, "oldest"),
      newest: numberOrNull(row, "newest"),
      slots: numberOrNull(row, "slots") ?? 0,
    }));
    const last = Math.max(0, ...seen.map((sighting) => sighting.newest ?? 0));
    const busiest = Math.max(0, ...seen.map(({ slots }) => slots));
    let longest = { relay: "", silence: -1 };
    const findings = seen.flatMap((sighting): Finding[] => {
      if (sighting.newest === null || sighting.oldest === null) {
        return busiest < LEAST_SLOTS
          ? []
          : [
              {
                severity: "warning",
                relay: sighting.relay,
                what: `not one row in this range, in which others have rows of ${many(busiest, "slot")}`,
              },
            ];
      }
      const silence = last - sighting.newest;
      if (silence > longest.silence) longest = { relay: sighting.relay, silence };
      // How often a relay with rows in this share of its slots is silent for so long.
      const habit = sighting.slots / (sighting.newest - sighting.oldest + 2);
      if (silence < LEAST_SLOTS || (1 - habit) ** silence >= RARE) return [];
      const what = `no row since slot ${sighting.newest}, ${many(silence, "slot")} before the newest of the others`;
      return [{ severity: "warning", relay: sighting.relay, what }];
    });
    return {
      measured:
        longest.silence < 0
          ? "no rows"
          : `the longest silence at the end of the range is ${many(longest.silence, "slot")}, of ${longest.relay}`,
      findings,
    };
  },
};
