import pLimit from "p-limit";
import type { Warehouse } from "../warehouse.ts";
import type { ResultRow } from "./values.ts";

/** What of a warehouse its rows can be read by. */
export type Queried = Pick<Warehouse, "url" | "query">;

/** Statements that are asked at the same time: BigQuery runs them side by side, DuckDB in one opening of its file. */
const AT_ONCE = 8;

/** The rows of named statements. Throws what the first that fails throws. */
export async function rowsOfEach(
  warehouse: Queried,
  statements: Readonly<Record<string, string>>,
): Promise<Record<string, readonly ResultRow[]>> {
  const limit = pLimit(AT_ONCE);
  const answers = Object.entries(statements).map(([name, sql]) =>
    limit(async () => [name, await warehouse.query(sql)] as const),
  );
  return Object.fromEntries(await Promise.all(answers));
}
