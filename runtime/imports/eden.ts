import { importedBids, importedPayloads } from "../datasets/importTables.ts";

/** Eden's names of relays. */
const NAMES: readonly (readonly [string, string])[] = [
  ["bloxrouteMaxProfit", "bloxroute-max-profit"],
  ["bloxrouteRegulated", "bloxroute-regulated"],
];
/** What Eden's tables lack, or mean otherwise: their block_timestamp is that of the block of this number. */
const DERIVED: Readonly<Record<string, string>> = {
  relay: `CASE relay ${NAMES.map(([name, relay]) => `WHEN '${name}' THEN '${relay}'`).join(" ")} ELSE relay END`,
  source: "'eden'",
  source_file: "FORMAT_TIMESTAMP('%F', from_time)",
  value_eth_float: "CAST(NULL AS FLOAT64)",
  timestamp_s: "CAST(NULL AS INT64)",
  copies: "CAST(NULL AS INT64)",
};

/**
 * What brings Eden's public tables into a BigQuery dataset, a day at a time: statements to run in BigQuery, where these tables are.
 */
export function edenRecipe(dataset: string, genesis: number): string {
  const insert = ({ name, columns }: typeof importedBids | typeof importedPayloads, from: string) => {
    const values = columns.map((column) =>
      column.name === "block_timestamp"
        ? `TIMESTAMP_SECONDS(${genesis} + 12 * slot) AS block_timestamp`
        : `${DERIVED[column.name] ?? `\`${column.name}\``} AS \`${column.name}\``,
    );
    const list = columns.map((column) => `\`${column.name}\``).join(", ");
    const day = `TIMESTAMP_SECONDS(${genesis} + 12 * slot) >= from_time AND TIMESTAMP_SECONDS(${genesis} + 12 * slot) < to_time`;
    return `-- Again for the same day: its rows leave first.
DELETE FROM \`${dataset}.${name}\`
WHERE block_timestamp >= from_time AND block_timestamp < to_time AND source = 'eden';
INSERT INTO \`${dataset}.${name}\` (${list})
SELECT DISTINCT ${values.join(",\n  ")}
FROM \`eden-data-public.mev_boost.${from}\`
WHERE block_timestamp >= TIMESTAMP_SUB(from_time, INTERVAL 1 DAY) AND block_timestamp < TIMESTAMP_ADD(to_time, INTERVAL 1 DAY)
  AND ${day};`;
  };
  return `-- Whether these tables still stand isn't known: probe with a dry run first.
DECLARE from_time TIMESTAMP DEFAULT TIMESTAMP '2023-06-01 00:00:00+00';
DECLARE to_time TIMESTAMP DEFAULT TIMESTAMP '2023-06-02 00:00:00+00';
BEGIN TRANSACTION;
${insert(importedPayloads, "payloads")}
${insert(importedBids, "bids")}
COMMIT TRANSACTION;
`;
}
