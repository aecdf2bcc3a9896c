import type { Network } from "../../chain/networks.ts";
import { infoTable } from "../../datasets/tables.ts";
import { duckdbDialect } from "../sql/duckdbDialect.ts";
import { coverageQuery, deliveredQuery, loadsQuery, settledSlotSql } from "../sql/views.ts";

const dialect = duckdbDialect;

/** The newest settled slot, at the time that the warehouse was set to or now. */
export function settledNow(network: Network): string {
  const seconds = `(SELECT coalesce(fixed_now, epoch_ms(now())) // 1000 FROM ${infoTable.name})`;
  return settledSlotSql(dialect, network, seconds);
}

/** The statements that make the views of a network's warehouse. */
export function viewDdl(network: Network): string[] {
  const views = {
    loads: loadsQuery(dialect, plain),
    coverage: coverageQuery(dialect, plain, network, settledNow(network)),
    delivered: deliveredQuery(dialect, plain, "true"),
  };
  return Object.entries(views).map(([name, query]) => `CREATE OR REPLACE VIEW ${name} AS ${query}`);
}

function plain(table: string): string {
  return table;
}
