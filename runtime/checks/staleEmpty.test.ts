import { join } from "node:path";
import test from "ava";
import { fixedDateClock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { sqlDialects } from "../warehouse/sql/dialects.ts";
import { rowsOfEach } from "../warehouse/sql/rowsOfEach.ts";
import { newFolder, put, rowOf } from "../warehouse/warehouse.testing.ts";
import { staleEmpty } from "./staleEmpty.ts";

const network = simulatedNetwork(5);
const CHUNK = 640;
const slots = Array.from({ length: 32 }, (_, index) => CHUNK + index);

test("a covered slot with a delivery and without a bid is an error, in however few or many of a relay's slots", async (t) => {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const clock = fixedDateClock(slotStartMs(network, 5000));
  const warehouse = openDuckDb(join(folder, "one.duckdb"), network, { clock, log: silentLog });
  // Each relay delivered in every slot; its name says in how many it has no bid.
  const lacking = [0, 1, 16, 30, 31, 32];
  for (const count of lacking) {
    const bids = new Map(slots.map((slot, index) => [slot, index < count ? [] : [rowOf(slot, 1)]]));
    await put(lake, network, "bids", `lacks-${count}`, { rows: bids });
    const rows = new Map(slots.map((slot) => [slot, [rowOf(slot, 1)]]));
    await put(lake, network, "payloads", `lacks-${count}`, { rows });
  }
  // What isn't covered doesn't claim that there was no bid.
  await put(lake, network, "payloads", "not-asked", { rows: new Map([[CHUNK, [rowOf(CHUNK, 1)]]]) });
  await warehouse.load(lake, []);
  const scope = { network, range: { first: CHUNK, last: CHUNK + 31 }, nowMs: clock.now() };
  const rows = await rowsOfEach(warehouse, staleEmpty.statements(sqlDialects.duckdb, scope));
  const { findings } = staleEmpty.judge(rows, { scope, relays: [] });
  const told = findings.map(({ severity, relay, what }) => `${severity} ${relay} ${/^\d+/.exec(what)?.[0]}`);
  const wrong = lacking.filter((count) => count > 0).map((count) => `error lacks-${count} ${count}`);
  t.deepEqual(told.toSorted(), wrong.toSorted());
});
