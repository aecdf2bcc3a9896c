import { join } from "node:path";
import { silentLog } from "../../log.ts";
import { slotsContract } from "../slots.contract.ts";
import { newFolder } from "../warehouse.testing.ts";
import { openDuckDb } from "./duckdb.ts";

slotsContract("DuckDB", async (t, network, clock, name = "one") =>
  openDuckDb(join(await newFolder(t), `${name}.duckdb`), network, { clock, log: silentLog }),
);
