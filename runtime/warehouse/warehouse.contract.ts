import type { ContractParts } from "./contractParts.testing.ts";
import { coverageContract } from "./coverage.contract.ts";
import { loadingContract } from "./loading.contract.ts";
import { upkeepContract } from "./upkeep.contract.ts";
import { viewsContract } from "./views.contract.ts";

/** Registers the tests that any warehouse must pass. */
export function warehouseContract(parts: ContractParts): void {
  loadingContract(parts);
  upkeepContract(parts);
  coverageContract(parts);
  viewsContract(parts);
}
