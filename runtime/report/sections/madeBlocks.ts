import { type Dataset, datasets } from "../../datasets/dataset.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { type Scope, inScope } from "../../warehouse/sql/scope.ts";

/** What relays make of bids: whose hash is the made block's, and what it changed for the proposer. */
export const MADE_KINDS = [
  {
    key: "adjusted",
    dataset: datasets.adjustments,
    change: "delta",
    sign: -1,
    label: "taken off by adjustments",
    colour: "var(--c4)",
  },
  {
    key: "merged",
    dataset: datasets.merged_blocks,
    change: "proposer_value - original_value",
    sign: 1,
    label: "added by merging",
    colour: "var(--c2)",
  },
] as const;
export type MadeKind = (typeof MADE_KINDS)[number];

/** Blocks that relays made, each once a relay (kind, relay, slot, block_hash), with what that changed for the proposer, ETH. */
export function madeBlocksSql(d: SqlDialect, scope: Scope): string {
  return MADE_KINDS.map(({ key, dataset, change }: MadeKind) => {
    const { name, makesBlocks = "" }: Dataset = dataset;
    return `SELECT '${key}' AS kind, relay, slot, ${makesBlocks} AS block_hash, max(${d.double(change)} / 1e18) AS eth
  FROM ${name} WHERE ${inScope(d, scope)} GROUP BY relay, slot, ${makesBlocks}`;
  }).join("\n  UNION ALL\n  ");
}
