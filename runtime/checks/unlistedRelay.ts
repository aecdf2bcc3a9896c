import { nameInExtraData } from "../builders/extraData.ts";
import { buildersTable } from "../datasets/tables.ts";
import { inScope } from "../warehouse/sql/scope.ts";
import { lackingRelaysSql } from "../warehouse/sql/slotsView.ts";
import { groupBy, numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many, manyOf } from "./words.ts";

/** A builder that proposes now and then signs its own block; so many a builder are no reason to look. */
const LEAST_BLOCKS = 3;
/** The list names so many builders. */
const NAMED = 5;

export const unlistedRelay: Check = {
  number: 8,
  name: "unlisted-relay",
  title: "Builders' blocks that came by no relay",
  looksFor:
    "canonical blocks that bear a known builder's name in extra_data though no relay delivered them, in slots in which the payloads of all relays of that time are covered",
  advice:
    "Look for a relay that the directory doesn't know, and for delivered lists that lack rows (`recheck --dataset payloads`). A builder may also be the proposer itself; extra_data can be forged.",
  statements: (d, scope) => {
    const all = { ...scope, relays: undefined };
    return {
      names: `SELECT DISTINCT name FROM ${buildersTable.name}`,
      blocks: `WITH told AS (
  SELECT slot, block_hash, min(extra_data_text) AS extra_data_text FROM chain_blocks
  WHERE ${inScope(d, all)} AND status = 'canonical' GROUP BY slot, block_hash
), delivered_hashes AS (
  SELECT DISTINCT slot, block_hash FROM payloads WHERE ${inScope(d, all)}
), told_slots AS (
  SELECT DISTINCT slot FROM told
), ${lackingRelaysSql((table) => table, scope.network, "told_slots")}
SELECT coalesce(extra_data_text, '') AS extra_data_text, count(*) AS blocks,
  sum(CASE WHEN delivered_hashes.slot IS NULL THEN 1 ELSE 0 END) AS by_none,
  max(CASE WHEN delivered_hashes.slot IS NULL THEN told.slot END) AS newest
FROM told JOIN asked_relays ON asked_relays.slot = told.slot AND lacking = 0
LEFT JOIN delivered_hashes ON delivered_hashes.slot = told.slot AND delivered_hashes.block_hash = told.block_hash
GROUP BY extra_data_text`,
    };
  },
  judge({ names = [], blocks = [] }) {
    const known = new Set(names.map((row) => textIn(row, "name")));
    const by = (column: string) => (row: (typeof blocks)[number]) => numberIn(row, column);
    const lone = blocks.filter((row) => numberIn(row, "by_none") > 0);
    const ofBuilders = Array.from(groupBy(lone, (row) => nameInExtraData(textIn(row, "extra_data_text"))))
      .flatMap(([name, rows]) =>
        name !== undefined && known.has(name)
          ? [{ name, blocks: sumOf(rows, by("by_none")), newest: Math.max(...rows.map(by("newest"))) }]
          : [],
      )
      .filter((builder) => builder.blocks >= LEAST_BLOCKS)
      .toSorted((a, b) => b.blocks - a.blocks);
    const findings: Finding[] = [];
    if (ofBuilders.length > 0) {
      const listed = ofBuilders.slice(0, NAMED).map((builder) => `${builder.name} ${builder.blocks}`);
      const newest = Math.max(...ofBuilders.map((builder) => builder.newest));
      const what =
        `${many(
          sumOf(ofBuilders, (builder) => builder.blocks),
          "block",
        )} of known builders came by no listed relay: ` +
        `${listed.join(", ")}; the newest in slot ${newest}`;
      findings.push({ severity: "warning", relay: null, what });
    }
    const total = sumOf(blocks, by("blocks"));
    return {
      measured:
        total === 0
          ? "no canonical block of a slot in which all payloads are covered"
          : `${manyOf(sumOf(blocks, by("by_none")), total, "canonical block")} came by no listed relay`,
      findings,
    };
  },
};
