import type { DatasetName } from "../datasets/dataset.ts";
import { prices } from "../prices.ts";
import { NODE } from "../settings/shared.ts";

/** What a quota counts of a node (an e2-medium has two shared CPUs). */
export const NODE_CPUS = 2;
/** Boot disk of a node, GB. */
export const NODE_DISK_GB = 20;
/** Cores that a worker has: what its pod is limited to. An e2-medium bears one core in the long run, the node's own pods included. */
export const WORKER_CORES = Number.parseInt(NODE.cpu, 10) / 1000;

/** Bids that a worker with a core for itself collects a second, requests included (npm run bench; docs/performance.md). */
export const ROWS_A_CORE_SECOND = 65_000;

/** Bytes of a row: as relays send it, in the lake (gzip), and as BigQuery counts it (facts: relay-data-api §4, gcp-design §1). */
const BYTES = {
  raw: { bids: 690, payloads: 605 },
  lake: { bids: 95, payloads: 90 },
  logical: { bids: 467, payloads: 450 },
} as const;

/** The same of any dataset: rows of others are about as long as payloads. */
export function bytesOf(kind: keyof typeof BYTES, dataset: DatasetName): number {
  return BYTES[kind][dataset === "bids" ? "bids" : "payloads"];
}

const HOURS_A_MONTH = 730;

/** What a fleet costs an hour, US dollars: the cluster with its system node, and a spot node and an address a worker. */
export function fleetHourUsd(workers: number): number {
  const disk = (NODE_DISK_GB * prices.nodeDisk.usd) / HOURS_A_MONTH;
  const system = prices.cluster.usd + prices.systemNode.usd + prices.nodeAddress.usd + disk;
  return system + workers * (prices.nodeSpot.usd + prices.nodeAddressSpot.usd + disk);
}
