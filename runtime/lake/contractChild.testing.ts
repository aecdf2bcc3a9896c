import type { Lake } from "./lake.ts";
import { addRow, lakeNetwork } from "./lake.testing.ts";

/**
 * A writer in a process of its own, for the contract of lakes:
 * `contractChild.testing.ts <module> <its opener> <url> <writer> <rows> [lost]`. Says the number of each row once it is
 * written.
 */
const [module = "", opener = "", url = "", writer = "", rows = "", lost = ""] = process.argv.slice(2);
const exported: Record<string, (url: string, network: string) => Lake> = await import(module);
const lake = exported[opener]?.(url, lakeNetwork.name);
if (!lake) throw new Error(`${module} has no ${opener}`);
for (let turn = 0; turn < Number(rows); turn++) {
  await addRow(lake, Number(writer), turn, lost === "lost");
  process.stdout.write(`${turn}\n`);
}
