import { chainBlocks } from "../datasets/chainBlocks.ts";
import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many } from "./words.ts";

/** What sources of the chain must agree in: what each says of a block by its own word. */
const SHARED = chainBlocks.columns
  .filter(({ field }) => field !== undefined)
  .map(({ name }) => name)
  .filter((name) => !["slot", "status"].includes(name));

export const sourcesDisagree: Check = {
  number: 27,
  name: "chain-sources-disagree",
  title: "Sources of the chain disagree",
  looksFor:
    "slots of which two sources of the chain say different things: another block, or another value in a column that both fill",
  advice:
    "One of the two follows another chain, or was read wrongly: ask a third (`run --dataset chain_blocks --chain URL`), and take the chunks of the wrong one out of the lake.",
  statements: (d, { network, range, nowMs }) => {
    // Of all sources, whatever relays are looked at.
    const scope = { network, range, nowMs };
    // A null is no word, save that a source which knows of no execution block in a slot contradicts one that names its hash.
    const differing = SHARED.map((name) => `WHEN one.${name} <> other.${name} THEN '${name}'`);
    const onChain = (source: string) => `IF(${source}.status = 'canonical', ${source}.block_hash, NULL)`;
    const isOther = `COALESCE(${onChain("one")}, '') <> COALESCE(${onChain("other")}, '')`;
    const both = `one.status <> 'orphaned' AND other.status <> 'orphaned'`;
    return {
      pairs: `SELECT relay, other_relay, difference, count(*) AS slots, min(slot) AS slot
FROM (
  SELECT one.relay AS relay, other.relay AS other_relay, one.slot AS slot,
    CASE WHEN ${isOther} THEN 'block_hash' WHEN ${both} THEN CASE ${differing.join(" ")} END END AS difference
  FROM chain_blocks AS one JOIN chain_blocks AS other ON other.slot = one.slot
  WHERE one.relay < other.relay AND ${inScope(d, scope, "one")} AND ${inScope(d, scope, "other")}
) AS compared
WHERE difference IS NOT NULL GROUP BY relay, other_relay, difference ORDER BY slot, relay, other_relay`,
      told: `SELECT count(*) AS slots, count(DISTINCT relay) AS sources FROM chain_blocks WHERE ${inScope(d, scope)}`,
    };
  },
  judge({ pairs = [], told = [] }) {
    const findings = pairs.map((row): Finding => {
      const [column, slots] = [textIn(row, "difference"), numberIn(row, "slots")];
      const what = `another ${column} than ${textIn(row, "other_relay")} in ${many(slots, "slot")}, e.g. ${numberIn(row, "slot")}`;
      return { severity: "error", relay: textIn(row, "relay"), what };
    });
    const rows = sumOf(told, (row) => numberIn(row, "slots"));
    const sources = sumOf(told, (row) => numberIn(row, "sources"));
    return { measured: `${many(rows, "row")} of ${many(sources, "source")} of the chain compared`, findings };
  },
};
