import { join } from "node:path";
import test from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { VirtualClock } from "../chain/virtualClock.ts";
import { AUCTION } from "../datasets/dataset.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { newFolder, put, rowOf } from "../warehouse/warehouse.testing.ts";
import type { Context } from "./context.ts";
import { knownRelays } from "./relays.ts";
import { coverageOfAll } from "./summary.ts";

test("of a source of the chain that only the lake knows, slots that aren't final yet aren't missing", async (t) => {
  const network = simulatedNetwork(3);
  const clock = new VirtualClock(slotStartMs(network, 1000));
  const lake = openFolderLake(join(await newFolder(t), "lake"), network.name);
  const final = 1000 - 96;
  const block = (slot: number) => ({ status: "missed", parent_root: rowOf(slot, 1)["block_hash"] as string });
  const rows = new Map(
    Array.from({ length: final - 639 }, (_, index) => [640 + index, [block(640 + index)]] as const),
  );
  await put(lake, network, "chain_blocks", "beacon", { rows });
  await put(lake, network, "payloads", "gone", { rows: new Map([[640, [rowOf(640, 1)]]]) });
  const unsaid = () => {};
  const context: Context = {
    network,
    clock,
    log: silentLog,
    datasets: AUCTION,
    say: unsaid,
    note: unsaid,
    print: unsaid,
  };
  const options = {
    network: "simulated",
    relay: [],
    lake: lake.url,
    seed: 3,
    faults: "none",
    quiet: true,
    json: false,
  } as const;
  const relays = await knownRelays(options, context, lake);
  const scope = { network, range: { first: 640, last: 950 }, nowMs: clock.now() };
  const left = relays.filter(({ name }) => ["beacon", "gone"].includes(name));
  const { coverage } = await coverageOfAll(lake, scope, left, ["chain_blocks", "payloads"]);
  t.deepEqual(
    coverage.map(({ relay, dataset, last_slot, missing }) => ({ relay, dataset, last_slot, missing })),
    [
      { relay: "gone", dataset: "payloads", last_slot: 950, missing: 310 },
      { relay: "beacon", dataset: "chain_blocks", last_slot: final, missing: 0 },
    ].toSorted(
      (a, b) =>
        left.findIndex(({ name }) => name === a.relay) - left.findIndex(({ name }) => name === b.relay),
    ),
  );
});
