// One side of the memory bench: `serve` is the simulated network, `collect` fills a lake from it and tells its peak.
import { setFlagsFromString } from "node:v8";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { settledSlot } from "../runtime/chain/slots.ts";
import type { Asker } from "../runtime/collect/asker.ts";
import { relayAsker } from "../runtime/collect/relayAsker.ts";
import { collect } from "../runtime/collect/run.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import { silentLog } from "../runtime/log.ts";
import { ByteBudget } from "../runtime/relays/http/budget.ts";
import { RelayClient } from "../runtime/relays/http/client.ts";
import type { Relay } from "../runtime/relays/relay.ts";
import { simulatedRelays, withBase } from "../runtime/simulator/directory.ts";

const [, , what, base = "", folder = "", slots = "0"] = process.argv;
const SEED = 11;

if (what === "serve") {
  const { startSimulator } = await import("../runtime/simulator/server.ts");
  const simulator = await startSimulator({ seed: SEED, faults: "none", clock: systemClock, record: false });
  process.send?.(simulator.url);
} else {
  // As the command line does it.
  setFlagsFromString("--heap-growing-percent=20");
  const network = simulatedNetwork(SEED);
  const last = settledSlot(network, systemClock.now());
  const stop = new AbortController().signal;
  const budget = new ByteBudget();
  const askers = new Map<Relay, Asker>();
  for (const relay of withBase(simulatedRelays(SEED), base)) {
    const client = new RelayClient(relay, { clock: systemClock, budget, allowPrivate: true });
    askers.set(
      relay,
      relayAsker(network, client, systemClock, () => {}, stop),
    );
  }
  const tallies = await collect({
    network,
    lake: openFolderLake(folder, network.name),
    clock: systemClock,
    log: silentLog,
    askers,
    datasets: ["payloads", "bids"],
    range: { first: last - Number(slots) + 1, last },
    stop,
  });
  const rows = tallies.reduce((sum, { bids }) => sum + bids.rows, 0);
  process.send?.({ rows, mb: process.resourceUsage().maxRSS / 1024 });
  process.disconnect?.();
  process.exit(0);
}
