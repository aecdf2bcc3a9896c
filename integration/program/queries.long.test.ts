import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import test from "ava";
import { duckdbDialect } from "../../runtime/warehouse/sql/duckdbDialect.ts";
import { plausibleValues } from "../../runtime/warehouse/sql/plausibleValues.ts";
import { numberIn, type ResultRow, textIn } from "../../runtime/warehouse/sql/values.ts";
import { onDay, queriesUrl, questions, questionsIn } from "../queries.ts";
import { queriesDocument } from "../queriesDoc.ts";
import { tablesDocument } from "../tablesDoc.ts";
import { NOW } from "./line.ts";
import { type LoadedWarehouse, loadedNetwork } from "./loaded.ts";

const DAY = new Date(NOW).toISOString().slice(0, 10);
const tablesUrl = new URL("../../docs/tables.md", import.meta.url);
const read = (url: URL) => readFileSync(url, "utf8");
/** A text without what prettier adds to a table. */
const plain = (text: string) => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");

test("docs/tables.md and the bill in docs/queries.md are those of the code (npm run docs)", async (t) => {
  t.is(plain(tablesDocument(read(tablesUrl))), plain(read(tablesUrl)));
  t.is(plain(await queriesDocument(read(queriesUrl))), plain(read(queriesUrl)));
  for (const url of [tablesUrl, queriesUrl]) t.true(read(url).split("\n").length <= 301, url.pathname);
});

test("docs/queries.md has fifteen questions, and one without a form in a dialect is refused", (t) => {
  t.deepEqual(
    questions().map(({ number }) => number),
    Array.from({ length: 15 }, (_, index) => index + 1),
  );
  t.throws(() => questionsIn("### 7. What?\n\n```sql duckdb\nSELECT 1;\n```\n"), { message: /question 7/ });
});

test("each question has an answer over the simulated network, and its sums leave out what can't be believed", async (t) => {
  t.timeout(240_000);
  const loaded = await loadedNetwork({ seed: 4, slots: 64 });
  t.teardown(async () => loaded.simulator.close());
  await claim(loaded);
  const answers = new Map<number, readonly ResultRow[]>();
  for (const { number, title, sql } of questions()) {
    const rows = await loaded.warehouse.query(onDay(sql.duckdb, DAY));
    t.true(rows.length > 0, `${number}. ${title}`);
    answers.set(number, rows);
  }
  const rowsOf = async (sql: string) => loaded.warehouse.query(sql);
  // Nobody has asked for the rest of the day.
  const asked = answers.get(1)?.filter((row) => numberIn(row, "covered") > 0) ?? [];
  t.is(asked.length, 2 * loaded.relays.filter(({ state }) => state === "active").length);

  const delivered = answers.get(2) ?? [];
  t.true(delivered.every((row) => numberIn(row, "eth") < 1e6));
  const held = await rowsOf(
    "SELECT relay, count(*) AS payloads FROM payloads WHERE value < 1e22 GROUP BY relay",
  );
  t.deepEqual(payloadsByRelay(delivered), payloadsByRelay(held));
  t.true((answers.get(5) ?? []).every((row) => numberIn(row, "eth_left") < 1e6));

  const [blocks] = await rowsOf("SELECT count(DISTINCT block_hash) AS blocks FROM payloads");
  for (const row of answers.get(4) ?? [])
    t.true(
      Math.abs(numberIn(row, "share") - numberIn(row, "blocks") / numberIn(blocks ?? {}, "blocks")) < 1e-9,
    );
});

test("delivered believes a block's value where the report does", async (t) => {
  t.timeout(240_000);
  const loaded = await loadedNetwork({ seed: 4, slots: 64 });
  t.teardown(async () => loaded.simulator.close());
  await claim(loaded);
  const scope = { network: loaded.line.network, range: loaded.range, nowMs: NOW };
  const [report, view] = await Promise.all(
    [
      `WITH ${plausibleValues(duckdbDialect, scope)} SELECT slot, block_hash, believed FROM stated`,
      "SELECT slot, block_hash, bool_or(believed) AS believed FROM delivered WHERE value > 0 GROUP BY slot, block_hash",
    ].map(async (sql) => loaded.warehouse.query(`SELECT * FROM (${sql}) ORDER BY slot, block_hash`)),
  );
  t.true((report?.length ?? 0) > 20);
  t.true(report?.some((row) => row["believed"] === false));
  t.deepEqual(view, report);
});

/** Adds a payload of 10^9 ETH, and one of 1 ETH, as a relay might state them. */
async function claim({ folder, range }: LoadedWarehouse): Promise<void> {
  const instance = await DuckDBInstance.create(join(folder, "warehouse.duckdb"));
  const connection = await instance.connect();
  for (const [number, value] of ["1e27", "1e18"].entries())
    await connection.run(
      `INSERT INTO payloads BY NAME (SELECT * REPLACE ('0xclaim${number}' AS block_hash, ${value}::DECIMAL(38,0) AS value)
        FROM payloads WHERE slot BETWEEN ${range.first} AND ${range.last} ORDER BY relay, slot LIMIT 1)`,
    );
  connection.closeSync();
  instance.closeSync();
}

function payloadsByRelay(rows: readonly ResultRow[]): (readonly [string, number])[] {
  return rows
    .map((row) => [textIn(row, "relay"), numberIn(row, "payloads")] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}
