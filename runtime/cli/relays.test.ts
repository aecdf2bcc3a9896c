import { join } from "node:path";
import test from "ava";
import { missedBlock } from "../chain/chainSource.ts";
import { fixedDateClock } from "../chain/clock.ts";
import { FINAL_LAG_SLOTS, simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder, put } from "../warehouse/warehouse.testing.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";
import { knownRelays } from "./relays.ts";
import { coverageOfAll } from "../collect/coverageOfAll.ts";

const network = simulatedNetwork(1);
const HEAD = 1000;

test("what tells of the chain is no relay: it lacks no bids, and of the chain only what was final", async (t) => {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const rows = new Map([[640, [{ slot: "640", status: missedBlock(640).status }]]]);
  await put(lake, network, "chain_blocks", "beacon", { rows });
  await put(lake, network, "bids", "stranger", { rows: new Map([[640, []]]) });
  const options = { relay: [], quiet: true, seed: 1 } as unknown as CommonOptions;
  const clock = fixedDateClock(slotStartMs(network, HEAD));
  const context = { network, clock, say: () => t.fail("it complains") } as unknown as Context;
  const relays = (await knownRelays(options, context, lake)).filter(({ url }) => url === "");
  t.deepEqual(
    relays.map(({ name, dialect, state }) => [name, dialect, state]),
    [
      ["stranger", "flashbots", "off"],
      ["beacon", "chain", "off"],
    ],
  );
  const scope = { network, range: { first: 640, last: HEAD }, nowMs: clock.now() };
  const { coverage } = await coverageOfAll(lake, scope, relays, ["bids", "chain_blocks"]);
  t.deepEqual(
    coverage.map(({ relay, dataset, last_slot }) => [relay, dataset, last_slot]),
    [
      ["stranger", "bids", HEAD - 50],
      ["beacon", "chain_blocks", HEAD - FINAL_LAG_SLOTS],
    ],
  );
  const warehouse = openDuckDb(join(folder, "w.duckdb"), network, { clock, log: silentLog });
  await warehouse.load(lake, relays);
  t.deepEqual(await warehouse.query("SELECT DISTINCT dataset FROM coverage WHERE relay = 'beacon'"), [
    { dataset: "chain_blocks" },
  ]);
  await warehouse.close();
});
