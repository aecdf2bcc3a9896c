import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { systemClock } from "../../chain/clock.ts";
import { openFolderLake } from "../../lake/folder/folder.ts";
import type { Lake } from "../../lake/lake.ts";
import { lakeNetwork } from "../../lake/lake.testing.ts";
import { silentLog } from "../../log.ts";
import { examples } from "../../seeds.testing.ts";
import { type ContractParts, folderLakes } from "../contractParts.testing.ts";
import { newFolder, put, rowOf } from "../warehouse.testing.ts";
import type { Warehouse } from "../warehouse.ts";
import { openDuckDb } from "./duckdb.ts";

/** A warehouse in a file that nothing is told of. */
export const open = (path: string, clock = systemClock): Warehouse =>
  openDuckDb(path, lakeNetwork, { clock, log: silentLog });

/** A lake with bids of several chunks, and a path beside it for a warehouse. */
export async function place(
  t: ExecutionContext,
  chunks = 4,
  rows = 3,
): Promise<{ lake: Lake; folder: string; path: string }> {
  const root = await newFolder(t);
  const lake = openFolderLake(join(root, "lake"), lakeNetwork.name);
  for (let index = 0; index < chunks; index++)
    await put(lake, lakeNetwork, "bids", "one", {
      rows: new Map([[32 * index, Array.from({ length: rows }, (_, number) => rowOf(32 * index, number))]]),
    });
  return { lake, folder: join(root, "tables"), path: join(root, "tables", "one.duckdb") };
}

const folders = new WeakMap<ExecutionContext, Promise<string>>();

/** What the contract of warehouses is given for DuckDB. */
export const duckdbParts: ContractParts = {
  form: "DuckDB",
  async open(t, network, clock, name = "one") {
    const folder = folders.get(t) ?? newFolder(t);
    folders.set(t, folder);
    return openDuckDb(join(await folder, `${name}.duckdb`), network, { clock, log: silentLog });
  },
  lakes: folderLakes,
  register: test,
  runs: examples(3, 24),
};
