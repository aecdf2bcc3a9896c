import { readdir, readFile } from "node:fs/promises";
import { forEachDataset } from "../../runtime/datasets/dataset.ts";
import { join } from "node:path";
import test from "ava";
import { findNetwork } from "../../runtime/chain/networks.ts";
import { type Catalog, refusals, type Statement, warehouseCatalog } from "./analyzer.ts";
import { blocksTable, everyQuery } from "./statements.ts";

const network = findNetwork("mainnet", 1);
if (!network) throw new Error("no mainnet");
const settings = { project: "some-project", dataset: "etl", network };
const places = {
  tables: { project: "some-project", dataset: "etl" },
  staging: { project: "some-project", dataset: "etl_staging" },
};
const catalog: Catalog = {
  ...warehouseCatalog(
    settings,
    "etl_staging",
    forEachDataset(({ name }) => [`${name}_staged`]),
  ),
  [blocksTable.table]: [
    ["timestamp", "TIMESTAMP"],
    ["number", "INT64"],
    ["hash", "STRING"],
    ["parent_hash", "STRING"],
    ["miner", "STRING"],
    ["extra_data", "STRING"],
    ["gas_used", "INT64"],
    ["gas_limit", "INT64"],
    ["transaction_count", "INT64"],
    ["base_fee_per_gas", "INT64"],
  ],
};
const byFunction = everyQuery(settings, places, ({ name }) => `${name}_staged`);
const statements = Object.values(byFunction).flat();

test("GoogleSQL takes every statement, view and function, with the tables' schemas and the parameters' types", async (t) => {
  t.timeout(20 * 60_000);
  t.true(statements.length > 30);
  t.deepEqual(await refusals(catalog, statements), []);
});

test("every function that writes GoogleSQL is among them", async (t) => {
  const folder = join(import.meta.dirname, "../../runtime/warehouse/bigquery");
  const writers: string[] = [];
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), "utf8");
    for (const part of text.split(/^export function /m).slice(1)) {
      const [head = ""] = part.split(/ \{$/m);
      const writer = /^(\w+)\([^]*\): (?:Query|BigQueryView\[\]|BigQueryRoutine\[\])$/.exec(head)?.[1];
      if (writer !== undefined) writers.push(writer);
    }
    // Nobody writes a statement by hand where it is sent.
    if (name !== "bigqueryJobs.ts") t.notRegex(text, /run\(\{\s*sql: ["`]/, name);
  }
  t.deepEqual([...writers, "coverageView"].sort(), Object.keys(byFunction).sort());
});

test("a column that isn't there is refused, whichever statement names it", async (t) => {
  t.timeout(20 * 60_000);
  // What each statement needs: without that column in the catalog, and with another of its type instead.
  const without = (column: string): Catalog =>
    Object.fromEntries(
      Object.entries(catalog).map(([table, columns]) => [
        table,
        columns.map(([name, type]) => [name === column ? `${name}_x` : name, type] as const),
      ]),
    );
  const refusedOf = new Map<string, Set<string>>();
  const columns = new Set(Object.values(catalog).flatMap((of) => of.map(([name]) => name)));
  for (const column of columns)
    for (const { name, error } of await refusals(without(column), statements)) {
      t.regex(error, new RegExp(`${column}|column|name`, "i"));
      refusedOf.set(name, (refusedOf.get(name) ?? new Set()).add(column));
    }
  for (const { name } of statements) t.true((refusedOf.get(name)?.size ?? 0) > 0, name);
  t.true(refusedOf.get("load of new bids")?.has("optimistic_submission"));
  t.true(refusedOf.get("coverage")?.has("oldest_slot"));
});

test("a type that doesn't fit is refused", async (t) => {
  t.timeout(20 * 60_000);
  const wrong: Statement[] = statements
    .filter(({ parameters = {} }) => Object.values(parameters).some((type) => type.includes("INT64")))
    .map((statement) => ({
      ...statement,
      parameters: Object.fromEntries(
        Object.entries(statement.parameters ?? {}).map(([name, type]) => [
          name,
          type.replaceAll("INT64", "STRING"),
        ]),
      ),
    }));
  t.true(wrong.length > 5);
  const refused = new Set((await refusals(catalog, wrong)).map(({ name }) => name));
  t.deepEqual(
    wrong.map(({ name }) => name).filter((name) => !refused.has(name)),
    [],
  );
});
