// A service in a process of its own that can be killed at any moment: real lake and warehouse clients, a date of its own.
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import type { AuctionDataset } from "../../runtime/datasets/dataset.ts";
import { openGcsLake } from "../../runtime/lake/gcs/bucket.ts";
import { silentLog } from "../../runtime/log.ts";
import { simulatedRelays, withBase } from "../../runtime/simulator/directory.ts";
import { openBigQuery } from "../../runtime/warehouse/bigquery/bigquery.ts";
import { TickClock, startService } from "../program/service.ts";

/** What the parent asks for, as JSON in the first argument; emulators by the environment. */
export interface ServiceChildOptions {
  readonly dataset: AuctionDataset;
  readonly seed: number;
  /** Where the simulated relays are. */
  readonly base: string;
  readonly lake: string;
  readonly warehouse: string;
  readonly nowMs: number;
  /** Older slots aren't asked for. */
  readonly collectFrom?: number;
  /** Of the active relays only the first so many are asked; all without it. */
  readonly only?: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as ServiceChildOptions;
const { dataset, seed, nowMs, only = Infinity } = options;
const network = simulatedNetwork(seed);
const clock = new TickClock(nowMs);
const relays = withBase(simulatedRelays(seed), options.base)
  .filter(({ state }) => state === "active")
  .slice(0, only)
  .map((relay) => ({ ...relay, collectFrom: options.collectFrom ?? relay.collectFrom }));
const lake = openGcsLake(options.lake, network.name);
const warehouse = openBigQuery(options.warehouse, network, { clock, log: silentLog });
const { url } = await startService({ dataset, seed, relays, lake, warehouse, clock });
process.send?.(url);
