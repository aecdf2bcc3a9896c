import { inScope } from "../warehouse/sql/scope.ts";
import { bids } from "../datasets/bids.ts";
import { groupBy, numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { deliveredAmongBidsSql } from "./deliveredAmongBids.ts";
import { many, manyOf } from "./words.ts";

const LIMITS = bids.rowLimits ?? [];
/** Counts this near to a limit say how often the limit itself would be met by chance. */
const NEAR = 10;
/** Share of the counts within `NEAR` of a limit that may be the limit itself (by chance it is one in 21). */
const USUAL = 0.1;

export const truncated: Check = {
  number: 2,
  name: "truncated",
  title: "Answers cut off",
  looksFor: `bid lists of exactly ${LIMITS.slice(0, -1).join(", ")} or ${LIMITS.at(-1)} rows more often than chance brings them, and delivered blocks that aren't among the same relay's bids`,
  advice:
    "Run `recheck` over these slots. If the counts stay, the relay cuts its answers: its bids of full slots aren't all to be had.",
  statements: (d, scope) => ({
    counts: `WITH slots AS (
  SELECT relay, slot, sum(copies) AS bids FROM bids WHERE ${inScope(d, scope)} GROUP BY relay, slot
)
SELECT relay, bids, count(*) AS slots, max(slot) AS newest FROM slots
WHERE ${LIMITS.map((limit) => `bids BETWEEN ${limit - NEAR} AND ${limit + NEAR}`).join(" OR ")} GROUP BY relay, bids`,
    delivered: deliveredAmongBidsSql(d, scope),
  }),
  judge({ counts = [], delivered = [] }, { relays }) {
    const findings: Finding[] = [];
    for (const [relay, rows] of groupBy(counts, (row) => textIn(row, "relay"))) {
      for (const limit of LIMITS) {
        const near = rows.filter((row) => Math.abs(numberIn(row, "bids") - limit) <= NEAR);
        const at = near.find((row) => numberIn(row, "bids") === limit);
        const hits = at ? numberIn(at, "slots") : 0;
        const among = sumOf(near, (row) => numberIn(row, "slots"));
        if (at && isBeyondChance(hits, among, USUAL))
          findings.push({
            severity: "error",
            relay,
            what: `${many(hits, "slot")} with exactly ${limit} bids, ${among - hits} with about as many; the newest is ${numberIn(at, "newest")}`,
          });
      }
    }
    const adjusting = new Set(relays.filter(({ adjusts }) => adjusts).map(({ name }) => name));
    for (const row of delivered) {
      // Who adjusts blocks delivers what nobody bid: there only slots count of which it is known what it adjusted.
      const told = adjusting.has(textIn(row, "relay"));
      const blocks = numberIn(row, told ? "told_blocks" : "blocks");
      const offered = numberIn(row, told ? "told_offered" : "offered");
      if (blocks === offered) continue;
      const newest = numberIn(row, told ? "told_lacking" : "newest_lacking");
      const what = `${manyOf(blocks - offered, blocks, "delivered block")} not among its bids for the slot; the newest is of slot ${newest}`;
      findings.push({ severity: "error", relay: textIn(row, "relay"), what });
    }
    const all = sumOf(delivered, (row) => numberIn(row, "blocks"));
    const found = sumOf(delivered, (row) => numberIn(row, "offered"));
    return { measured: `${manyOf(found, all, "delivered block")} are among the same relay's bids`, findings };
  },
};
