import type { Network } from "../../chain/networks.ts";
import { quotedText } from "../../datasets/schema.ts";
import { infoTable } from "../../datasets/tables.ts";
import { views } from "../../datasets/views.ts";
import { duckdbDialect } from "../sql/duckdbDialect.ts";
import { readableQuery } from "../sql/readableViews.ts";
import { blocksQuery } from "../sql/blocksView.ts";
import { bucketsQuery } from "../sql/bucketsView.ts";
import { agreementQuery, bidsAllQuery, payloadsAllQuery } from "../sql/importViews.ts";
import { slotsQuery } from "../sql/slotsView.ts";
import { coverageQuery, deliveredQuery, loadsQuery, settledSlotSql } from "../sql/views.ts";

const dialect = duckdbDialect;

/** The newest settled slot, at the time that the warehouse was set to or now. */
export function settledNow(network: Network): string {
  const seconds = `(SELECT coalesce(fixed_now, epoch_ms(now())) // 1000 FROM ${infoTable.name})`;
  return settledSlotSql(dialect, network, seconds);
}

/** The statements that make the views of a network's warehouse, descriptions included. */
export function viewDdl(network: Network): string[] {
  const queries: Readonly<Record<keyof typeof views, string>> = {
    loads: loadsQuery(dialect, plain),
    coverage: coverageQuery(dialect, plain, network, settledNow(network)),
    delivered: deliveredQuery(dialect, plain, "true"),
    blocks: blocksQuery(dialect, plain, "true"),
    slots: slotsQuery({ d: dialect, table: plain, network, window: "true" }),
    bids_by_50ms: bucketsQuery(dialect, plain, network, "true"),
    payloads_all: payloadsAllQuery(dialect, plain, "true"),
    bids_all: bidsAllQuery(dialect, plain, "true"),
    import_agreement: agreementQuery(dialect, plain, "true"),
    bids_readable: readableQuery(dialect, plain, network, "bids"),
    payloads_readable: readableQuery(dialect, plain, network, "payloads"),
  };
  return Object.values(views).flatMap(({ name, description }) => [
    `CREATE OR REPLACE VIEW ${name} AS ${queries[name]}`,
    `COMMENT ON VIEW ${name} IS ${quotedText(description)}`,
  ]);
}

function plain(table: string): string {
  return table;
}
