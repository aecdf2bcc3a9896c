import { UserError } from "../errors.ts";
import { FolderStore } from "../lake/folder/folder.ts";
import { GcsStore } from "../lake/gcs/bucket.ts";
import { openBigQuery } from "../warehouse/bigquery/bigquery.ts";
import { bigqueryDialect } from "../warehouse/sql/bigqueryDialect.ts";
import { lakeAt } from "./lakeAt.ts";
import type { Openers } from "./serve.ts";

/** Opens what the container can: a lake in a bucket or a folder, a warehouse in BigQuery. */
export const cloudOpeners: Openers = {
  lake: async ({ settings: { lake }, network, clock }) => lakeAt(lake, network, clock),
  store({ settings: { lake }, clock }) {
    return lake.startsWith("gs://") ? new GcsStore(lake, { clock }) : new FolderStore(lake);
  },
  dialect: () => bigqueryDialect,
  async warehouse({ settings, network, clock, log }) {
    const { warehouse, stagingDataset, maxBytesBilled, location } = settings;
    if (!warehouse.startsWith("bigquery://")) {
      throw new UserError(
        `ETL_WAREHOUSE: a DuckDB file is opened by the command line only (npm start -- serve); here give bigquery://PROJECT/DATASET`,
        { exitCode: 2 },
      );
    }
    const places = { staging: stagingDataset, location };
    return openBigQuery(warehouse, network, { clock, log, ...places, maximumBytesBilled: maxBytesBilled });
  },
};
