// The questions of docs/queries.md, as tests and the bill of docs/queries.md take them.
import { readFileSync } from "node:fs";
import type { SqlDialect } from "../runtime/warehouse/sql/dialect.ts";

/** A question with its statement in each dialect, the same where the document has one block. */
export interface Question {
  readonly number: number;
  readonly title: string;
  readonly sql: Readonly<Record<SqlDialect["name"], string>>;
}

export const queriesUrl = new URL("../docs/queries.md", import.meta.url);

/** The days of the document's statements, the later one exclusive. */
const [DAY, NEXT_DAY] = ["2026-11-01", "2026-11-02"] as const;

/** The questions of a text like docs/queries.md. Throws RangeError where one lacks a dialect. */
export function questionsIn(text: string): Question[] {
  return text
    .split(/^### (?=\d+\. )/m)
    .slice(1)
    .map((part) => {
      const [, number = "", title = ""] = /^(\d+)\. (.*)$/m.exec(part) ?? [];
      const blocks = new Map(
        Array.from(part.matchAll(/^```sql *(\w*)\n([^]*?);\n```$/gm), ([, dialect = "", sql = ""]) => [
          dialect,
          sql,
        ]),
      );
      const [duckdb, bigquery] = (["duckdb", "bigquery"] as const).map(
        (name) => blocks.get(name) ?? blocks.get(""),
      );
      if (duckdb === undefined || bigquery === undefined)
        throw new RangeError(`question ${number} of docs/queries.md lacks a form in DuckDB or BigQuery`);
      return { number: Number(number), title, sql: { duckdb, bigquery } };
    });
}

/** The questions of docs/queries.md. */
export function questions(): Question[] {
  return questionsIn(readFileSync(queriesUrl, "utf8"));
}

/** A statement of the document about another day, both `YYYY-MM-DD`. */
export function onDay(sql: string, day: string): string {
  const next = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
  return sql.replaceAll(DAY, day).replaceAll(NEXT_DAY, next);
}
