import { readFile, writeFile } from "node:fs/promises";
import type { ExecutionContext } from "ava";
import { type Clock, fixedDateClock } from "../chain/clock.ts";
import { type Network } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import type { Lake } from "../lake/lake.ts";
import { lakeNetwork } from "../lake/lake.testing.ts";
import { newFolder } from "./warehouse.testing.ts";
import type { Warehouse } from "./warehouse.ts";

/** Opens a warehouse that is new for each `name` of a test, and the same for the same name. */
export type OpenWarehouse = (
  t: ExecutionContext,
  network: Network,
  clock: Clock,
  name?: string,
) => Promise<Warehouse>;

/** Where the contract's lakes lie. */
export interface ContractLakes {
  /** A lake that is new. */
  open(t: ExecutionContext, network: string): Promise<Lake>;
  /** Changes the stored bytes of an object, and nothing else of it. */
  damage(lake: Lake, object: string, change: (bytes: Buffer) => Buffer): Promise<void>;
}

/** Lakes in folders. */
export const folderLakes: ContractLakes = {
  open: async (t, network_) => openFolderLake(await newFolder(t), network_),
  async damage(lake, object, change) {
    const path = lake.locate(object);
    await writeFile(path, change(await readFile(path)));
  },
};

/** What a part of the contract is given. */
export interface ContractParts {
  /** Names the form in the tests' titles. */
  readonly form: string;
  readonly open: OpenWarehouse;
  /** Folders, or what its engine can read. */
  readonly lakes: ContractLakes;
  /** `test`, or `test.serial` where tests would only wait for each other. */
  readonly register: (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void;
  /** Examples of each property: fewer for engines that take seconds over one. */
  readonly runs: number;
}

/** The date of the contract's warehouses. */
export const CONTRACT_NOW = slotStartMs(lakeNetwork, 10_000);

/** A lake and a warehouse, both empty. */
export async function startEmpty(t: ExecutionContext, { open, lakes }: ContractParts) {
  return {
    lake: await lakes.open(t, lakeNetwork.name),
    warehouse: await open(t, lakeNetwork, fixedDateClock(CONTRACT_NOW)),
  };
}
