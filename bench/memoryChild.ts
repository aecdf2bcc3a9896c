// One side of the memory bench: `serve` is the simulated network, `collect` fills a lake from it and tells its peak.
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { settledSlot } from "../runtime/chain/slots.ts";
import { Connection } from "../runtime/collect/connection.ts";
import { collect } from "../runtime/collect/run.ts";
import { keepHeapSmall } from "../runtime/heap.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import { silentLog } from "../runtime/log.ts";
import { simulatedRelays, withBase } from "../runtime/simulator/directory.ts";

const [, , what, base = "", folder = "", slots = "0"] = process.argv;
const SEED = 11;

if (what === "serve") {
  const { startSimulator } = await import("../runtime/simulator/server.ts");
  const simulator = await startSimulator({ seed: SEED, faults: "none", clock: systemClock, record: false });
  process.send?.(simulator.url);
} else {
  // As the command line does it.
  keepHeapSmall();
  const network = simulatedNetwork(SEED);
  const last = settledSlot(network, systemClock.now());
  const stop = new AbortController().signal;
  const connection = new Connection({ network, clock: systemClock });
  for (const relay of withBase(simulatedRelays(SEED), base)) connection.add(relay, { allowPrivate: true });
  const tallies = await collect({
    network,
    lake: openFolderLake(folder, network.name),
    clock: systemClock,
    log: silentLog,
    sources: connection.sources(stop),
    datasets: ["payloads", "bids"],
    range: { first: last - Number(slots) + 1, last },
    stop,
  });
  const rows = tallies.reduce((sum, { bids }) => sum + bids.rows, 0);
  process.send?.({ rows, mb: process.resourceUsage().maxRSS / 1024 });
  process.disconnect?.();
  process.exit(0);
}
