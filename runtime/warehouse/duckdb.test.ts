import { join } from "node:path";
import { silentLog } from "../log.ts";
import { warehouseContract } from "./contract.ts";
import { openDuckDb } from "./duckdb.ts";
import { newFolder } from "./testing.ts";
import type { ExecutionContext } from "ava";

const folders = new WeakMap<ExecutionContext, Promise<string>>();

warehouseContract("DuckDB", async (t, network, clock, name = "one") => {
  const folder = folders.get(t) ?? newFolder(t);
  folders.set(t, folder);
  return openDuckDb(join(await folder, `${name}.duckdb`), network, { clock, log: silentLog });
});
