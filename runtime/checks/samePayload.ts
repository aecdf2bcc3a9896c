import { countWhere } from "../warehouse/sql/dialect.ts";
import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { many, manyOf } from "./words.ts";

/** Share of a relay's shared blocks that it may state otherwise than the others: odd rows are sent now and then. */
const USUAL = 0.08;

export const samePayload: Check = {
  number: 12,
  name: "same-payload",
  title: "One payload, told differently",
  looksFor:
    "blocks that count twice although block_hash tells them apart: relays that disagree about the same block, a block twice in one relay's slot with other fields, a hash in two slots",
  advice:
    "A block on several relays is normal: count distinct (slot, block_hash), and by (relay, slot, block_hash) per relay. Where relays disagree about its value, take the least.",
  statements: (d, scope) => ({
    shared: `WITH blocks AS (
  SELECT slot, block_hash, count(DISTINCT relay) AS relays, min(value) AS least, min(builder_pubkey) AS builder,
    min(parent_hash) AS parent, min(proposer_pubkey) AS proposer
  FROM payloads WHERE ${inScope(d, scope)} GROUP BY slot, block_hash
)
SELECT relay, count(*) AS shared,
  ${countWhere("value <> least OR builder_pubkey <> builder OR payloads.parent_hash <> parent OR proposer_pubkey <> proposer")} AS differing,
  max(CASE WHEN value <> least THEN payloads.slot END) AS newest
FROM payloads JOIN blocks ON blocks.slot = payloads.slot AND blocks.block_hash = payloads.block_hash
WHERE ${inScope(d, scope, "payloads")} AND relays > 1 GROUP BY relay`,
    twice: `WITH keys AS (
  SELECT relay, slot, block_hash FROM payloads WHERE ${inScope(d, scope)}
  GROUP BY relay, slot, block_hash HAVING count(*) > 1
)
SELECT relay, count(*) AS blocks, max(slot) AS newest FROM keys GROUP BY relay`,
    in_two_slots: `WITH hashes AS (
  SELECT block_hash, min(slot) AS first_slot FROM payloads WHERE ${inScope(d, scope)}
  GROUP BY block_hash HAVING min(slot) <> max(slot)
)
SELECT count(*) AS blocks, max(first_slot) AS newest FROM hashes`,
    spread: `WITH keys AS (
  SELECT DISTINCT relay, slot, block_hash FROM payloads WHERE ${inScope(d, scope)}
), blocks AS (
  SELECT slot, block_hash, count(*) AS relays FROM keys GROUP BY slot, block_hash
)
SELECT count(*) AS blocks, coalesce(sum(relays), 0) AS payloads FROM blocks`,
  }),
  judge({ shared = [], twice = [], in_two_slots: inTwoSlots = [], spread = [] }) {
    const findings: Finding[] = [];
    for (const row of shared) {
      const [blocks, differing] = [numberIn(row, "shared"), numberIn(row, "differing")];
      if (isBeyondChance(differing, blocks, USUAL))
        findings.push({
          severity: "warning",
          relay: textIn(row, "relay"),
          what: `states ${manyOf(differing, blocks, "block")} that others delivered too otherwise than they do`,
        });
    }
    for (const row of twice)
      findings.push({
        severity: "warning",
        relay: textIn(row, "relay"),
        what: `${many(numberIn(row, "blocks"), "block")} twice in its slot, with other fields; the newest in slot ${numberIn(row, "newest")}`,
      });
    const slots = sumOf(inTwoSlots, (row) => numberIn(row, "blocks"));
    if (slots > 0)
      findings.push({
        severity: "warning",
        relay: null,
        what: `${many(slots, "block hash")} delivered in two slots`,
      });
    const [all = {}] = spread;
    const blocks = sumOf(spread, (row) => numberIn(row, "blocks"));
    return {
      measured:
        blocks === 0
          ? "no payloads"
          : `${many(blocks, "block")}, each on ${(numberIn(all, "payloads") / blocks).toFixed(2)} relays on average`,
      findings,
    };
  },
};
