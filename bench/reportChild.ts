// Makes a report with its checks over a warehouse, and tells how long that took and how much memory.
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { runChecks } from "../runtime/checks/checks.ts";
import { silentLog } from "../runtime/log.ts";
import { BuilderNames } from "../runtime/report/names.ts";
import { makeReport } from "../runtime/report/report.ts";
import { openDuckDb } from "../runtime/warehouse/duckdb/duckdb.ts";
import { duckdbDialect } from "../runtime/warehouse/sql/duckdbDialect.ts";

const [, , path = "", slots = "0"] = process.argv;
const network = simulatedNetwork(1);
const warehouse = openDuckDb(path, network, { clock: systemClock, log: silentLog });
const scope = { network, range: { first: 0, last: Number(slots) - 1 }, nowMs: systemClock.now() };
const started = performance.now();
const checks = await runChecks(warehouse, duckdbDialect, { scope, relays: [] });
const checked = performance.now();
const { html } = await makeReport(warehouse, duckdbDialect, {
  scope,
  names: BuilderNames.of(network.name),
  checks,
});
const s = (performance.now() - started) / 1000;
if (process.env["BENCH_REPORT_OUT"]) {
  const { writeFile } = await import("node:fs/promises");
  await writeFile(process.env["BENCH_REPORT_OUT"], html);
}
const made = performance.now();
const day = await warehouse.query("SELECT * FROM slots");
const slots_s = (performance.now() - made) / 1000;
if (day.length !== scope.range.last + 1) throw new Error(`view slots has ${day.length} rows`);
process.send?.({
  s,
  checks_s: (checked - started) / 1000,
  slots_s,
  mb: process.resourceUsage().maxRSS / 1024,
});
process.disconnect?.();
await warehouse.close();
