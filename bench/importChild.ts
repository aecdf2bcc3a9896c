import { join } from "node:path";
import { findNetwork } from "../runtime/chain/networks.ts";
import { systemClock } from "../runtime/chain/clock.ts";
import { keepHeapSmall } from "../runtime/heap.ts";
import { bidArchive } from "../runtime/imports/bidArchive.ts";
import { flashbotsDump } from "../runtime/imports/flashbotsDump.ts";
import { importFile } from "../runtime/imports/importFile.ts";
import { ImportLake } from "../runtime/imports/importLake.ts";
import { xatu } from "../runtime/imports/xatu.ts";
import { silentLog } from "../runtime/log.ts";
import { directoryOf } from "../runtime/relays/directory.ts";
import { openDuckDbImports } from "../runtime/warehouse/duckdb/duckdbImport.ts";
import { DuckDbFile } from "../runtime/warehouse/duckdb/duckdbFile.ts";
import { type Form, plainReader } from "./importFiles.ts";

/** What a child of `import` tells. */
export interface ImportTimes {
  readonly seconds: number;
  /** Of the processor: what the machine's other work adds nothing to. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

const [, , way = "", form = "parquet", path = "", folder = ""] = process.argv;
const network = findNetwork("mainnet", 1);
if (!network) throw new Error("no mainnet");
const source = { parquet: xatu, json: flashbotsDump, zip: bidArchive }[form as Form];
const warehouse = join(folder, "w.duckdb");

/** The file's rows as they are, in a table of such columns. */
async function readAndInsert(): Promise<void> {
  if (!network) return;
  const file = new DuckDbFile(warehouse, network, systemClock, silentLog);
  await file.use("write", async (opened) => {
    const connection = await opened.connect();
    await connection.run("SET memory_limit = '450MB'");
    const reader = plainReader(form as Form, path);
    await connection.run(`CREATE TABLE plain AS SELECT * FROM ${reader} LIMIT 0`);
    await connection.run(`INSERT INTO plain SELECT * FROM ${reader}`);
  });
}

async function imported(): Promise<void> {
  if (!network) return;
  const run = {
    source,
    scope: { network, nowMs: Date.UTC(2026, 10, 1), relays: directoryOf("mainnet") },
    lake: new ImportLake(join(folder, "lake"), network.name),
    engine: openDuckDbImports(warehouse, network, { clock: systemClock, log: silentLog }),
  };
  await importFile(run, { path, sourceFile: source.nameOf(path), url: null, etag: null, linked: true });
}

keepHeapSmall();
// The warehouse's file is made before.
const file = new DuckDbFile(warehouse, network, systemClock, silentLog);
await file.use("write", async () => {});
const before = process.cpuUsage();
const start = performance.now();
await (way === "plain" ? readAndInsert() : imported());
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
process.send?.({
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakMb: process.resourceUsage().maxRSS / 1024,
} satisfies ImportTimes);
process.disconnect();
