// A loader in a process of its own, whose memory is measured: loads bounded numbers of objects until none waits.
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { openGcsLake } from "../../runtime/lake/gcs/bucket.ts";
import { silentLog } from "../../runtime/log.ts";
import { openBigQuery } from "../../runtime/warehouse/bigquery/bigquery.ts";
import { TickClock } from "../program/service.ts";

/** What the parent asks for, as JSON in the first argument; emulators by the environment. */
export interface LoadChildOptions {
  readonly seed: number;
  readonly lake: string;
  readonly warehouse: string;
  readonly nowMs: number;
  /** Objects of one load, at most. */
  readonly maxObjects: number;
}

/** What it answers. */
export interface LoadChildResult {
  readonly loads: readonly { readonly objects: number; readonly rows: number; readonly waiting: number }[];
  /** Peak of the process's memory, MB. */
  readonly peakMb: number;
}

const {
  seed,
  lake: lakeUrl,
  warehouse: url,
  nowMs,
  maxObjects,
} = JSON.parse(process.argv[2] ?? "{}") as LoadChildOptions;
const network = simulatedNetwork(seed);
const lake = openGcsLake(lakeUrl, network.name);
const warehouse = openBigQuery(url, network, { clock: new TickClock(nowMs), log: silentLog });
const loads: { objects: number; rows: number; waiting: number }[] = [];
do {
  const { objects, rows, waiting } = await warehouse.load(lake, [], { datasets: ["bids"], maxObjects });
  loads.push({ objects, rows, waiting });
} while ((loads.at(-1)?.waiting ?? 0) > 0 && loads.length < 100);
await warehouse.close();
const peakMb = process.resourceUsage().maxRSS / 1024;
process.send?.({ loads, peakMb } satisfies LoadChildResult);
