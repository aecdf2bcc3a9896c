import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { SlotBits } from "../datasets/bits.ts";
import { VirtualClock } from "../chain/virtualClock.ts";
import { answerDecoder } from "../datasets/answer.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { bids } from "../datasets/bids.ts";
import { leastBid } from "../datasets/datasets.testing.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { refusedRows } from "../lake/quarantine.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { packSlot } from "./slotAnswer.ts";
import { writeChunk } from "./writeChunk.ts";

const network = simulatedNetwork(1);
const chunk = { dataset: "bids", relay: "alpha", ...chunkRange(bids, 5) } as const;
const readAt = Date.parse("2026-11-28T12:00:00Z");

/** What a collector makes of an answer of the slot. */
function answerOf(slot: number, rows: readonly object[]) {
  const body = Buffer.from(JSON.stringify(rows.map((row) => ({ ...row, slot: String(slot) }))));
  return packSlot(bids, { network, relay: "alpha", slot }, answerDecoder(bids)(body, slot), { readAt });
}

const notes = "x".repeat(5000);
const bid = (n: number, fields: object = {}) => ({ ...leastBid, value: String(n), ...fields });

test("fields that are too large for their rows are kept in quarantine and counted as no row, whatever is read again", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "etl-quarantine-"));
  const lake = openFolderLake(folder, network.name);
  const answers = [
    answerOf(5, [bid(1), bid(2, { notes }), bid(3, { notes }), bid(4, { gas_used: "many" })]),
    answerOf(6, [bid(1, { notes }), { ...leastBid, value: "-1" }, { ...leastBid, value: "-1" }]),
  ];
  await writeChunk(lake, silentLog, chunk, { answers }, "collect");
  const { lines } = await lake.readQuarantine(chunk);
  const told = lines.map(({ slot, reason, copies, raw }) => {
    return `${slot} ${reason}, ${copies} of ${Object.keys(JSON.parse(raw) as object).join()}`;
  });
  t.deepEqual(told.toSorted(), [
    "5 field, 2 of notes",
    "6 field, 1 of notes",
    `6 value: not 1 to 29 decimal digits, 2 of ${Object.keys(leastBid).join()}`,
  ]);
  t.deepEqual(
    refusedRows(lines).map(({ copies }) => copies),
    [2],
  );
  const stored = await lake.read(chunk);
  t.like(stored?.stored.meta, { rows: 5, quarantined: 2 });
  t.is(
    stored?.stored.meta.quarantinedSlots?.toString(),
    SlotBits.empty(chunk.first, 32).with(6).toString(),
    "slot 5 has no row in quarantine, but fields",
  );

  const again = await writeChunk(lake, silentLog, chunk, { answers }, "recheck");
  t.like(again, { written: false, differing: 0 });
  t.deepEqual((await lake.readQuarantine(chunk)).lines, lines);

  const warehouse = openDuckDb(join(folder, "test.duckdb"), network, {
    clock: new VirtualClock(readAt),
    log: silentLog,
  });
  await warehouse.load(lake, []);
  const ofSlot = "relay = 'alpha' AND slot = 5 AND block_timestamp > TIMESTAMP '2020-01-01 00:00:00'";
  t.deepEqual(
    await warehouse.query(`SELECT value, gas_used, extra, copies FROM bids WHERE ${ofSlot} ORDER BY value`),
    [1, 2, 3, 4].map((n) => ({
      value: String(n),
      gas_used: null,
      extra: n === 4 ? '{"gas_used":"many"}' : null,
      copies: "1",
    })),
  );
  t.deepEqual(await warehouse.query('SELECT "rows", quarantined, quarantined_slots, error FROM loads'), [
    { rows: "5", quarantined: "2", quarantined_slots: `0000001${"0".repeat(25)}`, error: null },
  ]);
});

test("a chunk with nothing but such fields in quarantine says that no row is there, and keeps them", async (t) => {
  const lake = openFolderLake(mkdtempSync(join(tmpdir(), "etl-quarantine-")), network.name);
  await writeChunk(lake, silentLog, chunk, { answers: [answerOf(5, [bid(1, { notes })])] }, "collect");
  await writeChunk(
    lake,
    silentLog,
    chunk,
    { answers: [answerOf(6, [bid(1, { notes: notes.toUpperCase() })])] },
    "collect",
  );
  t.like((await lake.read(chunk))?.stored.meta, { rows: 2, quarantined: 0 });
  t.deepEqual(
    (await lake.readQuarantine(chunk)).lines.map(({ slot, raw }) => [slot, raw]),
    [
      [5, JSON.stringify({ notes })],
      [6, JSON.stringify({ notes: notes.toUpperCase() })],
    ],
  );
});
