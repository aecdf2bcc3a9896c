import test from "ava";
import { examples } from "../seeds.testing.ts";
import { type ContractParts, folderLakes } from "./contractParts.testing.ts";
import { coverageContract } from "./coverage.contract.ts";
import { loadingContract } from "./loading.contract.ts";
import { upkeepContract } from "./upkeep.contract.ts";
import { viewsContract } from "./views.contract.ts";

/**
 * Registers the tests that any warehouse must pass. Lakes are folders, or what its engine can read;
 * `register` runs them side by side, or one by one (`test.serial`) where they would only wait for each other.
 * `runs`: examples of each property, for engines that take seconds over one.
 */
export function warehouseContract(
  form: string,
  open: ContractParts["open"],
  lakes: ContractParts["lakes"] = folderLakes,
  register: ContractParts["register"] = test,
  runs = examples(3, 24),
): void {
  const parts = { form, open, lakes, register, runs };
  loadingContract(parts);
  upkeepContract(parts);
  coverageContract(parts);
  viewsContract(parts);
}
