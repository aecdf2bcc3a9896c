import test from "ava";
import { silentLog } from "../../runtime/log.ts";
import { openBigQuery } from "../../runtime/warehouse/bigquery/bigquery.ts";
import { slotsContract } from "../../runtime/warehouse/slots.contract.ts";
import { startBoth } from "./bigqueryServers.ts";

const servers = await startBoth();
test.after.always(() => servers.close());

// The contract's clock stands still long ago: views look back as far as that.
slotsContract(
  "BigQuery",
  async (_, network, clock) => {
    const warehouse = openBigQuery(servers.newWarehouse(), network, {
      clock,
      log: silentLog,
      create: { days: 10_000 },
    });
    await warehouse.query("SELECT 1");
    return warehouse;
  },
  servers.lakes,
  3,
  test.serial,
);
