import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import test from "ava";
import { UserError } from "../errors.ts";
import { bidArchive } from "./bidArchive.ts";
import { flashbotsDump } from "./flashbotsDump.ts";
import { csvOf, hasRealData, importWorld, realData, recordedBids, zipOf } from "./imports.testing.ts";
import { mevboostData } from "./mevboostData.ts";
import { provenanceOf, slotSet, slotsOfSet } from "./provenance.ts";
import type { ArchiveSource } from "./source.ts";
import { xatu } from "./xatu.ts";

const real = hasRealData ? test : test.skip;
const bidHeader = flashbotsDump.headers?.bids ?? [];
const seenHeader = bidArchive.headers?.seen_bids ?? [];

const hex = (digit: string, digits: number) => `0x${digit.repeat(digits)}`;
const SLOT = 7_567_001;
const bid = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  slot: String(SLOT),
  parent_hash: hex("a", 64),
  block_hash: hex("b", 64),
  builder_pubkey: hex("c", 96),
  proposer_pubkey: hex("d", 96),
  proposer_fee_recipient: hex("E", 40),
  gas_limit: "30000000",
  gas_used: "1",
  value: "12345678901234567890",
  num_tx: "7",
  block_number: "18376902",
  timestamp: "1697628038",
  timestamp_ms: "1697628038057",
  optimistic_submission: "false",
  ...more,
});

real("the Flashbots relay's bids are the same by CSV as by JSON, packed or not, to the wei", async (t) => {
  const world = await importWorld();
  const rows = await recordedBids();
  const fields = rows.map((row) => Object.fromEntries(bidHeader.map((name) => [name, row[name]])));
  const sum = rows.reduce((total, row) => total + BigInt(String(row["value"])), 0n);
  const csv = csvOf(bidHeader, rows);
  const forms = {
    "a.csv": csv,
    "b.csv.gz": gzipSync(csv),
    "c.json": JSON.stringify(fields),
    "d.json.gz": gzipSync(JSON.stringify(fields)),
  };
  for (const [name, content] of Object.entries(forms)) {
    const brought = await world.take(flashbotsDump, await world.file(name, content));
    t.is(brought?.dataset, "bids");
    const found = await world.query(
      `SELECT sum(value)::VARCHAR AS total, sum(copies)::INT AS rows, count(optimistic_submission) AS said, min(relay) AS relay,
        min(proposer_fee_recipient = lower(proposer_fee_recipient)) AS lower, min(epoch_ms(timestamp) = timestamp_ms) AS timed
        FROM imported_bids WHERE source_file = '${name}'`,
    );
    t.deepEqual(found, [
      { total: String(sum), rows: rows.length, said: "0", relay: "flashbots", lower: true, timed: true },
    ]);
  }
});

real("xatu's recorded form gives its forty bids once each, however many sentries saw them", async (t) => {
  const world = await importWorld();
  await world.take(xatu, join(realData, "synthetic_xatu__mev_relay_bid_trace.parquet"));
  await world.take(xatu, join(realData, "synthetic_xatu__mev_relay_proposer_payload_delivered.parquet"));
  t.deepEqual(
    await world.query(
      "SELECT count(*)::INT AS rows, sum(value)::VARCHAR AS total, count(copies)::INT AS counted FROM imported_bids",
    ),
    [{ rows: 40, total: "1135999183419589212", counted: 0 }],
  );
  t.deepEqual(
    await world.query(
      "SELECT count(DISTINCT block_hash)::INT = count(*) AS once, count(parent_hash)::INT AS parents FROM imported_payloads",
    ),
    [{ once: true, parents: 0 }],
  );
});

real("of mevboost-data's rows only those that a relay delivered are payloads", async (t) => {
  const world = await importWorld();
  const late = join(realData, "dataalways__block_rows__slots8811979-8812006.parquet");
  t.is((await world.take(mevboostData, late))?.rows, 49);
  const csv = join(realData, "dataalways__block_rows__slots7509685-7509712.csv");
  const early = await world.parquet(
    "early.parquet",
    `SELECT * REPLACE (value::VARCHAR AS value) FROM '${csv}'`,
  );
  t.is((await world.take(mevboostData, early))?.rows, 36);
  t.deepEqual(
    await world.query(
      "SELECT relay, count(*)::INT AS rows, min(value)::VARCHAR AS least FROM imported_payloads WHERE source_file = 'early.parquet' GROUP BY relay ORDER BY relay",
    ),
    [
      { relay: "agnostic", rows: 6, least: "8817994694973824" },
      { relay: "bloxroute-max-profit", rows: 7, least: "17682522270769130" },
      { relay: "bloxroute-regulated", rows: 5, least: "17682522270769130" },
      { relay: "flashbots", rows: 8, least: "8685451901437363" },
      { relay: "ultrasound", rows: 10, least: "8817994694973824" },
    ],
  );
});

/** A row of xatu's bids, by expressions of DuckDB's. */
const xatuRow = (more: Readonly<Record<string, string>> = {}, without: readonly string[] = []) => {
  const columns: Record<string, string> = {
    slot: `${SLOT}::UINTEGER`,
    slot_start_date_time: "1697628035::UINTEGER",
    relay_name: "'Ultra Sound'",
    parent_hash: `'${hex("a", 64)}'::BLOB`,
    block_hash: `'${hex("b", 64)}'::BLOB`,
    block_number: "1::UBIGINT",
    builder_pubkey: `'${hex("c", 96)}'`,
    proposer_pubkey: `'${hex("d", 96)}'`,
    proposer_fee_recipient: `'${hex("e", 40)}'::BLOB`,
    gas_limit: "1::UBIGINT",
    gas_used: "1::UBIGINT",
    value: littleEndian(1n),
    num_tx: "0::UINTEGER",
    timestamp: "0::BIGINT",
    timestamp_ms: "0::BIGINT",
    optimistic_submission: "false",
    meta_network_name: "'mainnet'",
    ...more,
  };
  const list = Object.entries(columns).filter(([name]) => !without.includes(name));
  return `SELECT ${list.map(([name, expression]) => `${expression} AS ${name}`).join(", ")}`;
};

function littleEndian(value: bigint): string {
  const digits = value.toString(16).padStart(64, "0");
  return `from_hex('${Buffer.from(digits, "hex").reverse().toString("hex")}')`;
}

test("xatu's little-endian values are exact over all of their range, and what is beyond it is refused", async (t) => {
  const world = await importWorld();
  const taken = [
    0n,
    1n,
    255n,
    256n,
    2n ** 63n,
    2n ** 64n - 1n,
    2n ** 64n,
    0x0102030405060708090a0bn,
    10n ** 29n - 1n,
  ];
  const refused = [10n ** 29n, 2n ** 127n, 2n ** 128n, 2n ** 255n];
  const rows = [...taken, ...refused].map((value, index) =>
    xatuRow({ value: littleEndian(value), block_hash: `'0x${String(index).padStart(64, "0")}'::BLOB` }),
  );
  const brought = await world.take(xatu, await world.parquet("2023-10-18.parquet", rows.join(" UNION ALL ")));
  t.deepEqual(brought?.refused, { value: refused.length });
  const found = await world.query("SELECT value::VARCHAR AS value FROM imported_bids ORDER BY block_hash");
  t.deepEqual(
    found.map(({ value }) => value),
    taken.map(String),
  );
});

test("what xatu says by 0 and false isn't said, times may be timestamps, and a value that isn't there is null", async (t) => {
  const world = await importWorld();
  const select = xatuRow({ slot_start_date_time: "make_timestamp(1697628035000000)" }, ["value"]);
  await world.take(xatu, await world.parquet("2023/10/8.parquet", select));
  t.deepEqual(
    await world.query(
      "SELECT relay, value, num_tx, timestamp, timestamp_s, timestamp_ms, optimistic_submission, source_file FROM imported_bids",
    ),
    [
      {
        relay: "ultrasound",
        value: null,
        num_tx: null,
        timestamp: null,
        timestamp_s: null,
        timestamp_ms: null,
        optimistic_submission: null,
        source_file: "2023-10-08.parquet",
      },
    ],
  );
});

test("refused rows lie in quarantine with their cause, and relays that nobody knows are named", async (t) => {
  const world = await importWorld();
  const rows = [
    xatuRow(),
    xatuRow({ relay_name: "'Nobody''s Relay'" }),
    xatuRow({ meta_network_name: "'holesky'" }),
    xatuRow({ slot_start_date_time: "1697628036::UINTEGER" }),
    xatuRow({ block_hash: "'0xZZ'::BLOB" }),
    xatuRow({ slot: "1::UINTEGER", slot_start_date_time: "1606824035::UINTEGER" }),
  ];
  const brought = await world.take(xatu, await world.parquet("2023-10-18.parquet", rows.join(" UNION ALL ")));
  t.deepEqual(brought?.refused, { block_hash: 1, network: 2, relay: 1, slot: 1 });
  t.deepEqual(brought?.unknownRelays, ["Nobody's Relay"]);
  const path = join(world.folder, "lake/mainnet/quarantine/imports/xatu/bids/2023-10-18.parquet.ndjson.gz");
  const lines = gunzipSync(await readFile(path))
    .toString()
    .trim()
    .split("\n");
  t.deepEqual(lines.map((line) => (JSON.parse(line) as { reason: string }).reason).sort(), [
    "block_hash",
    "network",
    "network",
    "relay",
    "slot",
  ]);
  t.true(lines.some((line) => line.includes("Nobody's Relay")));
});

test("of sightings that differ in what tells no bids apart the first is taken, and those that are refused are all counted", async (t) => {
  const world = await importWorld();
  const sighting = (client: string, more: Readonly<Record<string, string>> = {}) =>
    xatuRow({ meta_client_name: `'${client}'`, ...more });
  const bad = { proposer_fee_recipient: `'${hex("z", 40)}'::BLOB` };
  const rows = [
    sighting("a", bad),
    sighting("a"),
    sighting("b"),
    sighting("c", { gas_used: "2::UBIGINT" }),
    sighting("d", { block_hash: `'0x${"B".repeat(64)}'::BLOB` }),
    sighting("b", bad),
    sighting("a", { timestamp_ms: "1697628038057::BIGINT" }),
    sighting("b", { timestamp_ms: "1697628038057::BIGINT" }),
  ];
  const brought = await world.take(xatu, await world.parquet("2023-10-18.parquet", rows.join(" UNION ALL ")));
  t.is(brought?.rows, 2);
  t.deepEqual(brought?.refused, { proposer_fee_recipient: 2 });
  t.deepEqual(
    await world.query(
      "SELECT timestamp_ms AS ms, gas_used AS gas FROM imported_bids ORDER BY ms NULLS FIRST",
    ),
    [
      { ms: null, gas: "1" },
      { ms: "1697628038057", gas: "1" },
    ],
  );
  const path = join(world.folder, "lake/mainnet/quarantine/imports/xatu/bids/2023-10-18.parquet.ndjson.gz");
  t.is(
    gunzipSync(await readFile(path))
      .toString()
      .trim()
      .split("\n").length,
    2,
  );
});

const mevboostRow = (more: Readonly<Record<string, string>> = {}, without: readonly string[] = []) => {
  const columns: Record<string, string> = {
    block_datetime: "'2023-10-18 11:20:35'::TIMESTAMP_NS",
    slot: `${SLOT}::DOUBLE`,
    block_number: "1",
    block_hash: `'${hex("b", 64)}'`,
    value: "'12345678901234567'",
    builder_pubkey: `'${hex("c", 96)}'`,
    relay: "'bloxroute_regulated'",
    payload_delivered: "true",
    ...more,
  };
  const list = Object.entries(columns).filter(([name]) => !without.includes(name));
  return `SELECT ${list.map(([name, expression]) => `${expression} AS ${name}`).join(", ")}`;
};

test("a rounded number of mevboost-data's never becomes a value; equal rows are one; what wasn't delivered is no payload", async (t) => {
  const world = await importWorld();
  const one = mevboostRow();
  const rows = [
    one,
    one,
    mevboostRow({ value: "'2e+16'", slot: `${SLOT}.0` }),
    mevboostRow({ value: "'1.2345678901234567e+17'" }),
    mevboostRow({ payload_delivered: "false" }),
    mevboostRow({ relay: "NULL" }),
    mevboostRow({ relay: "'out-of-scope'" }),
  ];
  const old = await world.take(mevboostData, await world.parquet("old.parquet", rows.join(" UNION ALL ")));
  t.deepEqual([old?.rows, old?.refused], [3, {}]);
  const select = mevboostRow({ value_eth: "0.1::DOUBLE" }, ["value", "payload_delivered"]);
  await world.take(mevboostData, await world.parquet("new.parquet", select));
  t.deepEqual(
    await world.query(
      "SELECT source_file, value::VARCHAR AS value, value_eth_float FROM imported_payloads ORDER BY ALL",
    ),
    [
      { source_file: "new.parquet", value: null, value_eth_float: 0.1 },
      { source_file: "old.parquet", value: "12345678901234567", value_eth_float: null },
      { source_file: "old.parquet", value: "20000000000000000", value_eth_float: null },
      { source_file: "old.parquet", value: null, value_eth_float: 0.12345678901234566 },
    ],
  );
});

const seen = (more: Readonly<Record<string, string>> = {}) => ({
  source_type: "0",
  received_at_ms: "1697628036000",
  slot: String(SLOT),
  slot_t_ms: "1000",
  value: "99",
  block_hash: hex("b", 64),
  parent_hash: hex("a", 64),
  block_fee_recipient: hex("e", 40),
  relay: "boost-relay.flashbots.net",
  ...more,
});

test("bids of the archive are read out of zip and zip64, and come into a table of their own", async (t) => {
  const world = await importWorld();
  const rows = [
    seen(),
    seen({
      source_type: "1",
      timestamp_ms: "1697628034000",
      slot_t_ms: "-1000",
      builder_pubkey: hex("c", 96),
      optimistic_submission: "true",
      relay: "relay.ultrasound.money",
    }),
    seen({ relay: "relay.example" }),
    seen({ slot_t_ms: "1001" }),
  ];
  for (const wide of [false, true]) {
    const name = `2023-10-18_${wide ? "top" : "all"}.csv.zip`;
    const path = await world.file(name, zipOf("a.csv", csvOf(seenHeader, rows), { wide }));
    const brought = await world.take(bidArchive, path);
    t.deepEqual(
      [brought?.rows, brought?.refused, brought?.unknownRelays],
      [2, { network: 1, relay: 1 }, ["relay.example"]],
    );
    t.deepEqual(
      await world.query(
        `SELECT relay, source_type, slot_t_ms, optimistic_submission, builder_pubkey IS NULL AS unsaid FROM seen_bids WHERE source_file = '${name}' ORDER BY relay`,
      ),
      [
        {
          relay: "flashbots",
          source_type: "0",
          slot_t_ms: "1000",
          optimistic_submission: null,
          unsaid: true,
        },
        {
          relay: "ultrasound",
          source_type: "1",
          slot_t_ms: "-1000",
          optimistic_submission: true,
          unsaid: false,
        },
      ],
    );
  }
});

test("importing a file again changes nothing; one that changed replaces its own rows alone", async (t) => {
  const world = await importWorld();
  const name = "builder-submissions_slot-1-to-2.csv";
  const other = await world.file("other.csv", csvOf(bidHeader, [bid({ value: "5" })]));
  await world.take(flashbotsDump, other);
  await world.take(
    flashbotsDump,
    await world.file(name, csvOf(bidHeader, [bid({ value: "1" }), bid({ value: "1" })])),
  );
  t.is(
    await world.take(
      flashbotsDump,
      await world.file(name, csvOf(bidHeader, [bid({ value: "1" }), bid({ value: "1" })])),
    ),
    undefined,
  );
  const rows =
    "SELECT source_file, value::INT AS value, copies::INT AS copies FROM imported_bids ORDER BY ALL";
  t.deepEqual(await world.query(rows), [
    { source_file: name, value: 1, copies: 2 },
    { source_file: "other.csv", value: 5, copies: 1 },
  ]);
  const changed = await world.take(
    flashbotsDump,
    await world.file(name, csvOf(bidHeader, [bid({ value: "3" })])),
  );
  t.true(changed?.replaced);
  t.deepEqual(await world.query(rows), [
    { source_file: name, value: 3, copies: 1 },
    { source_file: "other.csv", value: 5, copies: 1 },
  ]);
  t.deepEqual(await world.query("SELECT source_file, rows::INT AS rows FROM imports ORDER BY ALL"), [
    { source_file: name, rows: 1 },
    { source_file: "other.csv", rows: 1 },
  ]);
});

test("two imports of one file at once are one", async (t) => {
  const world = await importWorld();
  const path = await world.file("a.csv", csvOf(bidHeader, [bid(), bid({ value: "3" })]));
  const [first, second] = await Promise.all([
    world.take(flashbotsDump, path),
    world.take(flashbotsDump, path),
  ]);
  t.is([first, second].filter((one) => one !== undefined).length, 1);
  t.deepEqual(
    await world.query(
      "SELECT count(*)::INT AS rows, (SELECT count(*)::INT FROM imports) AS files FROM imported_bids",
    ),
    [{ rows: 2, files: 1 }],
  );
});

test("a warehouse is made again from the lake's files, and a lake that lost one gets it back", async (t) => {
  const world = await importWorld();
  const path = await world.file("a.csv", csvOf(bidHeader, [bid()]));
  await world.take(flashbotsDump, path);
  const kept = join(world.folder, "lake/mainnet/imports/flashbots-dump/bids/a.csv");
  const { rm } = await import("node:fs/promises");
  await rm(world.warehouse);
  t.is((await world.take(flashbotsDump, kept))?.rows, 1);
  await rm(kept);
  await rm(`${kept}.json`);
  t.is((await world.take(flashbotsDump, path))?.rows, 1);
  t.is(await readFile(kept, "utf8"), await readFile(path, "utf8"));
  t.deepEqual(await world.query("SELECT count(*)::INT AS rows FROM imported_bids"), [{ rows: 1 }]);
});

test("provenance tells the slots of each relay", async (t) => {
  const world = await importWorld();
  const slots = [SLOT, SLOT + 1, SLOT + 9, SLOT + 300];
  await world.take(
    flashbotsDump,
    await world.file(
      "a.csv",
      csvOf(
        bidHeader,
        slots.map((slot) => bid({ slot: String(slot) })),
      ),
    ),
  );
  const text = await readFile(
    join(world.folder, "lake/mainnet/imports/flashbots-dump/bids/a.csv.json"),
    "utf8",
  );
  const told = provenanceOf(text);
  const set = told?.slots["flashbots"];
  t.deepEqual(set && [...slotsOfSet(set)], slots);
  t.deepEqual([told?.first_slot, told?.last_slot, told?.rows, told?.licence], [SLOT, SLOT + 300, 4, null]);
  t.deepEqual([...slotsOfSet(slotSet([3]))], [3]);
});

interface BadFile {
  readonly what: string;
  readonly source: ArchiveSource;
  readonly name: string;
  readonly content: string | Buffer | { readonly parquet: string };
  readonly says: RegExp;
}

const whole = csvOf(bidHeader, [bid(), bid({ value: "2" })]);
const zipped = zipOf("a.csv", csvOf(seenHeader, [seen()]));
const badFiles: readonly BadFile[] = [
  { what: "an empty file", source: flashbotsDump, name: "a.csv", content: "", says: /it is empty/ },
  {
    what: "a page",
    source: flashbotsDump,
    name: "a.csv.gz",
    content: "<!DOCTYPE html><html></html>",
    says: /page of HTML/,
  },
  {
    what: "a packed page",
    source: flashbotsDump,
    name: "a.csv.gz",
    content: gzipSync("<html>"),
    says: /page of HTML/,
  },
  {
    what: "a cut gzip file",
    source: flashbotsDump,
    name: "a.csv.gz",
    content: gzipSync(whole).subarray(0, -9),
    says: /cut short/,
  },
  {
    what: "a gzip file with a wrong checksum",
    source: flashbotsDump,
    name: "a.csv.gz",
    content: flipped(gzipSync(whole), -6),
    says: /damaged/,
  },
  { what: "cut CSV", source: flashbotsDump, name: "a.csv", content: whole.slice(0, -9), says: /cut short/ },
  {
    what: "CSV cut within a row, and ended",
    source: flashbotsDump,
    name: "a.csv",
    content: `${whole.slice(0, -300)}\n`,
    says: /can't be read/,
  },
  {
    what: "cut JSON",
    source: flashbotsDump,
    name: "a.json",
    content: JSON.stringify([bid()]).slice(0, -1),
    says: /cut short/,
  },
  {
    what: "another header",
    source: flashbotsDump,
    name: "a.csv",
    content: "slot,value\n1,2\n",
    says: /isn't the header/,
  },
  {
    what: "the archive's CSV as a dump",
    source: flashbotsDump,
    name: "a.csv.zip",
    content: zipped,
    says: /isn't the header/,
  },
  {
    what: "a dump as the archive",
    source: bidArchive,
    name: "a.csv",
    content: whole,
    says: /isn't the header/,
  },
  {
    what: "a cut zip file",
    source: bidArchive,
    name: "a.zip",
    content: zipped.subarray(0, -30),
    says: /cut short/,
  },
  {
    what: "a zip file whose bytes changed",
    source: bidArchive,
    name: "a.zip",
    content: flipped(zipped, 60),
    says: /damaged/,
  },
  {
    what: "a zip file that declares too much",
    source: bidArchive,
    name: "a.zip",
    content: zipOf("a", "x", { wide: true, declared: 10 ** 11 }),
    says: /declares 100000000000 bytes/,
  },
  {
    what: "a zip file that holds more than it declares",
    source: bidArchive,
    name: "a.zip",
    content: zipOf("a", "x".repeat(2000), { declared: 10 }),
    says: /more than the bound of 10/,
  },
  {
    what: "a bomb",
    source: flashbotsDump,
    name: "a.csv.gz",
    content: gzipSync("x".repeat(200_000)),
    says: /more than the bound of 100000/,
  },
  {
    what: "a file that is too long",
    source: flashbotsDump,
    name: "a.csv",
    content: "x".repeat(300_000),
    says: /over the bound/,
  },
  {
    what: "cut Parquet",
    source: xatu,
    name: "2023-10-18.parquet",
    content: "PAR1 and no more",
    says: /cut short/,
  },
  {
    what: "Parquet that is none",
    source: xatu,
    name: "2023-10-18.parquet",
    content: Buffer.concat([
      Buffer.from("PAR1xxxxxxxxxxxxxxxx"),
      Buffer.from([8, 0, 0, 0]),
      Buffer.from("PAR1"),
    ]),
    says: /can't be read/,
  },
  {
    what: "a file name without a day",
    source: xatu,
    name: "1.parquet",
    content: "PAR1",
    says: /says no day/,
  },
  {
    what: "Parquet of another source",
    source: xatu,
    name: "2023-10-18.parquet",
    content: { parquet: mevboostRow() },
    says: /no file of xatu/,
  },
  {
    what: "xatu's as mevboost-data's",
    source: mevboostData,
    name: "a.parquet",
    content: { parquet: xatuRow() },
    says: /no file of mevboost-data/,
  },
  {
    what: "a value of another type",
    source: xatu,
    name: "2023-10-18.parquet",
    content: { parquet: xatuRow({ value: "'17'" }) },
    says: /column value is VARCHAR/,
  },
  {
    what: "a slot of another type",
    source: xatu,
    name: "2023-10-18.parquet",
    content: { parquet: xatuRow({ slot: "current_date" }) },
    says: /column slot is DATE/,
  },
  {
    what: "a file of another network",
    source: xatu,
    name: "2023-10-18.parquet",
    content: { parquet: xatuRow({ slot_start_date_time: "1742213400::UINTEGER" }) },
    says: /no row that can be taken \(refused: 1 by network/,
  },
  {
    what: "rows of a relay that nobody knows alone",
    source: xatu,
    name: "2023-10-18.parquet",
    content: { parquet: xatuRow({ relay_name: "'X'" }) },
    says: /by relay; relays: X/,
  },
  {
    what: "values that don't fit alone",
    source: flashbotsDump,
    name: "a.csv",
    content: csvOf(bidHeader, [bid({ value: "1".repeat(30) })]),
    says: /1 by value/,
  },
];

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  const index = at < 0 ? changed.length + at : at;
  changed[index] = (changed[index] ?? 0) ^ 0xff;
  return changed;
}

for (const { what, source, name, content, says } of badFiles)
  test(`${what} is refused in one line, and nothing of it is in`, async (t) => {
    const world = await importWorld();
    const isParquet = typeof content === "object" && "parquet" in content;
    const path = isParquet ? await world.parquet(name, content.parquet) : await world.file(name, content);
    const error = await t.throwsAsync(
      async () => world.take(source, path, { limits: { stored: 250_000, unpacked: 100_000 } }),
      {
        instanceOf: UserError,
        message: says,
      },
    );
    t.false(error?.message.includes("\n"));
    t.deepEqual(filesBelow(join(world.folder, "lake")), []);
    if (existsSync(world.warehouse))
      t.deepEqual(
        await world.query(
          "SELECT (SELECT count(*)::INT FROM imports) + (SELECT count(*)::INT FROM imported_bids) + (SELECT count(*)::INT FROM imported_payloads) + (SELECT count(*)::INT FROM seen_bids) AS rows",
        ),
        [{ rows: 0 }],
      );
  });

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );
}
