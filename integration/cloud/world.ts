import type { ExecutionContext } from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot, slotStartMs } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { takeableSlot } from "../../runtime/tick/windows.ts";
import { AUCTION, type AuctionDataset, datasets } from "../../runtime/datasets/dataset.ts";
import { type SimulatorOptions, startSimulator } from "../../runtime/simulator/server.ts";
import { type Comparison, compareTables } from "../program/compare.ts";
import { lineOf } from "../program/line.ts";
import { TickClock, startService } from "../program/service.ts";
import type { CloudServers } from "./cloud.ts";

/** Any seed will do; a test that fails names its own. ETL_TEST_SEED repeats it. */
export const seed = Number(process.env["ETL_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 29));

/** Relays take slot 0 for none: it is asked for by no test here. */
const FIRST = 1;

/** A young simulated network, all of whose slots a tick's newest window holds, over a project in the cloud. */
export async function world(
  t: ExecutionContext,
  project: CloudServers,
  options: Partial<SimulatorOptions> & { headSlot?: number; only?: number } = {},
) {
  const { headSlot = 170, only = Infinity, ...rest } = options;
  t.log(`seed ${seed}`);
  const network = simulatedNetwork(seed);
  const clock = new TickClock(slotStartMs(network, headSlot));
  const simulator = await startSimulator({
    seed,
    faults: "none",
    clock,
    scale: 0.02,
    record: false,
    ...rest,
  });
  t.teardown(() => simulator.close());
  const lake = project.lake(network);
  const warehouse = project.warehouse(network, clock, "create");
  t.teardown(() => warehouse.close());
  // The tables are made by the first call.
  await warehouse.load(lake, simulator.relays);
  const active = simulator.relays.filter(({ state }) => state === "active").slice(0, only);
  const began = clock.now();
  /** Slots of active relays that a tick could take from the beginning and that aren't covered. */
  const missing = async (): Promise<number> => {
    let count = 0;
    for (const relay of active)
      for (const name of AUCTION) {
        const range = { first: FIRST, last: takeableSlot(network, datasets[name], began) };
        const onFault = (fault: string) => t.fail(fault);
        count += (await coverageOf(lake, { network, range, nowMs: clock.now() }, relay, name, onFault))
          .missing;
      }
    return count;
  };
  const all = { first: FIRST, last: settledSlot(network, began) };
  return {
    network,
    clock,
    simulator,
    /** The active relays, or the first of them. */
    relays: active,
    lake,
    warehouse,
    missing,
    /** Collects all that a tick could take, again where a busy machine's relays didn't answer in time. */
    async collectAll(): Promise<void> {
      const line = lineOf(seed, active, lake, clock);
      for (let runs = 0; runs < 10 && (runs === 0 || (await missing()) > 0); runs++) await line.run(all);
    },
    /** A service of its own, with its own clients of lake and warehouse. */
    async start(dataset: AuctionDataset, parts: Partial<Parameters<typeof startService>[0]> = {}) {
      const own = { lake: project.lake(network), warehouse: project.warehouse(network, clock) };
      const service = await startService({ dataset, seed, relays: active, clock, ...own, ...parts });
      t.teardown(() => service.close());
      return service;
    },
    /** Nothing is missing, and the tables hold exactly the truth. */
    async isTheTruth(least = 200): Promise<void> {
      t.is(await missing(), 0);
      isTruth(t, await compareTables(lake, warehouse, simulator.truth), least);
    },
  };
}

function isTruth(t: ExecutionContext, { slots, rows, differences }: Comparison, least: number): void {
  t.deepEqual(differences, []);
  t.true(slots >= least && rows > 0, `${slots} slots, ${rows} rows`);
  t.log(`${slots} slots, ${rows} rows`);
}
