import { systemClock } from "../../chain/clock.ts";
import { openFolderLake } from "../../lake/folder/folder.ts";
import { lakeNetwork } from "../../lake/lake.testing.ts";
import { silentLog } from "../../log.ts";
import { openDuckDb } from "./duckdb.ts";

/**
 * A load in a process of its own, for tests: `loadChild.testing.ts <lake> <warehouse> <point> kill|hold`. At the point it ends itself
 * with SIGKILL, or says so and waits until its standard input ends. An error's message goes to standard output.
 */
const [lake = "", path = "", point = "", deed = ""] = process.argv.slice(2);
const warehouse = openDuckDb(path, lakeNetwork, {
  clock: systemClock,
  log: silentLog,
  async seam(reached) {
    if (reached !== point) return;
    if (deed === "kill") process.kill(process.pid, "SIGKILL");
    process.stdout.write("holding\n");
    for await (const _ of process.stdin);
  },
});
try {
  const { rows } = await warehouse.load(openFolderLake(lake, lakeNetwork.name), []);
  process.stdout.write(`${rows} rows\n`);
} catch (error) {
  process.stdout.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
  process.exitCode = 1;
}
