import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { newFolder, put, relayNamed, rowOf } from "../warehouse/warehouse.testing.ts";
import { unaskedBeside, unaskedJson } from "./unasked.ts";

const network = simulatedNetwork(3);
const nowMs = slotStartMs(network, 200_000);
const options = {
  network: "simulated",
  relay: [],
  lake: "data/lake",
  seed: 3,
  faults: "none",
  quiet: false,
  json: false,
} as const;

/** A lake whose chunks hold these slots, and what lies unasked beside a range of it. */
async function scene(t: ExecutionContext, relays = ["one", "two"]) {
  const lake = openFolderLake(join(await newFolder(t), "lake"), network.name);
  const relay = relays.map((name) => relayNamed(name));
  return {
    lake,
    /** Slots of one chunk. */
    async store(
      name: string,
      dataset: DatasetName,
      slots: readonly number[],
      unproven: readonly number[] = [],
    ) {
      const rows = new Map(slots.map((slot) => [slot, [rowOf(slot, 1)]]));
      await put(lake, network, dataset, name, { rows, unproven });
    },
    beside: (first: number, last: number, datasets: readonly DatasetName[] = ["bids"]) =>
      unaskedBeside(lake, { network, range: { first, last }, nowMs }, relay, datasets),
  };
}

test("what lies between the stored slots and those asked now is told, below and above, with the command for it", async (t) => {
  const { store, beside } = await scene(t);
  for (const name of ["one", "two"]) {
    await store(name, "bids", [1000, 1001]);
    await store(name, "bids", [3000]);
  }
  const unasked = await beside(1040, 1050);
  t.deepEqual(
    unasked.map(({ range }) => range),
    [
      { first: 1051, last: 2999 },
      { first: 1002, last: 1039 },
    ],
  );
  t.like(unaskedJson(unasked, options)[1], {
    relays: ["one", "two"],
    first_slot: 1002,
    last_slot: 1039,
    command: "mev-boost-etl run --seed 3 --slots 1002-1039",
  });
});

test("nothing is told where the range joins on, overlaps, or nothing else is stored", async (t) => {
  const { store, beside } = await scene(t);
  t.deepEqual(await beside(1000, 1010), []);
  await store("one", "bids", [1000, 1001]);
  t.deepEqual(await beside(1002, 1010), []);
  t.deepEqual(await beside(990, 999), []);
  t.deepEqual(await beside(990, 1010), []);
});

test("a slot that was answered without proof was asked", async (t) => {
  const { store, beside } = await scene(t);
  await store("one", "bids", [1000], [1001, 1002]);
  t.deepEqual(
    (await beside(1010, 1020)).map(({ range }) => range),
    [{ first: 1003, last: 1009 }],
  );
});

test("however far away the nearest stored slot is, the gap reaches just up to it", async (t) => {
  const { store, beside } = await scene(t, ["one"]);
  await store("one", "bids", [70]);
  await store("one", "bids", [150_000]);
  t.deepEqual(
    (await beside(100_000, 100_010)).map(({ range }) => range),
    [
      { first: 71, last: 99_999 },
      { first: 100_011, last: 149_999 },
    ],
  );
});

test("relays and datasets with gaps of their own are told apart, and the command names them", async (t) => {
  const { store, beside } = await scene(t);
  await store("one", "bids", [1000]);
  await store("one", "payloads", [1000]);
  await store("two", "bids", [1008]);
  const unasked = await beside(1010, 1020, ["bids", "payloads"]);
  const commands = unaskedJson(unasked, { ...options, relay: ["two=http://me:pass@127.0.0.1:9"] });
  t.like(commands[0], { relays: ["one"], datasets: ["bids", "payloads"] });
  t.like(commands[1], {
    relays: ["two"],
    datasets: ["bids"],
    command:
      "mev-boost-etl run --seed 3 --dataset bids --relay 'two=http://***@127.0.0.1:9' --slots 1009-1009",
  });
});

test("what the relay has forgotten isn't told: it can't be asked for", async (t) => {
  const { lake, store, beside } = await scene(t, ["one"]);
  await store("one", "bids", [1000]);
  await lake.writeHorizon("bids", "one", { oldest_slot: 1200, asked_at: new Date(nowMs).toISOString() });
  t.deepEqual(
    (await beside(1210, 1220)).map(({ range }) => range),
    [{ first: 1200, last: 1209 }],
  );
});
