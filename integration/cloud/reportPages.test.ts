import test from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { slotAt } from "../../runtime/chain/slots.ts";
import { GcsStore, openGcsLake } from "../../runtime/lake/gcs/bucket.ts";
import { serviceLog } from "../../runtime/log.ts";
import { ReportPages } from "../../runtime/services/reportPages.ts";
import { openBigQuery } from "../../runtime/warehouse/bigquery/bigquery.ts";
import { bigqueryDialect } from "../../runtime/warehouse/sql/bigqueryDialect.ts";
import { groupBy } from "../../runtime/warehouse/sql/values.ts";
import { put, rowOf } from "../../runtime/warehouse/warehouse.testing.ts";
import { systemClock } from "../../runtime/chain/clock.ts";
import { startBoth } from "./bigqueryServers.ts";
import { newBucket } from "./buckets.ts";

const servers = await startBoth();
test.after.always(() => servers.close());
process.env["STORAGE_EMULATOR_HOST"] = servers.gcs.endpoint;

const network = simulatedNetwork(3);
const NOW = Date.UTC(2026, 10, 30, 0, 2);

test("from BigQuery the pages come into the bucket as a browser takes them, with the rows of their days", async (t) => {
  const bucket = await newBucket(t, servers.gcs.endpoint);
  const url = `gs://${bucket.name}`;
  const clock = { ...systemClock, now: () => NOW };
  const lines: string[] = [];
  const log = serviceLog("info", { write: (line: string) => void lines.push(line) });
  const lake = openGcsLake(url, network.name);
  const warehouse = openBigQuery(servers.newWarehouse(), network, { clock, log, create: { days: 10_000 } });
  t.teardown(() => warehouse.close());
  const newest = slotAt(network, NOW - 3_600_000);
  const slots = Array.from({ length: 40 }, (_, index) => newest - 100 + index);
  for (const dataset of ["bids", "payloads"] as const)
    for (const part of groupBy(slots, (slot) => Math.floor(slot / (dataset === "bids" ? 32 : 320))).values())
      await put(lake, network, dataset, "wren", {
        rows: new Map(part.map((slot) => [slot, [rowOf(slot, 1)]])),
      });
  await warehouse.load(lake, []);
  const pages = new ReportPages({
    pages: ["day", "week"],
    store: new GcsStore(url),
    network,
    relays: [],
    lake,
    warehouse,
    dialect: bigqueryDialect,
    clock,
  });
  await pages.write({ log, stop: new AbortController().signal, seconds: 240 });
  t.deepEqual(
    lines
      .filter((line) => line.includes("tick.page"))
      .map((line) => JSON.parse(line) as { outcome: string; fault?: string })
      .map(({ outcome, fault }) => `${outcome} ${fault ?? ""}`),
    ["done ", "done "],
  );
  for (const page of ["day", "week"]) {
    const [{ contentType }] = await bucket.file(`reports/${page}.html`).getMetadata();
    t.is(contentType, "text/html; charset=utf-8");
    const [html] = await bucket.file(`reports/${page}.html`).download();
    t.true(html.includes("wren"));
    t.true(html.equals((await bucket.file(`reports/2026-11-30-${page}.html`).download())[0]));
  }
});
