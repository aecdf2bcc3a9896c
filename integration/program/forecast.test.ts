import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { bidsRequests, payloadRequests } from "../../runtime/backload/expectedRequests.ts";
import { settledSlot, slotCount } from "../../runtime/chain/slots.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { NOW, hastyClock, lineOf } from "./line.ts";

const SLOTS = 640;
/** Near the head a group takes some questions more. */
const BELOW_HEAD = 10_000;

for (const [name, rate] of [
  ["heron", 10],
  ["sparse", 1],
] as const)
  test(`${name} takes as many requests as are forecast, within a tenth, at ${rate} a second`, async (t) => {
    t.timeout(600_000);
    const clock = hastyClock();
    const simulator = await startSimulator({ seed: SEED, clock, scale: 0.02, faults: "none" });
    t.teardown(() => simulator.close());
    const relay = [...simulator.relays, ...simulator.others].find((relay) => relay.name === name);
    if (!relay) throw new Error(`no relay ${name}`);
    const lake = openFolderLake(mkdtempSync(join(tmpdir(), "etl-forecast-")), `simulated-${SEED}`);
    const line = lineOf(SEED, [relay], lake, clock, { rate });
    const last = settledSlot(line.network, NOW) - BELOW_HEAD;
    const range = { first: last - SLOTS + 1, last };
    for (const dataset of AUCTION) {
      const before = simulator.requests.length;
      await line.run(range, [dataset]);
      const taken = simulator.requests.length - before;
      const slots = Array.from({ length: slotCount(range) }, (_, n) => range.first + n);
      const rows = slots.map((slot) => simulator.truth[dataset](relay.name, slot).length);
      const forecast =
        dataset === "bids"
          ? bidsRequests(SLOTS, rows.filter((count) => count === 0).length, rate)
          : payloadRequests(
              rows.reduce((sum, count) => sum + count, 0),
              relay.payloadLimit,
              1,
            );
      t.true(Math.abs(taken - forecast) <= 0.1 * forecast + 5, `${dataset}: ${taken}, not ${forecast}`);
    }
  });
