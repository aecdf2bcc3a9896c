import test from "ava";
import { forEachDataset } from "../../runtime/datasets/dataset.ts";
import { findNetwork } from "../../runtime/chain/networks.ts";
import { allTables, loadTables } from "../../runtime/datasets/tables.ts";
import { bigqueryRoutines, bigqueryViews } from "../../runtime/warehouse/bigquery/bigqueryViews.ts";
import { questions } from "../queries.ts";
import { type Catalog, refusals, warehouseCatalog } from "./analyzer.ts";

const network = findNetwork("mainnet", 1);
if (!network) throw new Error("no mainnet");
const settings = { project: "some-project", dataset: "etl", network };
const columnsOf = (table: (typeof allTables)[number]) =>
  table.columns.map(({ name, type }) => [name, type] as const);
/** Tables by their full names, which views have, and by their own, as with a default dataset. */
const catalog: Catalog = {
  ...warehouseCatalog(
    settings,
    "etl_staging",
    forEachDataset(() => []),
  ),
  ...Object.fromEntries(allTables.map((table) => [table.name, columnsOf(table)])),
  loads: [["dataset", "STRING"], ...columnsOf(loadTables.bids)],
};

/** A statement with each view and function in its place as what it stands for: the analyzer's catalog has tables only. */
function withoutViews(sql: string): string {
  const called = bigqueryRoutines(settings).reduce(
    (text, { name, body }) =>
      text.replaceAll(
        new RegExp(`\\b${name}\\((TIMESTAMP '[^']*'), (TIMESTAMP '[^']*')\\)`, "g"),
        (_, from: string, to: string) => `(${body.replaceAll("from_time", from).replaceAll("to_time", to)})`,
      ),
    sql,
  );
  return bigqueryViews(settings).reduce(
    (text, { name, query }) =>
      text.replaceAll(
        new RegExp(`\\b(FROM|JOIN) ${name}\\b(?: AS (\\w+))?`, "g"),
        (_, word: string, alias: string | undefined) => `${word} (${query}) AS ${alias ?? name}`,
      ),
    called,
  );
}

const asked = questions().map(({ number, sql }) => ({
  name: `question ${number}`,
  sql: withoutViews(sql.bigquery),
}));

test("GoogleSQL takes the BigQuery form of every question of docs/queries.md", async (t) => {
  t.timeout(20 * 60_000);
  t.is(asked.length, 15);
  t.deepEqual(await refusals(catalog, asked), []);
});

test("each question that reads bids or payloads bounds their days", (t) => {
  for (const { number, sql } of questions()) {
    const reads = sql.bigquery.match(/\b(?:FROM|JOIN) (?:bids|payloads)(?:_readable)?\b/g)?.length ?? 0;
    const bounds = sql.bigquery.match(
      /block_timestamp >= TIMESTAMP '[^']+' AND (?:\w+\.)?block_timestamp < TIMESTAMP/g,
    );
    t.is(bounds?.length ?? 0, reads, `question ${number}`);
  }
});

test("a column that isn't there is refused", async (t) => {
  t.timeout(20 * 60_000);
  const wrong = asked.map(({ name, sql }) => ({ name, sql: sql.replace(/^SELECT /, "SELECT nowhere, ") }));
  t.is((await refusals(catalog, wrong)).length, 15);
});
