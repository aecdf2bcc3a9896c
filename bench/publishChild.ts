import { join } from "node:path";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { slotsOfDay } from "../runtime/chain/slots.ts";
import { openFolderFiles } from "../runtime/lake/folder/folderFiles.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import { keepHeapSmall } from "../runtime/heap.ts";
import { ParquetParts } from "../runtime/warehouse/duckdb/parquetParts.ts";
import { publish } from "../runtime/publish/publish.ts";

/** What the child of `publish` tells. */
export interface Published {
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Of the processor: what the machine's other work adds nothing to. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

const [, , folder = ""] = process.argv;
const network = simulatedNetwork(1);
const DAY = Date.UTC(2025, 9, 9);
const parts = {
  lake: openFolderLake(join(folder, "lake"), network.name),
  network,
  store: openFolderFiles(join(folder, "published")),
  nowMs: DAY + 9 * 86_400_000,
  coverage: async () => [],
  openParts: () => ParquetParts.open(),
};
keepHeapSmall();
const start = performance.now();
const [day] = await publish(parts, ["bids"], slotsOfDay(network, DAY / 86_400_000));
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage();
const { rows = 0, bytes = 0 } = day?.entry ?? {};
process.send?.({
  rows,
  bytes,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakMb: process.resourceUsage().maxRSS / 1024,
} satisfies Published);
process.disconnect();
