import { rereadsTable } from "../../datasets/tables.ts";
import { dayOf } from "../../lake/rereads.ts";
import type { SqlDialect } from "./dialect.ts";
import { type Scope, relayIn } from "./scope.ts";

/** What reading slots again has shown, of each day that the scope touches: the columns of table rereads. */
export function rereadsSql(d: SqlDialect, scope: Scope): string {
  const { network, range } = scope;
  const [from, to] = [dayOf(network, range.first), dayOf(network, range.last)];
  return `SELECT dataset, relay, day, slots, differing, rows_gained FROM ${rereadsTable.name}
WHERE day BETWEEN '${from}' AND '${to}'${relayIn(d, scope)} ORDER BY dataset, relay, day`;
}
