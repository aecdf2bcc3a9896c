import type { AuctionDataset } from "../datasets/dataset.ts";
import { cloudOpeners } from "../services/openers.ts";
import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import { type Openers, serve } from "../services/serve.ts";

/** What the container opens, and DuckDB files besides: those of a simulated network on this machine. */
const openers: Openers = {
  ...cloudOpeners,
  dialect: ({ settings }) => sqlDialectOf(settings.warehouse),
  async warehouse(context) {
    const { settings, network, clock, log } = context;
    if (settings.warehouse.startsWith("bigquery://")) return cloudOpeners.warehouse(context);
    const { openDuckDb } = await import("../warehouse/duckdb/duckdb.ts");
    return openDuckDb(settings.warehouse, network, { clock, log });
  },
};

/** `serve bids|payloads`: the services' HTTP entry; settings come from the environment. */
export async function serveCommand(dataset: AuctionDataset): Promise<number> {
  return serve(dataset, process.env, openers);
}
