/**
 * List prices in US dollars of us-central1, November 2026, without taxes and free tiers (cloud.google.com/storage/pricing,
 * /bigquery/pricing, /compute/vm-instance-pricing, /spot-vms/pricing, /vpc/network-pricing, /kubernetes-engine/pricing).
 * Spot prices move; data that comes in costs nothing.
 */
export const PRICES = {
  /** Cloud Storage, Standard class, a GB and month. */
  storageGbMonth: 0.02,
  /** Cloud Storage, 1,000 writes or list pages (class A). */
  classA1000: 0.005,
  /** Cloud Storage, 1,000 reads (class B). */
  classB1000: 0.0004,
  /** BigQuery, active physical bytes, a GB and month. */
  warehouseGbMonth: 0.04,
  /** BigQuery on demand, a TiB that a query reads. A load job itself is free; the INSERT from its staging table isn't. */
  queryTib: 6.25,
  /** e2-small as a spot VM, an hour. */
  spotNodeHour: 0.005,
  /** An external IPv4 address in use by a spot VM, an hour. */
  spotAddressHour: 0.0025,
  /** A node's boot disk of 20 GB, an hour. */
  diskHour: (20 * 0.04) / 730,
  /** The cluster, and its system pool of one e2-small with its address, an hour. */
  clusterHour: 0.1 + 0.0168 + 0.005,
} as const;

/** The machine that a worker has for itself, its spot node. */
export const NODE = {
  type: "e2-small",
  /** What a quota counts. */
  cpus: 2,
  /** What an e2-small has in the long run. */
  sustainedCores: 0.5,
} as const;

/** Bids that a worker with a core for itself collects a second, requests included (npm run bench; README, "How fast it is"). */
export const ROWS_A_CORE_SECOND = 65_000;

/** Bytes of a row: as relays send it, in the lake (gzip), and as BigQuery counts it (facts: relay-data-api §4, gcp-design §1). */
export const BYTES = {
  raw: { bids: 690, payloads: 605 },
  lake: { bids: 95, payloads: 90 },
  logical: { bids: 467, payloads: 450 },
} as const;
