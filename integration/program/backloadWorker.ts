// One worker of a back-load that can be killed: fills its shard once, as a pod does, and tells how far it has come.
import { backload } from "../../runtime/backload/backload.ts";
import { connect } from "../../runtime/backload/connect.ts";
import { planShards, plannedRelay } from "../../runtime/backload/plan.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import type { SlotRange, Order } from "../../runtime/chain/slots.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { simulatedRelays, withBase } from "../../runtime/simulator/directory.ts";
import { fastClock } from "./fastClock.ts";

/** What the parent asks for, as JSON in the first argument. */
export interface BackloadWorkerOptions {
  readonly seed: number;
  /** Where the simulated relays are. */
  readonly base: string;
  readonly relays: readonly string[];
  readonly lake: string;
  readonly range: SlotRange;
  readonly order: Order;
  readonly shard: { readonly index: number; readonly count: number };
  /** The fast clock's. */
  readonly origin: number;
}

/** What it tells the parent: requests so far, and in the end how it ended and the process's peak, MB. */
export type BackloadWorkerMessage =
  | { readonly requests: number }
  | { readonly outcome: string; readonly reason: string | undefined; readonly peakMb: number };

const options = JSON.parse(process.argv[2] ?? "{}") as BackloadWorkerOptions;
const { seed, base, lake, range, order, shard, origin } = options;
const network = simulatedNetwork(seed);
const clock = fastClock(origin);
const relays = withBase(simulatedRelays(seed), base).filter(({ name }) => options.relays.includes(name));
const planned = relays.map((relay) => plannedRelay(network, relay));
const input = { network: network.name, range, relays: planned, datasets: AUCTION, order };
const sigterm = new AbortController();
process.on("SIGTERM", () => sigterm.abort(new Error("stopped by SIGTERM")));
const connected = connect(
  relays.map((relay) => ({ relay, allowPrivate: true })),
  { network, clock, stop: sigterm.signal, ceiling: 5000, limits: { timeoutMs: 3000 } },
);
const tell = (message: BackloadWorkerMessage) => process.send?.(message);
const telling = setInterval(() => {
  tell({
    requests: [...connected.clients.values()].reduce((sum, { counters }) => sum + counters.requests, 0),
  });
}, 10);
const { outcome, reason } = await backload({
  network,
  lake: openFolderLake(lake, network.name),
  clock,
  log: silentLog,
  connected,
  datasets: AUCTION,
  range: planShards({ ...input, shards: shard.count })[shard.index]?.range,
  order,
  stop: sigterm.signal,
});
clearInterval(telling);
tell({ outcome, reason, peakMb: process.resourceUsage().maxRSS / 1024 });
process.exit({ done: 0, retry: 75, "bad-input": 42 }[outcome]);
