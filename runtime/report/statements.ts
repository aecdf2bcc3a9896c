import { checks } from "../checks/checks.ts";
import { DATASET_NAMES } from "../datasets/dataset.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import { prunedDaysSql } from "../warehouse/sql/prunable.ts";
import { type Scope, bucketsOf, loadedRangeSql } from "../warehouse/sql/scope.ts";
import { refusedChunksSql } from "./refusals.ts";
import { auctionStatements } from "./auction/auction.ts";
import type { Ask } from "./asking.ts";
import { sections } from "./sections/sections.ts";

/** Buckets of time: as many as can be told apart as cells, and as bars. */
const FINE = 100;
const COARSE = 30;

/** What the statements of a report about a scope are written from. */
export function askAbout(scope: Scope): Ask {
  return { scope, fine: bucketsOf(scope, FINE), coarse: bucketsOf(scope, COARSE) };
}

/** The statements that the page is drawn from, by name. */
export function pageStatements(d: SqlDialect, ask: Ask): Readonly<Record<string, string>> {
  return Object.fromEntries(sections.flatMap((section) => Object.entries(section.statements(d, ask))));
}

/** Every statement that reports and checks ask a warehouse, for whoever wants to know whether it takes them. */
export function everyStatement(d: SqlDialect, scope: Scope): { name: string; sql: string }[] {
  return [
    { name: "loaded range", sql: loadedRangeSql },
    ...DATASET_NAMES.map((name) => ({ name: `pruned ${name}`, sql: prunedDaysSql(d, name, scope) })),
    { name: "refused chunks", sql: refusedChunksSql(d, scope) },
    ...Object.entries(pageStatements(d, askAbout(scope))).map(([name, sql]) => ({
      name: `report ${name}`,
      sql,
    })),
    ...Object.entries(
      auctionStatements(d, { ...scope, range: { first: scope.range.last, last: scope.range.last } }),
    ).map(([name, sql]) => ({ name: `auction ${name}`, sql })),
    ...checks.flatMap((check) =>
      Object.entries(check.statements(d, scope)).map(([name, sql]) => ({
        name: `check ${check.name} ${name}`,
        sql,
      })),
    ),
  ];
}
