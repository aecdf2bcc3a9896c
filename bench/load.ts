import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import type { Lake } from "../runtime/lake/lake.ts";
import { silentLog } from "../runtime/log.ts";
import { openDuckDb } from "../runtime/warehouse/duckdb/duckdb.ts";
import { someBids } from "./someBids.ts";
import type { Warehouse } from "../runtime/warehouse/warehouse.ts";

const network = simulatedNetwork(1);
const RELAY = "bench";
const SLOTS = 512;
/** 16 chunks of 32 slots: 204,800 rows a load. */
const BIDS_A_SLOT = 400;
const ROWS = SLOTS * BIDS_A_SLOT;

/**
 * Times the load of some 200,000 bids from a lake folder into tables of 1 and of 10 million rows, in turns, and takes
 * medians. `load_rows_per_s` is for the larger table; the peak is the process's since it began.
 */
export async function benchLoad(rounds = 5): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-load-"));
  try {
    const small = await filled(join(folder, "small.duckdb"), 1_000_000);
    const large = await filled(join(folder, "large.duckdb"), 10_000_000);
    const small_ms: number[] = [];
    const large_ms: number[] = [];
    // The first round warms up and isn't counted.
    for (let round = 0; round <= rounds; round++) {
      const lake = await lakeOfRound(join(folder, `lake-${round}`), round * SLOTS);
      const times = [await timed(small, lake), await timed(large, lake)] as const;
      if (round === 0) continue;
      small_ms.push(times[0]);
      large_ms.push(times[1]);
    }
    const [into1m, into10m] = [median(small_ms), median(large_ms)];
    return {
      load_into_1m_ms: into1m,
      load_into_10m_ms: into10m,
      load_10m_to_1m_ratio: into10m / into1m,
      load_rows_per_s: ROWS / (into10m / 1000),
      load_peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(warehouse: Warehouse, lake: Lake): Promise<number> {
  const start = performance.now();
  const { rows, failed } = await warehouse.load(lake, []);
  const ms = performance.now() - start;
  if (rows !== ROWS || failed.length > 0) throw new Error(`${rows} of ${ROWS} rows loaded`);
  return ms;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** A warehouse that has that many bids of older slots, with their ledger. */
async function filled(path: string, rows: number): Promise<Warehouse> {
  const warehouse = openDuckDb(path, network, { clock: systemClock, log: silentLog });
  await warehouse.load(openFolderLake(`${path}.lake`, network.name), []);
  const instance = await DuckDBInstance.create(path, { threads: "2", memory_limit: "300MB" });
  const connection = await instance.connect();
  const hex = (salt: string, digits: number) =>
    `'0x' || substr(${[0, 1, 2].map((part) => `md5(${salt} || '${part}')`).join(" || ")}, 1, ${digits})`;
  const slot = `i // ${BIDS_A_SLOT}`;
  for (let from = 0; from < rows; from += 500_000)
    await connection.run(`INSERT INTO bids SELECT '${RELAY}-old', ${slot},
    make_timestamp((${network.genesis} + 12 * (${slot})) * 1000000), ${hex(slot, 64)}, ${hex("i::VARCHAR", 64)},
    ${hex("i % 30", 96)}, ${hex(slot, 96)}, ${hex(slot, 40)}, 36000000, 10000000 + i % 20000000, (i * 7919)::HUGEINT::DECIMAL(38,0),
    i % 300, ${slot}, make_timestamp((${network.genesis} + 12 * (${slot})) * 1000000 + i % 12000 * 1000), ${network.genesis} + i // 33,
    1000 * (${network.genesis} + i // 33), i % 2 = 0, NULL, 1 FROM range(${from}, ${from + 500_000}) t(i)`);
  await connection.run(`INSERT INTO bids_loads SELECT '${RELAY}-old', 32 * i, 32 * i + 31, 'object' || i, i + 1, 0, repeat('1', 32),
    repeat('0', 32), ${32 * BIDS_A_SLOT}, 0, NULL, now()::TIMESTAMP, repeat('0', 32) FROM range(${Math.ceil(rows / BIDS_A_SLOT / 32)}) t(i)`);
  connection.closeSync();
  instance.closeSync();
  return warehouse;
}

async function lakeOfRound(path: string, first: number): Promise<Lake> {
  const lake = openFolderLake(path, network.name);
  await someBids(lake, network, RELAY, { first, last: first + SLOTS - 1 }, BIDS_A_SLOT);
  return lake;
}
