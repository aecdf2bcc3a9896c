import test from "ava";
import { findNetwork } from "../../runtime/chain/networks.ts";
import { DATASET_NAMES } from "../../runtime/datasets/dataset.ts";
import { allTables, loadTables } from "../../runtime/datasets/tables.ts";
import { everyStatement } from "../../runtime/report/statements.ts";
import { sqlDialects } from "../../runtime/warehouse/sql/dialects.ts";
import { loadedChunksSql, prunableSql } from "../../runtime/warehouse/sql/prunable.ts";
import { type Catalog, refusals } from "./analyzer.ts";

test("GoogleSQL takes every statement of reports, checks and prune", async (t) => {
  const network = findNetwork("mainnet", 1);
  if (!network) return t.fail();
  const columns = (table: (typeof allTables)[number]) =>
    table.columns.map(({ name, type }) => [name, type] as const);
  // Queries run with a default dataset, so that tables go by their own names.
  const catalog: Catalog = {
    ...Object.fromEntries(allTables.map((table) => [table.name, columns(table)])),
    loads: [["dataset", "STRING"], ...columns(loadTables.bids)],
  };
  const range = { first: 13_000_000, last: 13_050_000 };
  for (const relays of [undefined, [], ["flashbots", "titan"]]) {
    const scope = { network, range, nowMs: Date.now(), ...(relays ? { relays } : {}) };
    const statements = [
      ...everyStatement(sqlDialects.bigquery, scope),
      ...DATASET_NAMES.flatMap((name) => [
        { name: `prunable ${name}`, sql: prunableSql(sqlDialects.bigquery, name, Date.UTC(2026, 0, 2)) },
        { name: `loaded chunks of ${name}`, sql: loadedChunksSql(name, range.first, range.last) },
      ]),
    ];
    t.true(statements.length > 40);
    t.deepEqual(await refusals(catalog, statements), []);
  }
});
