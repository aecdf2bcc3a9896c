import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textIn } from "../../runtime/warehouse/sql/values.ts";
import test, { type ExecutionContext } from "ava";
import { settledSlot, slotCount } from "../../runtime/chain/slots.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { DATASET_NAMES, type DatasetName, datasets } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { serves } from "../../runtime/relays/relay.ts";
import { FAULT_PLANS, without } from "../../runtime/simulator/faults.ts";
import type { SimulatorOptions } from "../../runtime/simulator/service.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { compareLake, compareTables } from "./compare.ts";
import { NOW, hastyClock, lineOf } from "./line.ts";

const SEED = 16;
const MINUTE = 60_000;
/** Those that serve more than bids and payloads, and one that doesn't. */
const NAMES = ["kestrel", "osprey", "plover", "heron"];
/** What no single answer shows: lists cut short, and rows that come late. */
const UNSEEN = ["short", "late", "always-cut", "page-hole"] as const;
const EXTRAS: readonly DatasetName[] = DATASET_NAMES.filter((name) => name !== "bids" && name !== "payloads");

async function scene(t: ExecutionContext, faults: SimulatorOptions["faults"], slots = 96) {
  const clock = hastyClock();
  const simulator = await startSimulator({ seed: SEED, clock, scale: 0.02, faults });
  t.teardown(() => simulator.close());
  const relays = simulator.relays.filter(({ name }) => NAMES.includes(name));
  const folder = mkdtempSync(join(tmpdir(), "etl-extras-"));
  const lake = openFolderLake(folder, `simulated-${SEED}`);
  const network = simulatedNetwork(SEED);
  const last = settledSlot(network, NOW);
  const range = { first: last - slots + 1, last };
  const line = lineOf(SEED, relays, lake, clock, { rate: 200 });
  const cover = async (name: string, dataset: DatasetName) => {
    const relay = relays.find((each) => each.name === name);
    if (!relay) throw new Error(`no relay ${name}`);
    const scope = { network, range, nowMs: clock.now() };
    return coverageOf(lake, scope, relay, dataset, (fault) => t.fail(fault));
  };
  return { clock, simulator, relays, folder, lake, network, range, line, cover };
}

test.serial(
  "every dataset ends as the truth has it, in lake and tables; a relay is asked for what it serves",
  async (t) => {
    const { clock, simulator, relays, folder, lake, network, range, line, cover } = await scene(t, "none");
    await line.run(range, DATASET_NAMES);
    for (const { name, ...relay } of relays)
      for (const dataset of DATASET_NAMES.filter((each) => serves(relay, each))) {
        const { covered, missing, unavailable } = await cover(name, dataset);
        t.is(missing, 0, `${name} ${dataset}`);
        t.is(covered + unavailable, slotCount(range), `${name} ${dataset}`);
        t.is(unavailable > 0, name === "plover" && dataset === "merged_blocks", `${name} ${dataset}`);
      }
    const found = await compareLake(lake, simulator.truth);
    t.deepEqual(found.differences, []);
    const rows = async (name: string, dataset: DatasetName) => (await cover(name, dataset)).rows;
    for (const [name, dataset] of [
      ["kestrel", "adjustments"],
      ["osprey", "adjustments"],
      ["osprey", "merged_blocks"],
      ["osprey", "headers"],
      ["plover", "headers"],
    ] as const)
      t.true((await rows(name, dataset)) > 0, `${name} ${dataset}`);
    const asked = simulator.requests.filter(({ dataset }) => dataset && EXTRAS.includes(dataset));
    t.deepEqual(
      asked.filter(({ relay }) => relay === "heron"),
      [],
    );
    for (const { relay, dataset, slot = 0 } of asked)
      if (dataset && datasets[dataset].target === "delivered")
        t.true(simulator.truth.payloads(relay, slot).length > 0, `${relay} didn't deliver in ${slot}`);

    const path = join(folder, "warehouse.duckdb");
    const warehouse = openDuckDb(path, network, { clock, log: silentLog });
    t.teardown(() => warehouse.close());
    await warehouse.load(lake, relays);
    t.deepEqual((await compareTables(lake, warehouse, simulator.truth)).differences, []);
    // What a relay made itself is what it delivered, and among its bids is what it made it of.
    const made = await warehouse.query(
      "SELECT relay, value, best_value, submitted_value, original_value FROM delivered WHERE adjusted OR merged",
    );
    t.true(made.length > 5);
    for (const row of made) {
      if (row["submitted_value"] !== null)
        t.true(BigInt(textIn(row, "submitted_value")) > BigInt(textIn(row, "value")));
      else t.true(BigInt(textIn(row, "original_value")) < BigInt(textIn(row, "value")));
    }
  },
);

test.serial("under faults and spells nothing but the truth is covered", async (t) => {
  const { clock, simulator, lake, range, line } = await scene(t, without(FAULT_PLANS.all, ...UNSEEN));
  for (let run = 0; run < 3; run++) {
    await line.run(range, DATASET_NAMES);
    t.deepEqual((await compareLake(lake, simulator.truth)).differences, [], `after run ${run}`);
    await clock.sleep(30 * MINUTE);
  }
});

test.serial(
  "a relay that answers [] from its start to its first head event covers nothing with it",
  async (t) => {
    const spells = [{ kind: "starting", until: 20 * MINUTE, payloads: true }] as const;
    const { clock, simulator, lake, range, line, cover } = await scene(t, {
      rates: {},
      spells: Object.fromEntries(NAMES.map((name) => [name, spells])),
    });
    await line.run(range, DATASET_NAMES);
    for (const dataset of DATASET_NAMES) t.is((await cover("osprey", dataset)).covered, 0, dataset);
    await clock.sleep(20 * MINUTE);
    await line.run(range, DATASET_NAMES);
    await line.run(range, DATASET_NAMES);
    t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);
    for (const dataset of DATASET_NAMES.filter((name) => serves({ dialect: "helix" }, name)))
      t.is((await cover("osprey", dataset)).missing, 0, dataset);
  },
);
