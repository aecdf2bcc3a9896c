// A collector that can be killed at a chosen moment: collects and loads one range once, with real relays, lake and warehouse.
import { systemClock } from "../../runtime/chain/clock.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { simulatedRelays, withBase } from "../../runtime/simulator/directory.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { hastyClock, lineOf } from "./line.ts";

/** What the parent asks for, as JSON in the first argument. */
export interface WorkerOptions {
  readonly seed: number;
  /** Where the simulated relays are. */
  readonly base: string;
  readonly lake: string;
  readonly warehouse: string;
  readonly first: number;
  readonly last: number;
  /** Dies by SIGKILL when this point is met for the n-th time. */
  readonly die?: { readonly point: string; readonly time: number };
}

const options = JSON.parse(process.argv[2] ?? "{}") as WorkerOptions;
let met = 0;
const seam = (point: string) => {
  if (point === options.die?.point && ++met === options.die.time) process.kill(process.pid, "SIGKILL");
};
const clock = hastyClock();
const relays = withBase(simulatedRelays(options.seed), options.base);
const lake = openFolderLake(options.lake, `simulated-${options.seed}`, { seam });
const line = lineOf(options.seed, relays, lake, clock);
process.send?.("started");
await line.run({ first: options.first, last: options.last });
// Another worker holds the file for as long as its load takes by the machine's time, not by the hasty one's.
const warehouse = openDuckDb(options.warehouse, line.network, {
  clock: { ...systemClock, now: clock.now },
  log: silentLog,
  seam,
});
await warehouse.load(lake, relays);
await warehouse.close();
process.exit(0);
