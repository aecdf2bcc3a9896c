import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { openFolderFiles } from "../lake/folder/folderFiles.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { isBad, type Lake } from "../lake/lake.ts";
import { chunkOf, expectedTableRows, put, rowOf, tableRows } from "../warehouse/warehouse.testing.ts";
import { ParquetParts } from "../warehouse/duckdb/parquetParts.ts";
import { textIn } from "../warehouse/sql/values.ts";
import { readCatalog, type RelayDay } from "./catalog.ts";
import {
  bidsOf,
  countedIn,
  dayRange,
  DAY_MS,
  LATE_MS,
  newPlace,
  nextRange,
  publishedNetwork,
  tablesOf,
  twoDays,
} from "./publish.testing.ts";
import { owed, publish } from "./publish.ts";

const network = publishedNetwork;
const BIDS = `${network.name}/bids/date=2025-10-09/part-0.parquet`;

test("files hold every row of the lake once, equal ones with their number, by relay and slot, a row group a relay", async (t) => {
  const { lake, out, published } = await newPlace(t);
  await twoDays(lake);
  const outcomes = await published();
  t.deepEqual(
    outcomes.map(({ dataset, date, outcome, entry }) => [dataset, date, outcome, entry?.rows]),
    [
      ["payloads", "2025-10-09", "published", 2],
      ["bids", "2025-10-09", "published", 15],
      ["bids", "2025-10-10", "published", 5],
    ],
  );
  const tables = await tablesOf(t, out);
  for (const dataset of ["bids", "payloads"] as const)
    t.deepEqual(await tableRows(tables, dataset), await expectedTableRows(lake, dataset));
  const file = join(out, BIDS);
  const order = await tables.query(
    `SELECT concat_ws(' ', relay, slot, block_hash) AS key FROM read_parquet('${file}', file_row_number = true) ORDER BY file_row_number`,
  );
  const keys = order.map((row) => textIn(row, "key"));
  t.deepEqual(keys, keys.toSorted());
  const groups = await tables.query(
    `SELECT row_group_id, stats_min_value, stats_max_value FROM parquet_metadata('${file}') WHERE path_in_schema = 'relay'`,
  );
  t.deepEqual(
    groups.map(({ stats_min_value: least, stats_max_value: most }) => [least, most]),
    [
      ["one", "one"],
      ["two", "two"],
    ],
  );
  const days = await tables.query(
    `SELECT date::VARCHAR AS date, count(*)::INTEGER AS n FROM read_parquet('${out}/*/bids/*/*.parquet', hive_partitioning = true) GROUP BY ALL ORDER BY ALL`,
  );
  t.deepEqual(days, [
    { date: "2025-10-09", n: 15 },
    { date: "2025-10-10", n: 5 },
  ]);
});

test("lakes of the same rows give the same bytes, in whatever order relays sent them and however often chunks were written", async (t) => {
  const [one, other] = [await newPlace(t), await newPlace(t)];
  await twoDays(one.lake);
  const first = dayRange.first + 32;
  await put(other.lake, network, "bids", "two", { rows: bidsOf(first, [1]) });
  await twoDays(other.lake);
  const rows = bidsOf(first, [2, 5, 0, 1]);
  const turned = new Map([...rows].map(([slot, list]) => [slot, list.toReversed()]));
  await put(other.lake, network, "bids", "two", { rows: turned });
  await one.published();
  await other.published();
  t.deepEqual(await readFile(join(one.out, BIDS)), await readFile(join(other.out, BIDS)));
  const [a, b] = [await readCatalog(one.store, network.name), await readCatalog(other.store, network.name)];
  t.deepEqual(
    a.files.map(({ path, sha256, content }) => [path, sha256, content]),
    b.files.map(({ path, sha256, content }) => [path, sha256, content]),
  );
});

test("a day waits while slots of active relays are missing that nobody answered, for a week; a running day isn't looked at", async (t) => {
  const { lake, published } = await newPlace(t);
  await twoDays(lake);
  const some = (more: Partial<RelayDay>): RelayDay => {
    const none = { missing: 0, unproven: 0, unavailable: 0, suspect: 0 };
    return { relay: "one", state: "active", slots: 7200, covered: 7200, ...none, ...more };
  };
  t.is(owed("bids", [some({ missing: 5, unproven: 2 }), some({ missing: 9, unproven: 9 })]), 3);
  t.is(owed("bids", [some({ state: "ended", missing: 5 }), some({ state: "off", missing: 5 })]), 0);
  t.is(owed("chain_blocks", [some({ state: "off", missing: 5 }), some({ state: "off", missing: 4 })]), 4);
  t.is(owed("chain_blocks", [some({ state: "off", missing: 5 }), some({ state: "off" })]), 0);

  const end = Date.UTC(2025, 9, 10);
  const at = async (nowMs: number, missing: number) => {
    const coverage = async () => [some({ missing })];
    return (await published({ nowMs, coverage })).map(({ dataset, date, outcome, entry }) => [
      dataset,
      date,
      outcome,
      entry?.complete,
    ]);
  };
  t.deepEqual(await at(end, 0), [], "the day's last slots aren't settled");
  t.deepEqual(await at(end + 7 * DAY_MS - 1000, 3), [
    ["payloads", "2025-10-09", "waiting", undefined],
    ["bids", "2025-10-09", "waiting", undefined],
    ["bids", "2025-10-10", "waiting", undefined],
  ]);
  t.deepEqual((await at(end + 7 * DAY_MS, 3)).slice(0, 2), [
    ["payloads", "2025-10-09", "published", false],
    ["bids", "2025-10-09", "published", false],
  ]);
  t.deepEqual((await at(end + 7 * DAY_MS, 0)).slice(0, 2), [
    ["payloads", "2025-10-09", "restated", true],
    ["bids", "2025-10-09", "restated", true],
  ]);
});

test("a day is written again, with a higher revision, where its rows changed; marks change its figures alone", async (t) => {
  const { lake, store, out, published } = await newPlace(t);
  await twoDays(lake);
  await published();
  const written = async () => (await stat(join(out, BIDS), { bigint: true })).mtimeNs;
  const before = await written();
  t.deepEqual(new Set((await published()).map(({ outcome }) => outcome)), new Set(["unchanged"]));

  const chunk = chunkOf("bids", "two", dayRange.first + 32);
  const head = await lake.head(chunk);
  if (!head || isBad(head)) return t.fail();
  const suspect = head.meta.suspect.with(dayRange.first + 33);
  await lake.restate(chunk, { ...head.meta, suspect }, head.generation);
  t.deepEqual(
    (await published()).map(({ outcome, entry }) => [outcome, entry?.revision]),
    [
      ["unchanged", 0],
      ["restated", 0],
      ["unchanged", 0],
    ],
  );
  t.is(await written(), before);
  const entry = (await readCatalog(store, network.name)).files.find(({ path }) => path === BIDS);
  t.is(entry?.coverage.find(({ relay }) => relay === "two")?.suspect, 1);

  await put(lake, network, "bids", "two", { rows: bidsOf(dayRange.first + 32, [2, 6, 0, 1]) });
  const [, changed] = await published();
  t.deepEqual([changed?.outcome, changed?.entry?.revision, changed?.entry?.rows], ["published", 1, 16]);
  t.deepEqual(await tableRows(await tablesOf(t, out), "bids"), await expectedTableRows(lake, "bids"));
});

test("a day whose objects change while they are read is begun again; one with an object that can't be trusted is left out", async (t) => {
  const { lake, out, published, folder } = await newPlace(t);
  await twoDays(lake);
  let changes = 0;
  const restless = new Proxy(lake, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key !== "read") return typeof value === "function" ? (value.bind(target) as unknown) : value;
      return async (chunk: Parameters<Lake["read"]>[0]) => {
        const found = await target.read(chunk);
        if (chunk.relay === "two" && chunk.dataset === "bids" && changes++ < 2)
          await put(target, network, "bids", "two", {
            rows: bidsOf(dayRange.first + 640, [1, 1 + changes]),
          });
        return found;
      };
    },
  });
  await published({ lake: restless });
  t.true(changes > 2);
  t.deepEqual(await tableRows(await tablesOf(t, out), "bids"), await expectedTableRows(lake, "bids"));

  const object = lake.locate(`${network.name}/bids/relay=two`);
  const [name = ""] = (await readdir(object)).toSorted();
  const bytes = await readFile(join(object, name));
  bytes.writeUInt8((bytes.at(-20) ?? 0) ^ 0xff, bytes.length - 20);
  await writeFile(join(object, name), bytes);
  const fresh = openFolderFiles(join(folder, "again"));
  const outcomes = await publish(
    {
      lake,
      network,
      store: fresh,
      nowMs: LATE_MS,
      coverage: countedIn(lake),
      openParts: () => ParquetParts.open(),
    },
    ["bids"],
    { first: dayRange.first, last: nextRange.last },
  );
  t.deepEqual(
    outcomes.map(({ date, outcome }) => [date, outcome]),
    [
      ["2025-10-09", "unreadable"],
      ["2025-10-10", "published"],
    ],
  );
  t.regex(outcomes[0]?.fault ?? "", /two\/.*can't be used/);
});

test("a place of another network is refused, and so is what is no catalog", async (t) => {
  const { lake, store, published } = await newPlace(t);
  await twoDays(lake);
  await published();
  const other = openFolderLake("elsewhere", "simulated-2");
  const openParts = () => ParquetParts.open();
  const options = {
    lake: other,
    network: { ...network, name: "simulated-2" },
    store,
    nowMs: LATE_MS,
    openParts,
  };
  const range = { first: dayRange.first, last: dayRange.first };
  await t.throwsAsync(publish({ ...options, coverage: async () => [] }, ["bids"], range), {
    message: /is of network simulated-1, not of simulated-2; choose another place$/,
  });
  await store.writeText("catalog.json", "<html>");
  await t.throwsAsync(published(), { message: /isn't a catalog of this version; move it away/ });
});

test("a day of one relay is read by slots: several row groups, each with the slots that it holds", async (t) => {
  const { lake, out, published } = await newPlace(t);
  const first = 32 * Math.ceil(dayRange.first / 32);
  for (const start of [first, first + 32, first + 64]) {
    const rows = new Map(
      Array.from({ length: 32 }, (_, index) => {
        const slot = start + index;
        return [slot, Array.from({ length: 1024 }, (_none, number) => rowOf(slot, number))] as const;
      }),
    );
    await put(lake, network, "bids", "one", { rows });
  }
  await published();
  const groups = await (
    await tablesOf(t, out)
  ).query(
    `SELECT stats_min_value::INTEGER AS least, stats_max_value::INTEGER AS most, row_group_num_rows::INTEGER AS n
     FROM parquet_metadata('${join(out, BIDS)}') WHERE path_in_schema = 'slot' ORDER BY row_group_id`,
  );
  t.deepEqual(
    groups,
    [0, 32, 64].map((start) => ({ least: first + start, most: first + start + 31, n: 32_768 })),
  );
});
