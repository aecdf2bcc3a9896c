import { coverageContract } from "../coverage.contract.ts";
import { upkeepContract } from "../upkeep.contract.ts";
import { viewsContract } from "../views.contract.ts";
import { duckdbParts } from "./duckdb.testing.ts";

upkeepContract(duckdbParts);
coverageContract(duckdbParts);
viewsContract(duckdbParts);
