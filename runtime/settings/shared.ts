import * as t from "io-ts";
import type { CanonicalTable } from "../chain/canonicalChain.ts";
import { ORDERS } from "../chain/slots.ts";
import { type AuctionDataset, DATASET_NAMES, type DatasetName, datasets } from "../datasets/dataset.ts";
import { RELAY_NAME } from "../relays/relay.ts";
import {
  amount,
  fields,
  type Format,
  json,
  lakePlace,
  names,
  networkName,
  oneOf,
  slotRange,
  someOf,
  whole,
} from "./formats.ts";
import { FASTEST, relayOverrides } from "./relayOverrides.ts";

/** Something that the program is told. Environment, stack config, command line and documents are made from it. */
export interface Setting<A> {
  /** Its text; what is allowed, with bounds and unit, is its name. */
  readonly format: Format<A>;
  /** What it is for, as documents and `--help` say it. */
  readonly meaning: string;
  /** What holds where it isn't given. */
  readonly default?: A;
  /** True: its text may hold what no log should, so no fault repeats it. */
  readonly unspoken?: true;
}

/** Levels of log lines, the least first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Shards that a range is cut into, at most: the completions that Kubernetes takes for an Indexed Job. */
export const MAX_SHARDS = 100_000;

/**
 * A back-load worker's node, and what of it the pod asks for and is limited to, unless the stack's config says otherwise. It is
 * relays that a worker waits for, so the cheapest machine does; the pod fits with a fifth of the room to spare (`nodes.ts`).
 */
export const NODE = { machineType: "e2-medium", cpu: "350m", memory: "1Gi" } as const;

/** So long a new instance that leaves by static egress waits until connections get out, at most; its start-up probe waits longer. */
export const WAY_OUT_PATIENCE_SECONDS = 120;

const sqlColumn = t.refinement(t.string, (name) => /^[A-Za-z_]\w{0,299}$/.test(name));
const sqlTable = t.refinement(t.string, (name) =>
  /^[a-z][a-z0-9-]{4,28}[a-z0-9]\.\w{1,1024}\.\w{1,1024}$/.test(name),
);
/** A BigQuery table of canonical blocks. */
export const canonicalTable: t.Type<CanonicalTable, unknown, unknown> = fields(
  { table: sqlTable, timestamp_column: sqlColumn, hash_column: sqlColumn },
  {},
);
const TABLE_FIELDS = "{table: project.dataset.table, timestamp_column, hash_column}";

/** What each service collects and loads: bids one, all that its ticks bring beside them the other. */
export function collectedBy(service: AuctionDataset): readonly DatasetName[] {
  return service === "bids" ? ["bids"] : DATASET_NAMES.filter((name) => name !== "bids");
}

/** Settings that are given in more than one form. */
export const shared = {
  network: { format: networkName, meaning: "network whose relays are collected" },
  lake: { format: lakePlace, meaning: "where the lake is; a folder's path on a simulated network only" },
  relays: {
    format: relayOverrides,
    meaning: "what differs from the network's directory of relays, and new relays",
    default: {},
    unspoken: true,
  },
  relayNames: {
    format: names("relays' names", RELAY_NAME),
    meaning: "only these relays; all active ones without it",
    default: [],
  },
  dataset: {
    format: someOf(DATASET_NAMES, Object.keys(datasets)),
    meaning: `only these datasets, with commas between them: ${Object.keys(datasets).join(", ")}`,
  },
  slots: { format: slotRange, meaning: "inclusive range of slots" },
  shards: {
    format: whole("shards", 1, MAX_SHARDS),
    meaning: "parts that the range is cut into, each a worker's",
  },
  order: { format: oneOf(ORDERS), meaning: "which slots first", default: "newest" },
  rate: { format: amount(FASTEST), meaning: "requests a second to one relay, at most" },
  timeLimit: {
    format: whole("whole seconds", 1, 366 * 86_400),
    meaning: "stop after so many seconds",
  },
  tickSeconds: {
    format: whole("whole seconds", 10, 1740),
    meaning: "a tick's time, seven tenths of it for asking and the rest for loading",
    default: 240,
  },
  maxGigabytesBilled: {
    format: whole("gigabytes", 1, 100_000),
    meaning: "gigabytes (2^30) that one query of a service may bill at most",
    default: 100,
  },
  canonical: {
    format: json(`JSON ${TABLE_FIELDS}`, canonicalTable),
    meaning:
      "BigQuery table of the canonical chain; without it reorged stays null, and no chain is collected",
  },
  logLevel: { format: oneOf(LOG_LEVELS), meaning: "least level that is logged", default: "info" },
} as const;

/** The canonical table of a stack's config, where `{}` means none. */
export const canonicalBlocks = json(`{} or ${TABLE_FIELDS}`, t.union([fields({}, {}), canonicalTable]));
