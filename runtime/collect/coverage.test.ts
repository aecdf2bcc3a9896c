import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { emptyMeta } from "../lake/lake.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { chunkOf, newFolder, put } from "../warehouse/warehouse.testing.ts";
import { storedRange } from "./coverage.ts";

const network = simulatedNetwork(1);

test("a lake holds what was answered without proof, and what can't be trusted: neither is nothing", async (t) => {
  const folder = await newFolder(t);
  const lake = openFolderLake(folder, network.name);
  t.is(await storedRange(lake, ["bids"]), undefined);
  const chunk = chunkOf("bids", "heron", 640);
  const meta = emptyMeta(chunk);
  await lake.write(chunk, new Map(), { ...meta, unproven: meta.covered.with(642).with(645) }, 0);
  t.deepEqual(await storedRange(lake, ["bids"]), { first: 642, last: 645 });
  await put(lake, network, "bids", "heron", { rows: new Map([[700, []]]) });
  t.deepEqual(await storedRange(lake, ["bids"]), { first: 642, last: 700 });
  const name = "0000000736-0000000767.ndjson.gz";
  writeFileSync(join(folder, network.name, "bids", "relay=heron", name), "no gzip");
  t.deepEqual(await storedRange(lake, ["bids"]), { first: 642, last: 767 });
});
