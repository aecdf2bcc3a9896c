import { copyFile, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { systemClock } from "../chain/clock.ts";
import { coverageOf } from "../collect/coverage.ts";
import { packSlot } from "../collect/slotAnswer.ts";
import { writeChunk } from "../collect/writeChunk.ts";
import { datasets } from "../datasets/dataset.ts";
import { heldSlots, isBad, type Lake } from "../lake/lake.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { chunkOf, put, relayNamed, rowOf, tableRows } from "../warehouse/warehouse.testing.ts";
import { readCatalog } from "./catalog.ts";
import { pruneLake } from "./pruneLake.ts";
import {
  bidsOf,
  DAY,
  DAY_MS,
  dayRange,
  LATE_MS,
  newPlace,
  nextRange,
  publishedNetwork,
  twoDays,
} from "./publish.testing.ts";
import { strangersIn, verifyPublished } from "./verify.ts";

const network = publishedNetwork;
const BIDS = `${network.name}/bids/date=2025-10-09/part-0.parquet`;
const NEXT = `${network.name}/bids/date=2025-10-10/part-0.parquet`;
const BOTH = { first: dayRange.first, last: nextRange.last };

type Place = Awaited<ReturnType<typeof newPlace>>;

async function differences({ source, store }: Place): Promise<string[]> {
  const found: string[] = [];
  for await (const day of verifyPublished(source, store)) found.push(...day.differences);
  return found;
}

/** The covered slots, those with rows in the lake, and all rows, of a chunk. */
async function chunkState(lake: Lake, relay: string, slot: number) {
  const head = await lake.head(chunkOf("bids", relay, slot));
  if (!head || isBad(head)) throw new Error("no chunk");
  return { covered: head.meta.covered.count, held: heldSlots(head.meta), rows: head.meta.rows };
}

test("what was published is held against catalog and lake, and each difference is named with what to do", async (t) => {
  const place = await newPlace(t);
  const { lake, out, store, source } = place;
  await twoDays(lake);
  await place.published();
  t.deepEqual(await differences(place), []);
  t.deepEqual(await strangersIn(source, store), []);
  const file = join(out, BIDS);
  const sound = await readFile(file);

  await truncate(file, sound.length - 1);
  t.deepEqual(await differences(place), [
    `${BIDS} has ${sound.length - 1} bytes, not ${sound.length}; remove it and publish again`,
  ]);
  const flipped = Buffer.from(sound);
  flipped.writeUInt8(flipped.readUInt8(100) ^ 1, 100);
  await writeFile(file, flipped);
  t.deepEqual(await differences(place), [
    `${BIDS} has other bytes than were published; remove it and publish again`,
  ]);
  await rm(file);
  t.deepEqual(await differences(place), [`${BIDS} is missing; publish again`]);
  await place.published();
  t.deepEqual(await differences(place), []);
  t.deepEqual(await readFile(file), sound);

  const catalog = await readFile(join(out, "catalog.json"), "utf8");
  await writeFile(join(out, "catalog.json"), catalog.replace('"rows":15,', '"rows":14,'));
  t.deepEqual(await differences(place), [`${BIDS} holds 15 rows, not 14; remove it and publish again`]);
  await writeFile(join(out, "catalog.json"), catalog);

  await copyFile(file, join(out, `${network.name}/bids/stray.parquet`));
  t.deepEqual(await strangersIn(source, store), [`${network.name}/bids/stray.parquet`]);
  const first = dayRange.first + 32;
  await put(lake, network, "bids", "two", { rows: bidsOf(first, [2, 5, 0, 1]) });
  t.deepEqual(await differences(place), [], "written again with the same rows");
  await put(lake, network, "bids", "two", { rows: bidsOf(first, [2, 5, 0, 2]) });
  t.deepEqual(await differences(place), [
    `${BIDS}: the lake has other rows than were published; publish again`,
  ]);
});

test("only chunks whose days are all published, old enough and as they were published lose their rows; they stay covered", async (t) => {
  const place = await newPlace(t);
  const { lake, source, store, out } = place;
  await twoDays(lake);
  await place.published();
  const second = (DAY + 1) * DAY_MS;
  const before = await chunkState(lake, "two", dayRange.first + 32);
  const told = await pruneLake(source, store, second, false);
  t.deepEqual(
    await chunkState(lake, "two", dayRange.first + 32),
    before,
    "nothing is done without being told",
  );
  const done = await pruneLake(source, store, second, true);
  t.deepEqual(done, told);
  t.deepEqual(
    done.pruned.map(({ dataset, chunks, rows }) => [dataset, chunks, rows]),
    [
      ["bids", 2, 10],
      ["payloads", 1, 2],
    ],
  );
  t.deepEqual(await chunkState(lake, "two", dayRange.first + 32), { ...before, held: [] });
  t.is((await chunkState(lake, "one", dayRange.last)).held.length, 5, "it lies in the next day, too");
  t.deepEqual(await differences(place), [], "a pruned day is what was published");
  t.deepEqual(
    (await place.published()).map(({ outcome }) => outcome),
    ["pruned", "pruned", "unchanged"],
  );

  await writeFile(join(out, NEXT), "x");
  const kept = await pruneLake(source, store, LATE_MS, true);
  t.deepEqual(kept, {
    pruned: [],
    kept: [`${NEXT} has 1 bytes, not ${await bytesOf(place)}; remove it and publish again`],
  });
  await rm(join(out, NEXT));
  await place.published();
  t.deepEqual(
    (await pruneLake(source, store, LATE_MS, true)).pruned.map(({ chunks, rows }) => [chunks, rows]),
    [[1, 11]],
  );
  t.deepEqual((await pruneLake(source, store, LATE_MS, true)).pruned, []);
});

async function bytesOf({ store }: Place): Promise<number> {
  return (await readCatalog(store, network.name)).files.find(({ path }) => path === NEXT)?.bytes ?? 0;
}

test("coverage counts pruned slots as covered, with their rows, whatever part of a chunk it looks at", async (t) => {
  const { lake, source, store, published } = await newPlace(t);
  await twoDays(lake);
  await published();
  const scope = (range: typeof BOTH) => ({ network, range, nowMs: LATE_MS });
  const seen = async (range = BOTH) => {
    const faults: string[] = [];
    const row = await coverageOf(lake, scope(range), relayNamed("one"), "bids", (fault) =>
      faults.push(fault),
    );
    t.deepEqual(faults, []);
    return row;
  };
  const [whole, part] = [await seen(), await seen(dayRange)];
  await pruneLake(source, store, LATE_MS, true);
  t.deepEqual(await seen(), { ...whole, pruned: 5 });
  t.deepEqual(await seen(dayRange), { ...part, pruned: 3 });
});

test("a warehouse keeps what it loaded, a new one doesn't take pruned slots for empty, and no rebuild drops their rows", async (t) => {
  const place = await newPlace(t);
  const { lake, folder, source, store } = place;
  await twoDays(lake);
  await place.published();
  const opened = (name: string) =>
    openDuckDb(join(folder, name), network, {
      clock: { ...systemClock, now: () => LATE_MS },
      log: silentLog,
    });
  const [old, fresh] = [opened("old.duckdb"), opened("new.duckdb")];
  const relays = [relayNamed("one"), relayNamed("two")];
  await old.load(lake, relays);
  const rows = await tableRows(old, "bids");
  await pruneLake(source, store, (DAY + 1) * DAY_MS, true);
  t.like(await old.load(lake, relays), { rows: 0, slots: 0, pruned: 0, failed: [] });
  t.deepEqual(await tableRows(old, "bids"), rows);
  await t.throwsAsync(old.load(lake, relays, { rebuild: true }), {
    message: /was pruned once it had been published/,
  });
  t.deepEqual(await tableRows(old, "bids"), rows);

  t.like(await fresh.load(lake, relays), { slots: 5, pruned: 9, failed: [] });
  const covered = (await fresh.coverage()).filter(({ dataset }) => dataset === "bids");
  t.deepEqual(
    covered.filter((day) => day.covered > 0).map((day) => [day.relay, day.day, day.covered]),
    [
      ["one", "2025-10-09", 3],
      ["one", "2025-10-10", 2],
    ],
  );
  const ledger = await fresh.query("SELECT sum(rows)::INTEGER AS n FROM bids_loads WHERE relay = 'two'");
  t.deepEqual(ledger, [{ n: 0 }], "nor does it look like a warehouse that was pruned itself");
  await old.close();
  await fresh.close();
});

test("what comes into a pruned chunk later is kept beside what was pruned; of pruned slots no answer is taken", async (t) => {
  const place = await newPlace(t);
  const { lake, source, store } = place;
  await twoDays(lake);
  await place.published();
  await pruneLake(source, store, (DAY + 1) * DAY_MS, true);
  const first = dayRange.first + 32;
  const chunk = chunkOf("bids", "two", first);
  const answer = (slot: number, count: number) =>
    packSlot(
      datasets.bids,
      { network, relay: "two", slot },
      {
        rows: Array.from({ length: count }, (_, number) => ({ slot, row: rowOf(slot, number + 7) })),
        refused: [],
      },
      { readAt: LATE_MS, doubt: undefined },
    );
  const before = await chunkState(lake, "two", first);
  for (const purpose of ["collect", "recheck", "accept"] as const) {
    const same = await writeChunk(lake, silentLog, chunk, { answers: [answer(first, 3)] }, purpose);
    t.like(same, { written: false, differing: 0, added: 0 });
  }
  await writeChunk(
    lake,
    silentLog,
    chunk,
    { answers: [answer(first + 4, 3), answer(first + 5, 0)] },
    "collect",
  );
  t.deepEqual(await chunkState(lake, "two", first), {
    covered: before.covered + 2,
    held: [first + 4, first + 5],
    rows: before.rows + 3,
  });
  const content = await lake.read(chunk);
  t.deepEqual(
    [...(content?.lines ?? [])].map(([slot, lines]) => [slot, lines.length]),
    [
      [first + 4, 3],
      [first + 5, 0],
    ],
  );
  t.deepEqual(await differences(place), [
    `${BIDS}: the lake has other rows than were published, and has been pruned of some; keep the file`,
  ]);
});
