import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { VirtualClock } from "../chain/virtualClock.ts";
import { AUCTION } from "../datasets/dataset.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder, put, rowOf } from "../warehouse/warehouse.testing.ts";
import type { Context } from "./context.ts";
import { loadInto } from "./load.ts";
import type { CommonOptions } from "./options.ts";

test("where the canonical node is down everything is loaded, and a line says which payloads stay unsettled", async (t) => {
  const folder = await newFolder(t);
  const network = simulatedNetwork(3);
  const clock = new VirtualClock(slotStartMs(network, 1000));
  const lake = openFolderLake(join(folder, "lake"), network.name);
  // The last is less than two epochs old.
  const rows = new Map([640, 700, 940].map((slot) => [slot, [rowOf(slot, 1)]]));
  await put(lake, network, "payloads", "one", { rows });
  const warehouse = join(folder, "one.duckdb");
  const context: Context = {
    network,
    clock,
    log: silentLog,
    datasets: AUCTION,
    say: () => {},
    note: () => {},
    print: () => {},
  };
  const options = {
    network: "simulated",
    relay: [],
    lake: lake.url,
    warehouse,
    seed: 3,
    faults: "none",
    quiet: true,
    json: false,
  } satisfies CommonOptions;
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  server.close();
  const load = (canonical: string) => loadInto({ ...options, canonical }, context, lake, []);
  const loaded = await load(`http://user:hidden@127.0.0.1:${port}/?apikey=hidden`);
  t.is(loaded.rows, 3);
  t.is(loaded.failed.length, 1);
  t.regex(
    loaded.failed[0] ?? "",
    /^the node http:\/\/\*\*\*@127.*apikey=\*\*\* can't be asked.*ECONNREFUSED.*; the payloads of 2 slots \(640-700\) stay unsettled \(reorged is null\): run `load` again$/,
  );
  t.notRegex(loaded.failed.join(), /hidden/);
  const found = await openDuckDb(warehouse, network, { clock, log: silentLog }).query(
    "SELECT 1 FROM payloads",
  );
  t.is(found.length, 3);
  // A mistake in the option itself is told before anything is loaded.
  await t.throwsAsync(load("ftp://user:hidden@node"), {
    name: "UserError",
    message: /^--canonical: give the http/,
  });
});
