import { DATASET_NAMES } from "../datasets/dataset.ts";
import test from "ava";
import fc from "fast-check";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { runChecks } from "../checks/checks.ts";
import { findNetwork, simulatedNetwork } from "../chain/networks.ts";
import { fixedDateClock } from "../chain/clock.ts";
import { slotStartMs } from "../chain/slots.ts";
import { quotedName, quotedText } from "../datasets/schema.ts";
import { type Table, allTables, infoTable } from "../datasets/tables.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { sqlDialects } from "../warehouse/sql/dialects.ts";
import { type Scope, bucketsOf, scopeSlots } from "../warehouse/sql/scope.ts";
import { newFolder } from "../warehouse/warehouse.testing.ts";
import { BuilderNames } from "./names.ts";
import { PLACES } from "./page.ts";
import { makeReport } from "./report.ts";
import { everyStatement } from "./statements.ts";
import { duckdbDialect } from "../warehouse/sql/duckdbDialect.ts";

const networks = [findNetwork("mainnet", 1), findNetwork("hoodi", 1), simulatedNetwork(3)].filter(
  (network) => network !== undefined,
);
const relayName = fc.string({
  unit: fc.constantFrom("a", "z", "0", "-", "'", '"', "\\", "\n", "`", "é"),
  maxLength: 12,
});
const scopes: fc.Arbitrary<Scope> = fc
  .record({
    network: fc.constantFrom(...networks),
    first: fc.integer({ min: 4_700_567, max: 20_000_000 }),
    slots: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 400, max: 6_000_000 })),
    relays: fc.option(fc.array(relayName, { maxLength: 3 }), { nil: undefined }),
  })
  .map(({ network, first, slots, relays }) => ({
    network,
    range: { first, last: first + slots - 1 },
    nowMs: slotStartMs(network, first + slots + 50),
    ...(relays === undefined ? {} : { relays }),
  }));

/** Where a statement reads rows of a dataset. */
const ROW_READS = new RegExp(String.raw`\b(?:FROM|JOIN) (?:${DATASET_NAMES.join("|")})\b`, "g");

test("every statement bounds block_timestamp by literals wherever it reads bids or payloads, in both dialects", (t) => {
  fc.assert(
    fc.property(scopes, (scope) => {
      for (const d of Object.values(sqlDialects)) {
        const statements = everyStatement(d, scope);
        t.true(statements.length > 40);
        t.is(new Set(statements.map(({ name }) => name)).size, statements.length);
        for (const { name, sql } of statements) {
          // DuckDB's is NULL where the condition is NULL of every row; countWhere is the same in both.
          t.notRegex(sql, /count_?if\s*\(/i, name);
          const reads = sql.match(ROW_READS)?.length ?? 0;
          const bounds = Array.from(
            sql.matchAll(/block_timestamp BETWEEN TIMESTAMP '([^']+)' AND TIMESTAMP '([^']+)'/g),
            ([, from = "", to = ""]) =>
              [from, to].map((text) => Date.parse(`${text.slice(0, 23).replace(" ", "T")}Z`)),
          );
          t.is(bounds.length, reads, `${name}: ${sql}`);
          for (const [from = 0, to = 0] of bounds) {
            t.true(from >= slotStartMs(scope.network, scope.range.first), name);
            t.is(to, slotStartMs(scope.network, scope.range.last), name);
          }
          if (d.name === "bigquery" && scope.relays === undefined) t.notRegex(sql, /"|::|\/\//, name);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("a text is one literal, whatever is in it, and in BigQuery's form keeps to its escapes", async (t) => {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await fc.assert(
    fc.asyncProperty(fc.oneof(relayName, fc.string()), async (text) => {
      fc.pre(!text.includes("\0"));
      const [row] = (await connection.runAndReadAll(`SELECT ${sqlDialects.duckdb.text(text)}`)).getRows();
      t.is(row?.[0], text);
      const literal = sqlDialects.bigquery.text(text);
      t.is(JSON.parse(literal), text);
      t.regex(literal, /^"(?:[^"\\\n\r]|\\["\\bfnrt]|\\u[0-9a-f]{4})*"$/);
    }),
  );
});

test("buckets cut a range into few equal parts, each slot in one of them, days where UTC's begin", (t) => {
  fc.assert(
    fc.property(scopes, fc.integer({ min: 5, max: 120 }), (scope, most) => {
      const { range, network } = scope;
      const buckets = bucketsOf(scope, most);
      t.true(buckets.last - buckets.first + 1 <= most + 1);
      let next = range.first;
      for (let bucket = buckets.first; bucket <= buckets.last; bucket++) {
        const { first, last } = scopeSlots(buckets, bucket, range);
        t.is(first, next);
        t.true(last >= first && last - first < buckets.step);
        t.is(Math.floor((first - buckets.origin) / buckets.step), bucket);
        next = last + 1;
      }
      t.is(next, range.last + 1);
      if (buckets.step % 7200 === 0) {
        const intoDay = (slotStartMs(network, buckets.origin) / 1000) % 86_400;
        t.true(intoDay < 12, `a day's bucket begins ${intoDay} s after midnight`);
      }
    }),
  );
});

const hour = { network: simulatedNetwork(1), first: 64_000, last: 64_299 };
const REQUIRED: Readonly<Record<string, (slot: number, relay: string) => string>> = {
  relay: (_, relay) => quotedText(relay),
  name: (_, relay) => quotedText(relay),
  slot: (slot) => String(slot),
  first_slot: (slot) => String(slot - (slot % 32)),
  last_slot: (slot) => String(slot - (slot % 32) + 31),
  covered: () => quotedText("01".repeat(16)),
  suspect: () => quotedText("0001".repeat(8)),
  state: () => quotedText("active"),
};

/** A row with a value in each required column and NULL in all others. */
function nullRow(table: Table, slot: number, relay: string): string {
  const values = table.columns.map(({ name, type, required }) => {
    if (!required) return "NULL";
    if (type === "TIMESTAMP") return `epoch_ms(${slotStartMs(hour.network, slot)}::BIGINT)`;
    return REQUIRED[name]?.(slot, relay) ?? (type === "STRING" ? quotedText(`0x${slot}`) : "1");
  });
  return `INSERT INTO ${quotedName(table.name)} (${table.columns.map(({ name }) => quotedName(name)).join(", ")})
    VALUES (${values.join(", ")})`;
}

/** How many slots a row of a table is about. */
function slotsOfRow({ columns }: Table): number {
  const names = new Set(columns.map(({ name }) => name));
  return names.has("slot") ? 1 : names.has("first_slot") ? 32 : Infinity;
}

for (const rows of ["no row", "rows of which every column that may be NULL is NULL"] as const)
  test(`checks, report and each of their statements work over tables with ${rows}`, async (t) => {
    t.timeout(240_000);
    const folder = await newFolder(t);
    const { network, first, last } = hour;
    const nowMs = slotStartMs(network, last + 50);
    const path = join(folder, "one.duckdb");
    const warehouse = openDuckDb(path, network, { clock: fixedDateClock(nowMs), log: silentLog });
    await warehouse.load(openFolderLake(join(folder, "lake"), network.name), []);
    if (rows !== "no row") {
      const instance = await DuckDBInstance.create(path);
      const connection = await instance.connect();
      await connection.run("BEGIN");
      for (const table of allTables.filter((table) => table !== infoTable))
        for (const relay of ["heron", "swift"])
          for (let slot = first; slot <= last; slot += slotsOfRow(table))
            await connection.run(nullRow(table, slot, relay));
      await connection.run("COMMIT");
      connection.closeSync();
      instance.closeSync();
    }
    const scope = { network, range: { first, last }, nowMs };
    const asked = everyStatement(sqlDialects.duckdb, scope).map(({ name, sql }) =>
      t.notThrowsAsync(warehouse.query(sql), name),
    );
    await Promise.all(asked);
    const checks = await runChecks(warehouse, duckdbDialect, { scope, relays: [] });
    const { html } = await makeReport(warehouse, duckdbDialect, {
      scope,
      names: BuilderNames.of(network.name),
      checks,
    });
    t.regex(html, /<\/html>\n$/);
    for (const { check } of checks)
      t.true(
        html.includes(` id="${PLACES[check.name] ?? "no place"}"`),
        `${check.name} has its place on the page`,
      );
    const sectionOf = (id: string) => html.split(`<section id="${id}">`)[1]?.split("</section>")[0] ?? "";
    if (rows === "no row")
      for (const id of ["mev-boost", "made", "headers"]) {
        t.regex(sectionOf(id), /<p class="nothing">[^<]+(?:<code>[^<]+<\/code>[^<]*)?<\/p>/, id);
        t.notRegex(sectionOf(id), /<figure|<table|<svg/, id);
      }
    const undated = checks.flatMap(({ findings }) =>
      findings.filter(({ what }) => / bids dated: /.test(what)),
    );
    t.deepEqual(
      undated.map(({ relay }) => String(relay)).toSorted(),
      rows === "no row" ? [] : ["heron", "swift"],
    );
  });
