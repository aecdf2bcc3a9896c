import { warehouseContract } from "../warehouse.contract.ts";
import { duckdbParts } from "./duckdb.testing.ts";

warehouseContract(duckdbParts);
