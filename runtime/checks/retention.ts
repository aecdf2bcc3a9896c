import { SECONDS_PER_SLOT } from "../chain/networks.ts";
import { relayIn } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many } from "./words.ts";

/** What a relay will have forgotten within this time is urgent. */
const SOON_SLOTS = 86_400 / SECONDS_PER_SLOT;

export const retention: Check = {
  number: 18,
  name: "retention",
  title: "Slots that relays forget",
  looksFor:
    "slots between the first that was collected of a relay and now which it forgot before they were collected, and missing ones that it will have forgotten within a day",
  advice:
    "Run `run --slots` over the missing slots now, and collect more often. What is forgotten can only come from others' archives.",
  statements: (d, scope) => {
    const { first, last } = scope.range;
    const ones = (from: string, to: string) =>
      `sum(length(replace(substr(covered, greatest(${from}, first_slot) - first_slot + 1, ` +
      `greatest(least(${to}, last_slot) - greatest(${from}, first_slot) + 1, 0)), '0', '')))`;
    return {
      spans: `WITH starts AS (
  SELECT dataset, relay, min(first_slot + length(covered) - length(ltrim(covered, '0'))) AS oldest
  FROM loads WHERE covered LIKE '%1%' GROUP BY dataset, relay
  -- Of a dataset that a relay doesn't serve it has nothing to forget.
  HAVING sum(${d.column("rows")}) > 0
), remembered AS (
  SELECT starts.dataset AS dataset, starts.relay AS relay, greatest(oldest, ${first}) AS span_first,
    oldest_slot AS horizon,
    least(coalesce(active_to, ${last}), ${last}) AS span_last
  FROM starts JOIN relays ON relays.name = starts.relay
  LEFT JOIN horizons ON horizons.relay = starts.relay AND horizons.dataset = starts.dataset
  WHERE state = 'active'${relayIn(d, scope, "starts.relay")}
), spans AS (
  SELECT dataset, relay, span_first, horizon, least(horizon - 1, span_last) AS lost_last,
    greatest(horizon, span_first) AS soon_first, least(horizon + ${SOON_SLOTS - 1}, span_last) AS soon_last
  FROM remembered WHERE horizon IS NOT NULL
)
SELECT spans.dataset AS dataset, spans.relay AS relay, horizon,
  greatest(lost_last - span_first + 1, 0) AS below, ${ones("span_first", "lost_last")} AS below_covered,
  greatest(soon_last - soon_first + 1, 0) AS soon, ${ones("soon_first", "soon_last")} AS soon_covered
FROM spans JOIN loads ON loads.dataset = spans.dataset AND loads.relay = spans.relay
GROUP BY spans.dataset, spans.relay, horizon, lost_last, span_first, soon_first, soon_last`,
    };
  },
  judge({ spans = [] }) {
    const findings = spans.flatMap((row): Finding[] => {
      const [dataset, relay] = [textIn(row, "dataset"), textIn(row, "relay")];
      const lost = numberIn(row, "below") - numberIn(row, "below_covered");
      const soon = numberIn(row, "soon") - numberIn(row, "soon_covered");
      const horizon = numberIn(row, "horizon");
      const said: Finding[] = [];
      if (lost > 0)
        said.push({
          severity: "error",
          relay,
          what: `${dataset}: ${many(lost, "slot")} below ${horizon}, the oldest that it remembers, were never collected`,
        });
      if (soon > 0)
        said.push({
          severity: "warning",
          relay,
          what: `${dataset}: ${many(soon, "missing slot")} from ${horizon} on will be forgotten within a day`,
        });
      return said;
    });
    const known = new Set(spans.map((row) => textIn(row, "relay"))).size;
    const below = sumOf(spans, (row) => numberIn(row, "below_covered"));
    return {
      measured: `${many(known, "relay")} with a known horizon; ${many(below, "slot")} are kept here that they have forgotten`,
      findings,
    };
  },
};
