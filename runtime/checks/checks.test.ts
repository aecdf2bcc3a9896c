import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { fixedDateClock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotAt, slotStartMs } from "../chain/slots.ts";
import { DATASET_NAMES, datasets } from "../datasets/dataset.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { dayOf } from "../lake/rereads.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder, put, rowOf } from "../warehouse/warehouse.testing.ts";
import { runChecks } from "./checks.ts";
import { duckdbDialect } from "../warehouse/sql/duckdbDialect.ts";

const network = simulatedNetwork(5);
/** The first slot of a UTC day, and of a month. */
const BORDER = slotAt(network, Date.UTC(2023, 11, 1)) + 1;

async function place(t: ExecutionContext) {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const clock = fixedDateClock(slotStartMs(network, BORDER + 5000));
  const warehouse = openDuckDb(join(folder, "one.duckdb"), network, { clock, log: silentLog });
  const found = async (name: string, first: number, last: number) => {
    const scope = { network, range: { first, last }, nowMs: clock.now() };
    const result = (await runChecks(warehouse, duckdbDialect, { scope, relays: [] })).find(
      ({ check }) => check.name === name,
    );
    t.truthy(result);
    return {
      measured: result?.measured,
      findings: result?.findings
        .map(({ severity, relay, what }) => `${severity} ${relay}: ${what}`)
        .toSorted(),
    };
  };
  return { lake, warehouse, found };
}

test("covered slots without rows count as unproven only in chunks of the older layout, by relay and dataset, within the range", async (t) => {
  const { lake, warehouse, found } = await place(t);
  const first = 640;
  // 40 slots from 640 on: two chunks of datasets that are kept by 32, one of the others. Of each ten slots, three are empty.
  const slots = Array.from({ length: 40 }, (_, index) => first + index);
  for (const dataset of DATASET_NAMES) {
    for (const [relay, unproven] of [
      ["older", null],
      ["newer", []],
    ] as const) {
      const chunks = datasets[dataset].chunkSlots === 32 ? [slots.slice(0, 32), slots.slice(32)] : [slots];
      for (const chunk of chunks) {
        const rows = new Map(
          chunk.map((slot) => [slot, slot % 10 < 3 ? [] : [rowOf(slot, 1), rowOf(slot, 2)]]),
        );
        await put(lake, network, dataset, relay, { rows, unproven });
      }
    }
  }
  await put(lake, network, "bids", "full", { rows: new Map([[first, [rowOf(first, 1)]]]), unproven: null });
  await warehouse.load(lake, []);
  const share = "12 of 40 covered slots (30.0 %) of older chunks are empty without proof";
  t.deepEqual(await found("unproven-empty", first, first + 39), {
    measured: "60 of 201 covered slots (29.9 %) of older chunks are empty without proof",
    findings: [
      `warning older: adjustments: ${share}, between 640 and 959`,
      `warning older: bids: ${share}, between 640 and 703`,
      `warning older: headers: ${share}, between 640 and 703`,
      `warning older: merged_blocks: ${share}, between 640 and 959`,
      `warning older: payloads: ${share}, between 640 and 959`,
    ],
  });
  t.deepEqual((await found("unproven-empty", first + 3, first + 9)).findings, []);
});

test("a relay whose answers of a day agree in less than 99.5 % is warned of, with the worst of its days", async (t) => {
  const { lake, warehouse, found } = await place(t);
  const [day, before] = [dayOf(network, BORDER), dayOf(network, BORDER - 1)];
  t.not(day.slice(0, 7), before.slice(0, 7));
  const write = async (relay: string, on: string, slots: number, differing: number) => {
    const from = on === day ? BORDER : BORDER - slots;
    const reread = { slots: [{ first: from, last: from + slots - 1 }], differing, rowsGained: 3 * differing };
    await lake.writeRereads("bids", relay, on.slice(0, 7), new Map([[on, reread]]));
  };
  for (const relay of ["bad", "fair", "same"])
    for (const slot of [BORDER - 64, BORDER])
      await put(lake, network, "bids", relay, { rows: new Map([[slot, [rowOf(slot, 1)]]]) });
  await write("bad", day, 144, 12);
  await write("bad", before, 144, 1);
  // 99.5 % are good enough.
  await write("fair", day, 200, 1);
  await write("same", day, 144, 0);
  await warehouse.load(lake, []);
  const worst = `warning bad: bids: on ${day} 12 of 144 slots (8.3 %) differed when read again, by 36 rows more`;
  t.deepEqual(await found("rereads-differ", BORDER - 100, BORDER + 100), {
    measured: "14 of 632 slots (2.2 %) that were read again differed",
    findings: [`${worst}, the worst of 2 such days`],
  });
  t.deepEqual((await found("rereads-differ", BORDER, BORDER + 100)).findings, [worst]);
  t.deepEqual((await found("rereads-differ", BORDER + 8000, BORDER + 8100)).findings, []);
});
