import type { Network } from "../../chain/networks.ts";
import { buildersTable } from "../../datasets/tables.ts";
import type { SqlDialect } from "./dialect.ts";
import { builtInBuilders } from "./mainnetBuilders.ts";
import { groupBy } from "./values.ts";
import type { TableNamer } from "./views.ts";

/** Beyond every slot. */
const NO_SLOT = "9223372036854775807";

/**
 * Table expression `named_builders` (pubkey, name, since, until: slots, the last exclusive), to follow WITH: which name of table
 * builders a key has when. A key's first name holds before its first block too, each until the next one's.
 */
export function namedBuildersSql(table: TableNamer): string {
  const next = (order: string) => `OVER (PARTITION BY pubkey ORDER BY ${order})`;
  return `named_builders AS (
  SELECT pubkey, name, CASE WHEN ROW_NUMBER() ${next("from_slot")} = 1 THEN 0 ELSE from_slot END AS since,
    COALESCE(LEAD(from_slot) ${next("from_slot")}, ${NO_SLOT}) AS until
  FROM ${table(buildersTable.name)}
)`;
}

/** A builder's name beside a row joined with `named_builders`: by its blocks, else the built-in one, else the ends of its key. */
export function builderNameOf(d: SqlDialect, network: Network, key: string): string {
  return `COALESCE(named_builders.name, ${builtInNameSql(d, network, key)})`;
}

/** A builder's built-in name, else the ends of its key, as in the report. */
export function builtInNameSql(d: SqlDialect, { name: network }: Network, key: string): string {
  const ends = `CONCAT(SUBSTR(${key}, 1, 6), '…', SUBSTR(${key}, LENGTH(${key}) - 3, 4))`;
  const cases = Array.from(
    groupBy(builtInBuilders(network), ([, name]) => name),
    ([name, keys]) => `WHEN ${key} IN (${keys.map(([one]) => d.text(one)).join(", ")}) THEN ${d.text(name)}`,
  );
  return cases.length === 0 ? ends : `CASE\n    ${cases.join("\n    ")}\n    ELSE ${ends} END`;
}
