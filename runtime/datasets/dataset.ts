import { adjustments } from "./adjustments.ts";
import { bids } from "./bids.ts";
import { chainBlocks } from "./chainBlocks.ts";
import type { Column, Definition, Dialect, Endpoint } from "./definition.ts";
import { headers } from "./headers.ts";
import { mergedBlocks } from "./mergedBlocks.ts";
import { payloads } from "./payloads.ts";

/** All datasets by name. Nothing else says which there are. */
const registry = {
  bids,
  payloads,
  adjustments,
  merged_blocks: mergedBlocks,
  headers,
  chain_blocks: chainBlocks,
} as const;

export type DatasetName = keyof typeof registry;
export type Dataset = Definition<DatasetName>;

export const datasets: Readonly<Record<DatasetName, Dataset>> = registry;

/** All names, those first by which others are checked or know their target: paged ones, then those of blocks that relays make. */
export const DATASET_NAMES: readonly DatasetName[] = (Object.keys(registry) as DatasetName[]).toSorted(
  (a, b) => turnOf(datasets[a]) - turnOf(datasets[b]),
);

function turnOf({ asked, makesBlocks }: Dataset): number {
  if (asked === "pages") return 0;
  if (asked === "range") return 3;
  return makesBlocks === undefined ? 2 : 1;
}

/** The two of the auction itself, which every relay has: reports are of them, and back-loads unless they are told more. */
export const AUCTION = ["payloads", "bids"] as const satisfies readonly DatasetName[];

export type AuctionDataset = (typeof AUCTION)[number];

/** Something for each dataset, by name. */
export function forEachDataset<T>(make: (dataset: Dataset) => T): Readonly<Record<DatasetName, T>> {
  const made = DATASET_NAMES.map((name) => [name, make(datasets[name])] as const);
  return Object.fromEntries(made) as Record<DatasetName, T>;
}

/** Where a relay of a dialect serves a dataset; undefined where it doesn't have it. */
export function endpointOf(dataset: DatasetName, dialect: Dialect): Endpoint | undefined {
  return datasets[dataset].endpoints[dialect];
}

/** The columns that a line in the lake carries, in order. */
export function lakeColumns(dataset: Pick<Dataset, "columns">): readonly Column[] {
  return dataset.columns.filter((column) => column.warehouseOnly !== true);
}

/** The columns of a dataset that follow from the lake alone: `reorged` is settled in a warehouse. */
export function publishedColumns(dataset: Pick<Dataset, "columns">): readonly Column[] {
  return dataset.columns.filter((column) => column.warehouseOnly !== true || column.name === "copies");
}
