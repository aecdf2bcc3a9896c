import { type Market, comparedSlots, marketFound } from "./marketNumbers.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { type Scope, inScope } from "../../warehouse/sql/scope.ts";
import { count } from "../format.ts";
import type { PageTable, Section } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { marketFigures } from "./marketFigures.ts";

function sharedBidsSql(d: SqlDialect, scope: Scope): string {
  return `WITH offers AS (
  SELECT slot, block_hash, string_agg(DISTINCT relay, ',' ORDER BY relay) AS relays
  FROM bids WHERE ${inScope(d, { ...scope, range: comparedSlots(scope.range) })} GROUP BY slot, block_hash
)
SELECT relays, count(*) AS blocks FROM offers GROUP BY relays`;
}

export const marketSection: Section = {
  id: "market",
  title: "Market",
  statements: (d, { scope }) => ({
    shared_blocks: `WITH delivered AS (
  SELECT slot, block_hash, min(builder_pubkey) AS builder_pubkey, string_agg(DISTINCT relay, ',' ORDER BY relay) AS relays
  FROM payloads WHERE ${inScope(d, scope)} GROUP BY slot, block_hash
)
SELECT builder_pubkey, relays, count(*) AS blocks FROM delivered GROUP BY builder_pubkey, relays`,
    shared_bids: sharedBidsSql(d, scope),
  }),
  view: viewOf(marketFound, marketFigures, marketTables),
};

function marketTables({ numbers: { concentration } }: Market): PageTable[] {
  const { builders, relays } = concentration;
  const shown = (hhi: number | null) => (hhi === null ? "none" : count(hhi));
  return [
    {
      title: "Concentration in the whole range; 10,000 is one alone, N equal ones are 10,000 / N",
      columns: columnsOf(["of"], ["blocks", "index", "as many equal ones"]),
      rows: (
        [
          ["builders", builders],
          ["relays", relays],
        ] as const
      ).map(([of, { blocks, hhi }]) => [
        of,
        count(blocks),
        shown(hhi),
        hhi === null ? "none" : (10_000 / hhi).toFixed(1),
      ]),
    },
  ];
}
