import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many, manyOf } from "./words.ts";

/** Bids of so many of the newest slots are compared. */
const SLOTS = 64;
/** Fewer bids in common than this say nothing. */
const LEAST_COMMON = 50;
/** Share of the smaller relay's bids that the larger has too, received in the same millisecond. */
const TWIN = 0.9;

export const twinRelays: Check = {
  number: 13,
  name: "twin-relays",
  title: "One relay under two names",
  looksFor:
    "pairs of relays whose bids are the same blocks, received in the same millisecond: everything of theirs counts twice",
  advice:
    "Collect one of the two (`--relay`), or declare `aliasOf` in the directory; leave the other out of sums over relays.",
  statements: (d, scope) => {
    const { last } = scope.range;
    const newest = { ...scope, range: { first: Math.max(scope.range.first, last - SLOTS + 1), last } };
    const shown = `shown AS (
  SELECT DISTINCT relay, slot, block_hash, coalesce(timestamp_ms, 1000 * timestamp_s) AS received
  FROM bids WHERE ${inScope(d, newest)}
)`;
    return {
      pairs: `WITH ${shown}, sizes AS (
  SELECT relay, count(*) AS bids FROM shown GROUP BY relay
), pairs AS (
  SELECT one.relay AS relay, other.relay AS other_relay, count(*) AS common
  FROM shown AS one JOIN shown AS other ON other.slot = one.slot AND other.block_hash = one.block_hash
    AND other.received = one.received
  WHERE one.relay < other.relay GROUP BY one.relay, other.relay
)
SELECT pairs.relay AS relay, other_relay, common, least(one.bids, other.bids) AS smaller
FROM pairs JOIN sizes AS one ON one.relay = pairs.relay JOIN sizes AS other ON other.relay = pairs.other_relay
WHERE common >= ${LEAST_COMMON}`,
      relays: `WITH ${shown} SELECT count(DISTINCT relay) AS relays, count(*) AS bids FROM shown`,
    };
  },
  judge({ pairs = [], relays: compared = [] }, { relays }) {
    const aliases = new Map(relays.map(({ name, aliasOf }) => [name, aliasOf]));
    const findings = pairs.flatMap((row): Finding[] => {
      const [one, other] = [textIn(row, "relay"), textIn(row, "other_relay")];
      const [common, smaller] = [numberIn(row, "common"), numberIn(row, "smaller")];
      if (common < TWIN * smaller || aliases.get(one) === other || aliases.get(other) === one) return [];
      const what = `the same as ${other}: ${manyOf(common, smaller, "bid")} in common, to the millisecond`;
      return [{ severity: "error", relay: one, what }];
    });
    const bids = sumOf(compared, (row) => numberIn(row, "bids"));
    const names = sumOf(compared, (row) => numberIn(row, "relays"));
    return {
      measured: `${many(bids, "bid")} of ${many(names, "relay")} compared, of the newest ${SLOTS} slots`,
      findings,
    };
  },
};
