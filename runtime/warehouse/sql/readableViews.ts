import type { Network } from "../../chain/networks.ts";
import type { AuctionDataset } from "../../datasets/dataset.ts";
import { rowTables } from "../../datasets/tables.ts";
import { views } from "../../datasets/views.ts";
import type { SqlDialect } from "./dialect.ts";
import { builtInBuilders } from "./mainnetBuilders.ts";
import { groupBy } from "./values.ts";
import type { TableNamer } from "./views.ts";

const WEI_PER_ETH = "1e18";

/** How each of `readableColumns` is worked out. */
const expressions: Readonly<Record<string, (d: SqlDialect, network: Network) => string>> = {
  date: (d) => d.dateOf("block_timestamp"),
  builder: (d, { name }) => builderNameSql(d, builtInBuilders(name)),
  value_eth: (d) => `${d.double("value")} / ${WEI_PER_ETH}`,
  ms_into_slot: (d) => d.msBetween("block_timestamp", d.column("timestamp")),
};

/**
 * Views bids_readable and payloads_readable: a table's columns, and behind each what people make of it first; of all rows, or
 * of those `where` holds for. No join, so that a filter on the day reaches the table.
 */
export function readableQuery(
  d: SqlDialect,
  table: TableNamer,
  network: Network,
  dataset: AuctionDataset,
  where?: string,
): string {
  const shown = views[`${dataset}_readable`].columns.map(({ name }) => {
    const expression = expressions[name]?.(d, network);
    return expression === undefined ? d.column(name) : `${expression} AS ${d.column(name)}`;
  });
  return `SELECT ${shown.join(",\n  ")}\nFROM ${table(rowTables[dataset].name)}${where === undefined ? "" : `\nWHERE ${where}`}`;
}

/** A builder's name, else the ends of its key, as in the report. */
function builderNameSql(d: SqlDialect, names: ReadonlyMap<string, string>): string {
  const key = "builder_pubkey";
  const ends = `CONCAT(SUBSTR(${key}, 1, 6), '…', SUBSTR(${key}, LENGTH(${key}) - 3, 4))`;
  const cases = Array.from(
    groupBy(names, ([, name]) => name),
    ([name, keys]) => `WHEN ${key} IN (${keys.map(([one]) => d.text(one)).join(", ")}) THEN ${d.text(name)}`,
  );
  return cases.length === 0 ? ends : `CASE\n    ${cases.join("\n    ")}\n    ELSE ${ends} END`;
}
