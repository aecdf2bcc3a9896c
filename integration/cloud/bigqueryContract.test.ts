import test, { type ExecutionContext } from "ava";
import { silentLog } from "../../runtime/log.ts";
import { openBigQuery } from "../../runtime/warehouse/bigquery/bigquery.ts";
import { warehouseContract } from "../../runtime/warehouse/warehouse.contract.ts";
import { startBoth } from "./bigqueryServers.ts";

const servers = await startBoth();
test.after.always(() => servers.close());

const urls = new WeakMap<ExecutionContext, Map<string, string>>();

// The contract asks for whole tables, and its clock stands still long ago: filters aren't required here, and view
// delivered looks back as far as that.
warehouseContract({
  form: "BigQuery",
  async open(t, network, clock, name = "one") {
    const known = urls.get(t) ?? new Map<string, string>();
    urls.set(t, known);
    const there = known.get(name);
    const url = there ?? servers.newWarehouse();
    known.set(name, url);
    const create = { requirePartitionFilter: false, days: 10_000 };
    const options = { clock, log: silentLog, ...(there === undefined ? { create } : {}) };
    const warehouse = openBigQuery(url, network, options);
    // Made at once: the next one that is opened under this name makes nothing.
    if (there === undefined) await warehouse.query("SELECT 1");
    return warehouse;
  },
  lakes: servers.lakes,
  register: test.serial,
  runs: 4,
});
