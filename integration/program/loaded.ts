import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Clock } from "../../runtime/chain/clock.ts";
import { type SlotRange, settledSlot } from "../../runtime/chain/slots.ts";
import { collectChain } from "../../runtime/collect/chain.ts";
import { AUCTION, DATASET_NAMES } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import { silentLog } from "../../runtime/log.ts";
import { openEndpoint } from "../../runtime/nodes/nodeEndpoint.ts";
import { chainRelay } from "../../runtime/relays/chainRelay.ts";
import type { Relay } from "../../runtime/relays/relay.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { type LimitsOf, NOW, hastyClock, lineOf } from "./line.ts";

/** A simulated network that was collected and loaded, with the canonical chain filled in from the simulator's truth. */
export interface LoadedWarehouse {
  readonly folder: string;
  readonly clock: Clock;
  readonly lake: Lake;
  readonly warehouse: Warehouse;
  readonly simulator: Simulator;
  readonly relays: readonly Relay[];
  readonly line: ReturnType<typeof lineOf>;
  readonly range: SlotRange;
  /** Loads what was collected since, and settles the chain of a range. */
  load(range: SlotRange): Promise<void>;
}

export interface LoadedOptions extends Partial<Omit<SimulatorOptions, "clock" | "seed">> {
  readonly seed: number;
  /** Slots that are collected, the newest settled ones. */
  readonly slots: number;
  /** Which relays are collected, as they are to be; all of the simulator's without it. */
  readonly relays?: (relays: readonly Relay[]) => readonly Relay[];
  /** Whether what few relays tell and the chain, by its beacon node, are collected too: else the auction alone. */
  readonly isWhole?: boolean;
  /** What a relay may cost, where it isn't as with any line. */
  readonly limitsOf?: LimitsOf;
}

/** Collects the newest slots of a simulated network into a lake and a warehouse of their own. */
export async function loadedNetwork(options: LoadedOptions): Promise<LoadedWarehouse> {
  const { seed, slots, relays: choose = (all) => all, isWhole = false, limitsOf, ...simulated } = options;
  const clock = hastyClock();
  const folder = mkdtempSync(join(tmpdir(), "etl-loaded-"));
  const simulator = await startSimulator({
    faults: "none",
    scale: 0.1,
    record: false,
    ...simulated,
    seed,
    clock,
  });
  const relays = choose(simulator.relays);
  const lake = openFolderLake(join(folder, "lake"), `simulated-${seed}`);
  const line = lineOf(seed, relays, lake, clock, { limitsOf });
  const path = join(folder, "warehouse.duckdb");
  const warehouse = openDuckDb(path, line.network, { clock, log: silentLog });
  const last = settledSlot(line.network, NOW);
  const range = { first: last - slots + 1, last };
  const load = async (loaded: SlotRange) => {
    await warehouse.load(lake, isWhole ? [...relays, chainRelay("beacon", "off")] : relays);
    await fillChain(path, simulator, loaded);
  };
  await line.run(range, isWhole ? DATASET_NAMES : AUCTION);
  if (isWhole) {
    const source = await openEndpoint(simulator.nodes.beacon, line.network, clock);
    const stop = new AbortController().signal;
    await collectChain({ network: line.network, lake, clock, log: silentLog, range, stop }, source);
    source.close();
  }
  await load(range);
  return { folder, clock, lake, warehouse, simulator, relays, line, range, load };
}

async function fillChain(path: string, { truth }: Simulator, { first, last }: SlotRange): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  const rows = Array.from({ length: last - first + 1 }, (_, index) => {
    const hash = truth.canonicalHash(first + index);
    return `(${first + index}, ${hash === undefined ? "NULL" : `'${hash}'`})`;
  });
  await connection.run(`DELETE FROM canonical_blocks WHERE slot BETWEEN ${first} AND ${last}`);
  await connection.run(`INSERT INTO canonical_blocks VALUES ${rows.join(", ")}`);
  connection.closeSync();
  instance.closeSync();
}
