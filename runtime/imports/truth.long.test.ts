import { join } from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import fc from "fast-check";
import { fixedDateClock } from "../chain/clock.ts";
import { slotStartMs } from "../chain/slots.ts";
import { coverageOf } from "../collect/coverage.ts";
import { importedSlots } from "../cli/importedSlots.ts";
import type { CommonOptions } from "../cli/options.ts";
import type { RelayRow } from "../datasets/format.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { lakeNetwork } from "../lake/lake.testing.ts";
import { silentLog } from "../log.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { examples } from "../seeds.testing.ts";
import { put, relayNamed, rowOf } from "../warehouse/warehouse.testing.ts";
import { flashbotsDump } from "./flashbotsDump.ts";
import { csvOf, importWorld, type ImportWorld } from "./imports.testing.ts";
import { xatu } from "./xatu.ts";

// Two UTC days meet between slots 533 and 534 of this network.
const FIRST = 528;
const SLOTS = 12;
const RELAYS = ["flashbots", "tern"];
const bidHeader = flashbotsDump.headers?.bids ?? [];

interface Bid {
  readonly relay: string;
  readonly slot: number;
  readonly number: number;
  readonly ms: number;
}

const bids = fc.array(
  fc.record({
    relay: fc.constantFrom(...RELAYS),
    slot: fc.integer({ min: FIRST, max: FIRST + SLOTS - 1 }),
    number: fc.integer({ min: 1, max: 5 }),
    ms: fc.constantFrom(0, 1_700_006_400_123),
  }),
  { minLength: 6, maxLength: 40 },
);
const dayOf = (slot: number) => new Date(slotStartMs(lakeNetwork, slot)).toISOString().slice(0, 10);

/** A bid as the relay's dump has it. */
function dumped({ slot, number, ms }: Bid): RelayRow {
  const row = {
    num_tx: "3",
    block_number: "9",
    timestamp: String(Math.floor(ms / 1000)),
    timestamp_ms: String(ms),
  };
  return rowOf(slot, number, { ...row, optimistic_submission: "false" });
}

/** A SELECT of bids as xatu has them, each as often as sentries saw it. */
function sighted(seen: readonly (readonly [Bid, number])[]): string {
  const rows = seen.flatMap(([bid, sentries]) =>
    Array.from({ length: sentries }, (_, sentry) => {
      const row = dumped(bid);
      const text = (name: string) => `'${String(row[name])}'`;
      const value = Buffer.alloc(32);
      value.writeUInt32LE(Number(row["value"]));
      return `SELECT ${bid.slot}::UINTEGER AS slot, ${slotStartMs(lakeNetwork, bid.slot) / 1000}::UINTEGER AS slot_start_date_time,
        '${bid.relay}' AS relay_name, ${text("parent_hash")}::BLOB AS parent_hash, ${text("block_hash")}::BLOB AS block_hash,
        9::UBIGINT AS block_number, ${text("builder_pubkey")} AS builder_pubkey, ${text("proposer_pubkey")} AS proposer_pubkey,
        ${text("proposer_fee_recipient")}::BLOB AS proposer_fee_recipient, 36000000::UBIGINT AS gas_limit, 12345678::UBIGINT AS gas_used,
        from_hex('${value.toString("hex")}') AS value, 3::UINTEGER AS num_tx, ${Math.floor(bid.ms / 1000)}::BIGINT AS timestamp,
        ${bid.ms}::BIGINT AS timestamp_ms, false AS optimistic_submission, 'sentry-${sentry}' AS meta_client_name`;
    }),
  );
  return rows.join(" UNION ALL ");
}

/** The truth's bids as the table ought to have them. */
function expected(of: readonly Bid[], source: string): string[] {
  const counts = new Map<string, number>();
  for (const { relay, slot, number, ms } of of) {
    // xatu takes 0 for not said; the dump's 0 stays what it is.
    const key = JSON.stringify([relay, slot, number, source === "xatu" && ms === 0 ? null : String(ms)]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${key} ${source === "xatu" ? null : count}`).sort();
}

async function table(world: ImportWorld, source: string): Promise<string[]> {
  const rows = await world.query(
    `SELECT relay, slot::INT AS slot, value::INT AS number, timestamp_ms AS ms, copies FROM imported_bids WHERE source = '${source}'`,
  );
  return rows
    .map(
      ({ relay, slot, number, ms, copies }) =>
        `${JSON.stringify([relay, slot, number, ms])} ${String(copies)}`,
    )
    .sort();
}

test("after imports in any order, repeated and of older states, the tables are the truth", async (t) => {
  const plan = fc.record({
    truth: bids,
    sentries: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 40, maxLength: 40 }),
    cut: fc.integer({ min: 1, max: SLOTS - 1 }),
    packed: fc.boolean(),
    order: fc.shuffledSubarray([0, 1, 2, 3, 0, 1], { minLength: 6 }),
    stale: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ truth, sentries, cut, packed, order, stale }) => {
      const world = await importWorld(
        lakeNetwork,
        RELAYS.map((name) => ({ name, url: "" })),
      );
      const own = truth.filter(({ relay }) => relay === "flashbots");
      const halves = [
        own.filter(({ slot }) => slot < FIRST + cut),
        own.filter(({ slot }) => slot >= FIRST + cut),
      ];
      const seen = truth.map((bid, index) => [bid, sentries[index] ?? 1] as const);
      const days = [dayOf(FIRST), dayOf(FIRST + SLOTS - 1)].map((day) =>
        seen.filter(([{ slot }]) => dayOf(slot) === day),
      );
      const dump = async (half: readonly Bid[], name: string) => {
        const csv = csvOf(bidHeader, half.map(dumped));
        return world.file(packed ? `${name}.csv.gz` : `${name}.csv`, packed ? gzipSync(csv) : csv);
      };
      const takes = [
        async () => world.take(flashbotsDump, await dump(halves[0] ?? [], "first")),
        async () => world.take(flashbotsDump, await dump(halves[1] ?? [], "second")),
        ...days.map((rows, index) => async () => {
          if (rows.length > 0)
            await world.take(xatu, await world.parquet(`2023-11-1${4 + index}.parquet`, sighted(rows)));
        }),
      ];
      // A file that later holds more.
      if (stale) await world.take(flashbotsDump, await dump((halves[0] ?? []).slice(1), "first"));
      for (const index of order) await takes[index]?.();
      for (const take of takes) await take();
      t.deepEqual(await table(world, "flashbots-dump"), expected(own, "flashbots-dump"));
      t.deepEqual(await table(world, "xatu"), expected(truth, "xatu"));
    }),
    { numRuns: examples(4, 20), endOnFailure: true },
  );
});

test("own rows stand before imported ones, agreement is what the truth gives, and nothing imported is covered", async (t) => {
  const world = await importWorld(
    lakeNetwork,
    RELAYS.map((name) => ({ name, url: "" })),
  );
  const path = join(world.folder, "lake");
  const lake = openFolderLake(path, lakeNetwork.name);
  const all = (slots: readonly number[], numbers: readonly number[]): Bid[] =>
    slots.flatMap((slot) => numbers.map((number) => ({ relay: "tern", slot, number, ms: 0 })));
  // Own: slots 544 to 546 with bids 1 and 2; 547 covered and empty. The archive: 1 of these with another value, 3 besides, and 548, 549.
  const own = new Map<number, readonly RelayRow[]>([[547, []]]);
  for (const slot of [544, 545, 546]) own.set(slot, [rowOf(slot, 1), rowOf(slot, 2)]);
  await put(lake, lakeNetwork, "bids", "tern", { rows: own });
  await put(lake, lakeNetwork, "payloads", "tern", { rows: new Map([[544, [rowOf(544, 1)]]]) });
  const clock = fixedDateClock(slotStartMs(lakeNetwork, 700));
  const warehouse = openDuckDb(world.warehouse, lakeNetwork, { clock, log: silentLog });
  await warehouse.load(lake, [relayNamed("tern")]);
  await warehouse.close();
  const archive = sighted(
    [...all([544, 545], [1, 3]), ...all([547, 548, 549], [4])].map((bid) => [bid, 2] as const),
  );
  const other = archive
    .split(" UNION ALL ")
    .map((row) => (row.startsWith("SELECT 545") ? row.replace("from_hex('01", "from_hex('07") : row));
  await world.take(xatu, await world.parquet("2023-11-15.parquet", other.join(" UNION ALL ")));
  await world.take(
    flashbotsDump,
    await world.file(
      "f.csv",
      csvOf(bidHeader, [dumped({ relay: "flashbots", slot: 544, number: 5, ms: 0 })]),
    ),
  );
  t.deepEqual(
    await world.query(
      "SELECT relay, slot::INT AS slot, source, count(*)::INT AS rows FROM bids_all GROUP BY ALL ORDER BY relay, slot",
    ),
    [
      { relay: "flashbots", slot: 544, source: "flashbots-dump", rows: 1 },
      { relay: "tern", slot: 544, source: "relay", rows: 2 },
      { relay: "tern", slot: 545, source: "relay", rows: 2 },
      { relay: "tern", slot: 546, source: "relay", rows: 2 },
      { relay: "tern", slot: 547, source: "xatu", rows: 1 },
      { relay: "tern", slot: 548, source: "xatu", rows: 1 },
      { relay: "tern", slot: 549, source: "xatu", rows: 1 },
    ],
  );
  // Bids 3 of 544 and 545, and 4 of 547, are the archive's alone.
  const [agreement] = await world.query("SELECT * FROM import_agreement WHERE relay = 'tern'");
  t.like(agreement, {
    dataset: "bids",
    source: "xatu",
    own_rows: "6",
    found: "2",
    equal_values: "1",
    only_import: "3",
    compared: "2",
  });
  const scope = { network: lakeNetwork, range: { first: 544, last: 551 }, nowMs: clock.now() };
  const faults: string[] = [];
  const cover = async (options: Pick<CommonOptions, "lake"> | undefined) => {
    const imported = options && (await importedSlots(options as CommonOptions, lakeNetwork));
    return coverageOf(
      lake,
      { ...scope, ...(imported ? { imported } : {}) },
      relayNamed("tern"),
      "bids",
      (fault) => faults.push(fault),
    );
  };
  const without = await cover(undefined);
  t.deepEqual(await cover({ lake: path }), { ...without, imported: 2 });
  t.like(without, { covered: 4, missing: 4, imported: 0 });
  t.deepEqual(faults, []);
});

test("of a payload that several have, the first in the order of trust is shown, once", async (t) => {
  const world = await importWorld();
  const hash = `0x${"b".repeat(64)}`;
  const header = flashbotsDump.headers?.payloads ?? [];
  const payload = rowOf(7_567_001, 1, { block_hash: hash, num_tx: "1", block_number: "1" });
  await world.take(flashbotsDump, await world.file("2023-10.csv", csvOf(header, [payload])));
  await world.take(flashbotsDump, await world.file("2023_w42.csv", csvOf(header, [payload])));
  const { mevboostData } = await import("./mevboostData.ts");
  const row = (
    relay: string,
  ) => `SELECT '2023-10-18 11:20:35'::TIMESTAMP AS block_datetime, 7567001 AS slot, '${hash}' AS block_hash,
    '77' AS value, '0x${"c".repeat(96)}' AS builder_pubkey, '${relay}' AS relay, true AS payload_delivered`;
  await world.take(
    mevboostData,
    await world.parquet("m.parquet", `${row("flashbots")} UNION ALL ${row("aestus")}`),
  );
  t.deepEqual(
    await world.query(
      "SELECT relay, source, source_file, value::INT AS value FROM payloads_all ORDER BY relay",
    ),
    [
      { relay: "aestus", source: "mevboost-data", source_file: "m.parquet", value: 77 },
      { relay: "flashbots", source: "flashbots-dump", source_file: "2023-10.csv", value: 1 },
    ],
  );
});
