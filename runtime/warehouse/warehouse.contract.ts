import { readFile, writeFile } from "node:fs/promises";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { RelayRow } from "../datasets/format.ts";
import { textOf } from "./cells.ts";
import { type Clock, fixedDateClock } from "../chain/clock.ts";
import { findNetwork, type Network, simulatedNetwork } from "../chain/networks.ts";
import { settledSlot, slotAt, slotStartMs } from "../chain/slots.ts";
import { DATASET_NAMES, type DatasetName, datasets, forEachDataset } from "../datasets/dataset.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import type { Lake } from "../lake/lake.ts";
import { blocksOf, contentArbitrary, flipped, lakeNetwork } from "../lake/lake.testing.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { examples } from "../seeds.testing.ts";
import {
  chunkOf,
  expectedTableRows,
  newFolder,
  put,
  relayNamed,
  rowOf,
  tableRows,
} from "./warehouse.testing.ts";
import { sqlDialectOf } from "./sql/dialects.ts";
import { prunedDaysSql } from "./sql/prunable.ts";
import { keyedPayments, type RowValues } from "./keyedTables.ts";
import type { DayCoverage, Warehouse } from "./warehouse.ts";

/** Opens a warehouse that is new for each `name` of a test, and the same for the same name. */
export type OpenWarehouse = (
  t: ExecutionContext,
  network: Network,
  clock: Clock,
  name?: string,
) => Promise<Warehouse>;

const NOW = slotStartMs(lakeNetwork, 10_000);

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

// Few slots, so that they are read again; two of one chunk, two of others.
const fewSlots = fc.constantFrom(0, 31, 32, 330);
const numbers = fc.array(fc.nat({ max: 3 }), { maxLength: 3 });
/** What a collector or a loader does. */
const operation = fc.oneof(
  fc.record({
    kind: fc.constant("read" as const),
    relay: fc.constantFrom("one", "two"),
    slot: fewSlots,
    numbers,
  }),
  fc.record({ kind: fc.constant("load" as const) }),
);

/**
 * Registers the tests that any warehouse must pass. Lakes are folders, or what its engine can read;
 * `register` runs them side by side, or one by one (`test.serial`) where they would only wait for each other.
 * `runs`: examples of each property, for engines that take seconds over one.
 */
export function warehouseContract(
  form: string,
  open: OpenWarehouse,
  lakes: ContractLakes = folderLakes,
  register: (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void = test,
  runs = examples(3, 24),
): void {
  const start = async (t: ExecutionContext) => ({
    lake: await lakes.open(t, lakeNetwork.name),
    warehouse: await open(t, lakeNetwork, fixedDateClock(NOW)),
  });
  const agrees = async (t: ExecutionContext, warehouse: Warehouse, lake: Lake): Promise<void> => {
    for (const dataset of DATASET_NAMES)
      t.deepEqual(await tableRows(warehouse, dataset), await expectedTableRows(lake, dataset), dataset);
  };

  register(
    `${form}: every row of every chunk arrives, field by field, equal ones as one with copies`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      for (const dataset of DATASET_NAMES) {
        for (const [index, { lines, meta }] of fc.sample(contentArbitrary(dataset), 25).entries()) {
          // Every third slot's rows stand there twice.
          const doubled = new Map(
            [...lines].map(([slot, list]) => [slot, slot % 3 === 0 ? [...list, ...list] : list]),
          );
          const rows = [...doubled.values()].flat().length;
          const chunk = chunkOf(dataset, `relay-${index}`, Math.min(...lines.keys(), 9e9));
          const renamed = [...doubled].map(
            ([slot, list]) =>
              [slot, list.map((line) => line.replace('"alpha"', `"relay-${index}"`))] as const,
          );
          if (lines.size > 0) await lake.write(chunk, blocksOf(new Map(renamed)), { ...meta, rows }, 0);
        }
      }
      const summary = await warehouse.load(lake, []);
      t.deepEqual(summary.failed, []);
      t.true(summary.rows > 0);
      await agrees(t, warehouse, lake);
      t.deepEqual(
        await warehouse.query("SELECT 1 FROM bids WHERE block_timestamp < TIMESTAMP '2023-11-14 22:13:20'"),
        [],
      );
      const again = await warehouse.load(lake, []);
      t.deepEqual([again.rows, again.slots, again.objects], [0, 0, 0]);
      t.is(again.unchanged, summary.objects);
      await agrees(t, warehouse, lake);
    },
  );

  register(
    `${form}: whatever collectors write between loads, tables and ledger end as the lake`,
    async (t) => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 30 }), async (operations) => {
          const lake = await lakes.open(t, lakeNetwork.name);
          const warehouse = await open(t, lakeNetwork, fixedDateClock(NOW), `run-${run++}`);
          const model = new Map<
            string,
            { rows: Map<number, RelayRow[]>; revised: Set<number>; revision: number }
          >();
          for (const one of operations) {
            if (one.kind === "load") {
              await warehouse.load(lake, []);
              continue;
            }
            for (const dataset of DATASET_NAMES) {
              const { first } = chunkOf(dataset, one.relay, one.slot);
              const key = `${dataset} ${one.relay} ${first}`;
              const known = model.get(key) ?? { rows: new Map(), revised: new Set(), revision: 0 };
              model.set(key, known);
              // A slot that is read again has been revised, as by `recheck --accept`.
              if (known.rows.has(one.slot)) {
                known.revised.add(one.slot);
                known.revision++;
              }
              known.rows.set(
                one.slot,
                one.numbers.map((number) => rowOf(one.slot, number)),
              );
              const suspect = [...known.rows.keys()].filter((each) => each % 2 === 0);
              await put(lake, lakeNetwork, dataset, one.relay, {
                ...known,
                revised: [...known.revised],
                suspect,
              });
            }
          }
          await warehouse.load(lake, []);
          await agrees(t, warehouse, lake);
          const ledger = await warehouse.query(
            "SELECT dataset, relay, first_slot, covered, revision, error FROM loads",
          );
          t.is(ledger.length, model.size);
          for (const { dataset, relay, first_slot, covered, revision, error } of ledger) {
            const known = model.get([dataset, relay, first_slot].map(textOf).join(" "));
            const slots = Array.from(textOf(covered)).flatMap((bit, index) =>
              bit === "1" ? [Number(first_slot) + index] : [],
            );
            t.deepEqual(
              slots,
              [...(known?.rows.keys() ?? [])].sort((a, c) => a - c),
            );
            t.deepEqual([revision, error], [String(known?.revision), null]);
          }
        }),
        { numRuns: runs },
      );
    },
  );

  register(
    `${form}: rows are put into a keyed table in place of those with the same keys, exact to the wei`,
    async (t) => {
      const lake = await lakes.open(t, lakeNetwork.name);
      const warehouse = await open(t, lakeNetwork, fixedDateClock(NOW));
      await warehouse.load(lake, []);
      const time = new Date(slotStartMs(lakeNetwork, 7)).toISOString();
      const paymentOf = (relay: string, hash: string, paid: string | null, verdict: string): RowValues => {
        const missing = paid === null ? [null, null, null] : [paid, "-3", "3"];
        const [sum = null, difference = null, shortBy = null] = missing;
        const head = [relay, 7, hash, time, "12345678901234567890123456789", null, sum, difference, null];
        return head.concat(verdict, "balance", shortBy, "block,balance", "rpc", time);
      };
      await warehouse.put(keyedPayments, [
        paymentOf("one", "0x1", null, "untestable"),
        paymentOf("one", "0x2", "5", "less"),
      ]);
      await warehouse.put(keyedPayments, []);
      await warehouse.put(keyedPayments, [
        paymentOf("one", "0x1", "12345678901234567890123456786", "less"),
        paymentOf("two", "0x1", "6", "less"),
      ]);
      const rows = await warehouse.query(
        "SELECT relay, slot, block_hash, claimed, paid, difference, verdict FROM payments ORDER BY relay, block_hash",
      );
      const claimed = "12345678901234567890123456789";
      t.deepEqual(
        rows.map((row) => Object.values(row)),
        [
          ["one", "7", "0x1", claimed, "12345678901234567890123456786", "-3", "less"],
          ["one", "7", "0x2", claimed, "5", "-3", "less"],
          ["two", "7", "0x1", claimed, "6", "-3", "less"],
        ],
      );
    },
  );

  register(`${form}: two loads at once bring in every row once`, async (t) => {
    const { lake, warehouse } = await start(t);
    for (let slot = 0; slot < 320; slot += 32)
      await put(lake, lakeNetwork, "bids", "one", {
        rows: new Map([[slot, [rowOf(slot, 1), rowOf(slot, 2)]]]),
      });
    const other = await open(t, lakeNetwork, fixedDateClock(NOW));
    const loads = await Promise.all([
      warehouse.load(lake, []),
      other.load(lake, []),
      warehouse.load(lake, []),
    ]);
    t.is(
      loads.reduce((sum, { rows }) => sum + rows, 0),
      20,
    );
    await agrees(t, warehouse, lake);
  });

  register(
    `${form}: an object that can't be loaded stops no other, says why, and is tried again when it is another`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (slot: number, other: RelayRow = {}) => new Map([[slot, [rowOf(slot, 1, other)]]]);
      const good = await put(lake, lakeNetwork, "bids", "one", { rows: rows(0) });
      await warehouse.load(lake, []);

      const object = (slot: number) => `${lakeNetwork.name}/bids/relay=one/${name(slot)}.ndjson.gz`;
      const name = (slot: number) =>
        `${String(slot).padStart(10, "0")}-${String(slot + 31).padStart(10, "0")}`;
      // Grown by a slot and then damaged: what was loaded of it before must stay.
      await put(lake, lakeNetwork, "bids", "one", { rows: new Map([...rows(0), ...rows(1)]) });
      await lakes.damage(lake, object(0), (bytes) => flipped(bytes, -12));
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(32) });
      await lakes.damage(lake, object(32), (bytes) => bytes.subarray(0, 40));
      // A sound line to the lake, but not within 64 bits.
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(64, { gas_limit: "9999999999999999999" }) });
      // Written for a network with another genesis.
      await put(lake, { ...lakeNetwork, genesis: lakeNetwork.genesis + 12 }, "bids", "one", {
        rows: rows(96),
      });
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(128) });
      const summary = await warehouse.load(lake, []);
      t.is(summary.rows, 1);
      t.deepEqual(
        summary.failed.map((one) => one.object),
        [0, 32, 64, 96].map(object),
      );
      for (const { object: failed, error } of summary.failed) {
        t.regex(error, /; (move it away|make the tables)/);
        t.true(error.includes(lake.locate(failed)), error);
        t.false(error.includes("\n"));
      }
      const slots = async () =>
        (await warehouse.query("SELECT slot FROM bids ORDER BY slot")).map(({ slot }) => slot);
      t.deepEqual(await slots(), ["0", "128"]);

      // Not tried again, and still told.
      const again = await warehouse.load(lake, []);
      t.is(again.unchanged, 5);
      t.deepEqual(again.failed, summary.failed);

      // Written anew, each goes in; the first was covered in part before.
      for (const slot of [32, 64, 96]) await put(lake, lakeNetwork, "bids", "one", { rows: rows(slot) });
      await put(lake, lakeNetwork, "bids", "one", { rows: new Map([...rows(0), ...rows(1)]) });
      t.deepEqual((await warehouse.load(lake, [])).failed, []);
      t.deepEqual(await slots(), ["0", "1", "32", "64", "96", "128"]);
      await agrees(t, warehouse, lake);
      t.truthy(good);
    },
  );

  register(
    `${form}: an object that changes or vanishes while it is read is left for the next load`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (slot: number, number: number) => new Map([[slot, [rowOf(slot, number)]]]);
      for (const slot of [0, 32, 64]) await put(lake, lakeNetwork, "bids", "one", { rows: rows(slot, 1) });
      let meddled = false;
      const meddling: Lake = {
        url: lake.url,
        network: lake.network,
        relays: (dataset) => lake.relays(dataset),
        list: (dataset, relay, range) => lake.list(dataset, relay, range),
        head: (chunk) => lake.head(chunk),
        readHorizon: (dataset, relay) => lake.readHorizon(dataset, relay),
        readRereads: (dataset, relay, month) => lake.readRereads(dataset, relay, month),
        writeRereads: () => Promise.reject(new Error("a load doesn't write")),
        locate: (object) => lake.locate(object),
        write: () => Promise.reject(new Error("a load doesn't write")),
        restate: () => Promise.reject(new Error("a load doesn't write")),
        readQuarantine: () => Promise.reject(new Error("a load doesn't read quarantines")),
        writeQuarantine: () => Promise.reject(new Error("a load doesn't write")),
        writeHorizon: () => Promise.reject(new Error("a load doesn't write")),
        async read(chunk) {
          const found = await lake.read(chunk);
          if (chunk.first === 32 && !meddled) {
            meddled = true;
            const revision = { revision: 1, revised: [32] };
            await put(lake, lakeNetwork, "bids", "one", { rows: rows(32, 2), ...revision });
          }
          return found;
        },
      };
      const first = await warehouse.load(meddling, []);
      t.deepEqual([first.rows, first.left, first.failed], [2, 1, []]);
      const second = await warehouse.load(lake, []);
      t.deepEqual([second.rows, second.left], [1, 0]);
      await agrees(t, warehouse, lake);
    },
  );

  register(
    `${form}: what the lake has lost stays in the tables, and isn't taken twice when it comes back`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (...slots: number[]) => new Map(slots.map((slot) => [slot, [rowOf(slot, 1)]]));
      for (const slots of [
        [1, 2],
        [2, 3],
        [1, 2, 3, 4],
      ]) {
        await put(lake, lakeNetwork, "bids", "one", { rows: rows(...slots) });
        await warehouse.load(lake, []);
      }
      await agrees(t, warehouse, lake);
    },
  );

  register(
    `${form}: only what is asked for is loaded: datasets, ranges, the newest objects, no replacements`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (slot: number, number = 1) => new Map([[slot, [rowOf(slot, number)]]]);
      for (let slot = 0; slot < 320; slot += 32)
        await put(lake, lakeNetwork, "bids", slot % 64 === 0 ? "one" : "two", { rows: rows(slot) });
      await put(lake, lakeNetwork, "payloads", "one", { rows: rows(0) });
      const loaded = async () =>
        (await warehouse.query("SELECT slot FROM bids ORDER BY slot")).map(({ slot }) => Number(slot));
      const bids = { datasets: ["bids"], relayTables: false } as const;
      const newest = await warehouse.load(lake, [], { ...bids, maxObjects: 2 });
      t.deepEqual([newest.rows, newest.waiting], [2, 8]);
      t.deepEqual(await loaded(), [256, 288]);
      const ranges = [
        { first: 40, last: 70 },
        { first: 65, last: 65 },
      ];
      const within = await warehouse.load(lake, [], { ...bids, ranges });
      t.deepEqual([within.rows, within.waiting, within.unchanged], [2, 0, 0]);
      t.deepEqual(await loaded(), [32, 64, 256, 288]);
      t.deepEqual(await warehouse.query("SELECT * FROM relays"), []);
      t.deepEqual(await tableRows(warehouse, "payloads"), []);
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(64, 2), revised: [64], revision: 1 });
      const held = await warehouse.load(lake, [], { replace: false });
      t.deepEqual([held.waiting, (await loaded()).length], [1, 10]);
      await warehouse.load(lake, []);
      await agrees(t, warehouse, lake);
    },
  );

  register(`${form}: a rebuild makes the tables again, without what the lake no longer has`, async (t) => {
    const { lake, warehouse } = await start(t);
    await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[5, [rowOf(5, 1)]]]) });
    await put(lake, lakeNetwork, "payloads", "one", { rows: new Map([[5, [rowOf(5, 1)]]]) });
    await warehouse.load(lake, [relayNamed("one")]);
    const smaller = await lakes.open(t, lakeNetwork.name);
    await put(smaller, lakeNetwork, "bids", "one", { rows: new Map([[7, [rowOf(7, 1)]]]) });
    const summary = await warehouse.load(smaller, [], { rebuild: true });
    t.is(summary.rows, 1);
    await agrees(t, warehouse, smaller);
    t.is((await warehouse.query("SELECT * FROM relays")).length, 1);
  });

  register(
    `${form}: table rereads is what the lake says of re-reading; a load of ranges takes their months and one more in turn`,
    async (t) => {
      const months = ["2023-11", "2023-12", "2024-01", "2024-02"];
      const inTurn = 1;
      const hour = Math.floor(NOW / 3_600_000 / months.length) * months.length + inTurn;
      const lake = await lakes.open(t, lakeNetwork.name);
      const warehouse = await open(t, lakeNetwork, fixedDateClock(hour * 3_600_000));
      const firsts = months.map((month) => slotAt(lakeNetwork, Date.parse(`${month}-20T00:00:00Z`)));
      const writeAll = async (differing: number) => {
        for (const [index, month] of months.entries()) {
          const first = firsts[index] ?? 0;
          const slots = [
            { first, last: first + 4 },
            { first: first + 9, last: first + 9 },
          ];
          const reread = { slots, differing, rowsGained: 7 };
          await lake.writeRereads("bids", "one", month, new Map([[`${month}-20`, reread]]));
        }
      };
      /** The column `differing`, oldest day first. */
      const differing = async () => {
        const rows = await warehouse.query("SELECT * FROM rereads ORDER BY day");
        for (const row of rows) {
          t.true(months.some((month) => row["day"] === `${month}-20`));
          t.like(row, { dataset: "bids", relay: "one" });
          t.deepEqual([Number(row["slots"]), Number(row["rows_gained"])], [6, 7]);
        }
        return rows.map((row) => Number(row["differing"]));
      };
      for (const slot of firsts)
        await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[slot, [rowOf(slot, 1)]]]) });
      await writeAll(1);
      await warehouse.load(lake, [], { relayTables: false });
      t.deepEqual(await differing(), []);
      t.deepEqual((await warehouse.load(lake, [])).failed, []);
      t.deepEqual(await differing(), [1, 1, 1, 1]);

      await writeAll(2);
      const [, , , newest = 0] = firsts;
      await warehouse.load(lake, [], { ranges: [{ first: newest, last: newest + 31 }] });
      t.deepEqual(await differing(), [1, 2, 1, 2]);

      // One that can't be read is told, and stops no other.
      const object = `${lakeNetwork.name}/bids/relay=one/rereads/2023-11.json`;
      await lakes.damage(lake, object, () => Buffer.from("[]"));
      const { failed } = await warehouse.load(lake, []);
      t.deepEqual(
        failed.map((one) => one.object),
        [object],
      );
      t.deepEqual(await differing(), [1, 2, 2, 2]);
      await warehouse.load(lake, [], { rebuild: true });
      t.deepEqual(await differing(), [2, 2, 2]);
    },
  );

  register(
    `${form}: pruning takes rows of whole days; coverage stays, no load brings them back, and a rebuild of their slots does`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const day = 86_400_000;
      const beforeMs = Math.ceil(slotStartMs(lakeNetwork, 1000) / day) * day;
      const border = Math.ceil((beforeMs - slotStartMs(lakeNetwork, 0)) / 12_000);
      const slots = [border - 320, border - 1, border, border + 320];
      for (const dataset of DATASET_NAMES)
        for (const chunk of new Set(slots.map((slot) => chunkOf(dataset, "one", slot).first))) {
          const inside = slots.filter((slot) => chunkOf(dataset, "one", slot).first === chunk);
          const rows = new Map(inside.map((slot) => [slot, [rowOf(slot, 1)]]));
          await put(lake, lakeNetwork, dataset, "one", { rows });
        }
      const relays = [relayNamed("one")];
      await warehouse.load(lake, relays);
      const whole = await tableRows(warehouse, "bids");
      const coverage = await warehouse.coverage();
      const held = async (dataset: DatasetName) =>
        (await warehouse.query(`SELECT slot FROM ${dataset} ORDER BY slot`)).map(({ slot }) => Number(slot));
      const scope = { network: lakeNetwork, range: { first: border - 7200, last: border + 7199 }, nowMs: 0 };
      const prunedDays = async (dataset: DatasetName) => {
        const rows = await warehouse.query(prunedDaysSql(sqlDialectOf(warehouse.url), dataset, scope));
        return rows.map((row) => Number(row["day"]));
      };
      const dayBefore = [beforeMs / day - 1];
      t.deepEqual(await prunedDays("bids"), []);
      await t.throwsAsync(warehouse.prune("bids", beforeMs + 1), { instanceOf: RangeError });
      await warehouse.prune("bids", beforeMs);
      t.deepEqual(await prunedDays("bids"), dayBefore);
      t.deepEqual(await prunedDays("payloads"), []);
      t.deepEqual(await held("bids"), slots.slice(2), "rows before the day have left");
      t.deepEqual(await held("payloads"), slots, "only of the dataset that was named");
      t.deepEqual(await warehouse.coverage(), coverage);
      t.is((await warehouse.load(lake, relays)).rows, 0);
      // A chunk that is written again brings what is new in it alone.
      const more = new Map([border - 2, border - 1].map((slot) => [slot, [rowOf(slot, 1)]]));
      const others = slots.filter(
        (slot) =>
          slot !== border - 1 &&
          chunkOf("bids", "one", slot).first === chunkOf("bids", "one", border - 1).first,
      );
      for (const slot of others) more.set(slot, [rowOf(slot, 1)]);
      await put(lake, lakeNetwork, "bids", "one", { rows: more });
      t.is((await warehouse.load(lake, relays)).rows, 1);
      t.deepEqual(await held("bids"), [border - 2, ...slots.slice(2)]);
      t.deepEqual(await prunedDays("bids"), dayBefore, "one slot isn't the day");

      const restored = await warehouse.load(lake, relays, {
        rebuild: true,
        ranges: [{ first: border - 320, last: border - 320 }],
      });
      t.true(restored.rows > 0);
      t.deepEqual(await held("bids"), [border - 320, border - 2, ...slots.slice(2)]);
      await warehouse.load(lake, relays, {
        rebuild: true,
        ranges: [{ first: border - 320, last: border - 1 }],
      });
      t.deepEqual(await tableRows(warehouse, "bids"), await expectedTableRows(lake, "bids"));
      t.deepEqual(await tableRows(warehouse, "payloads"), await expectedTableRows(lake, "payloads"));
      t.is((await tableRows(warehouse, "bids")).length, whole.length + 1);
      t.deepEqual(await prunedDays("bids"), []);
    },
  );

  register(`${form}: a stopped load keeps what it has, and the next one goes on`, async (t) => {
    const { lake, warehouse } = await start(t);
    await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[5, [rowOf(5, 1)]]]) });
    const stopped = await warehouse.load(lake, [], { signal: AbortSignal.abort() });
    t.is(stopped.rows, 0);
    await warehouse.load(lake, []);
    await agrees(t, warehouse, lake);
  });

  for (const network of [simulatedNetwork(1), mainnet])
    register(`${form}: coverage counts every slot on its own UTC day (${network.name})`, async (t) => {
      // The day border lies within these slots; on mainnet it is at a slot ≡ 15 (mod 32).
      const dayStart = Date.UTC(2025, 5, 10);
      const border = slotAt(network, dayStart - 1) + 1;
      if (network.name === "mainnet") t.is(border % 32, 15);
      // Often the same slots, so that borders of days, chunks, targets, horizons and what is covered meet.
      const near = fc.oneof(
        fc.integer({ min: border - 700, max: border + 700 }),
        fc.constantFrom(border - 33, border - 1, border, border + 1, border + 32),
      );
      const within = (from: number, to: number) => fc.integer({ min: border + from, max: border + to });
      const sometimes = fc.oneof(fc.constant(null), fc.constant(null), near);
      const relay = fc.record({
        activeFrom: sometimes,
        activeTo: sometimes,
        collectFrom: within(-700, -30),
        horizons: fc.record(forEachDataset(({ name }) => (name === "bids" ? near : sometimes))),
      });
      const covered = fc.array(
        fc.record({ slot: near, length: fc.nat({ max: 400 }), relay: fc.nat({ max: 1 }) }),
        {
          maxLength: 6,
        },
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.tuple(relay, relay), covered, within(-40, 700), async (relays, runs, head) => {
          const now = slotStartMs(network, head + 50) + 3000;
          const lake = await lakes.open(t, network.name);
          const warehouse = await open(t, network, fixedDateClock(now), `run-${run++}`);
          const directory = relays.map(({ activeFrom, activeTo, collectFrom }, index) =>
            relayNamed(`r${index}`, {
              activeFrom,
              activeTo,
              collectFrom,
              dialect: index === 0 ? "helix" : "flashbots",
            }),
          );
          const held = new Map<string, Set<number>>();
          for (const dataset of DATASET_NAMES) {
            for (const { slot, length, relay: index } of runs) {
              const key = `${dataset} r${index}`;
              const set = held.get(key) ?? new Set();
              held.set(key, set);
              for (let each = slot; each < slot + length; each++) set.add(each);
            }
            for (const [index, { horizons }] of relays.entries()) {
              const oldest = horizons[dataset];
              const asked_at = "2025-01-01T00:00:00.000Z";
              if (oldest !== null)
                await lake.writeHorizon(dataset, `r${index}`, { oldest_slot: oldest, asked_at });
              await putSlots(
                lake,
                network,
                dataset,
                `r${index}`,
                held.get(`${dataset} r${index}`) ?? new Set(),
              );
            }
          }
          await warehouse.load(lake, directory);
          const horizonOf = (dataset: DatasetName, index: number) => relays[index]?.horizons[dataset] ?? 0;
          const expected = expectedCoverage(network, directory, held, horizonOf, now);
          t.deepEqual(await warehouse.coverage(), expected);
        }),
        { numRuns: runs },
      );
    });

  register(
    `${form}: a relay that never answered shows up as missing, one that only the lake knows doesn't count`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      await put(lake, lakeNetwork, "bids", "stranger", { rows: new Map([[5, []]]) });
      await warehouse.load(lake, [relayNamed("silent")]);
      const days = await warehouse.coverage();
      const silent = days.filter(({ relay }) => relay === "silent");
      t.is(
        silent.reduce((sum, { missing }) => sum + missing, 0),
        2 * (settledSlot(lakeNetwork, NOW) - lakeNetwork.floor + 1),
      );
      t.deepEqual(await warehouse.query("SELECT name, state FROM relays ORDER BY name"), [
        { name: "silent", state: "active" },
        { name: "stranger", state: "off" },
      ]);
      // What one run says of some relays doesn't touch the others.
      await warehouse.load(lake, [relayNamed("third")]);
      t.is((await warehouse.query("SELECT * FROM relays")).length, 3);
    },
  );

  register(
    `${form}: delivered payloads stand beside the best bid of their relay, slot and parent`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const big = "98765432109876543210987654321";
      const parent = `0x${"9".repeat(64)}`;
      await put(lake, lakeNetwork, "bids", "one", {
        rows: new Map([
          [1, [rowOf(1, 5), rowOf(1, 7), rowOf(1, 9, { parent_hash: parent })]],
          [2, [rowOf(2, 5, { value: big })]],
          [3, []],
        ]),
      });
      await put(lake, lakeNetwork, "bids", "two", { rows: new Map([[1, [rowOf(1, 100)]]]) });
      const delivered = [1, 2, 3, 4].map((slot) => [slot, [rowOf(slot, 6, { value: "6" })]] as const);
      await put(lake, lakeNetwork, "payloads", "one", { rows: new Map([...delivered, [5, [rowOf(5, 8)]]]) });
      await warehouse.load(lake, []);
      const rows = await warehouse.query("SELECT slot, best_value, value_left FROM delivered ORDER BY slot");
      t.deepEqual(rows, [
        { slot: "1", best_value: "7", value_left: "1" },
        { slot: "2", best_value: big, value_left: String(BigInt(big) - 6n) },
        { slot: "3", best_value: null, value_left: null },
        { slot: "4", best_value: null, value_left: null },
        { slot: "5", best_value: null, value_left: null },
      ]);
      // A payload that is worth more than the best bid that the relay shows: nothing was left.
      await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[64, [rowOf(64, 3)]]]) });
      await put(lake, lakeNetwork, "payloads", "two", { rows: new Map([[64, [rowOf(64, 3)]]]) });
      await put(lake, lakeNetwork, "payloads", "one", {
        rows: new Map([...delivered, [64, [rowOf(64, 8)]]]),
      });
      await warehouse.load(lake, []);
      t.deepEqual(
        await warehouse.query("SELECT relay, value_left FROM delivered WHERE slot = 64 ORDER BY relay"),
        [
          { relay: "one", value_left: "0" },
          { relay: "two", value_left: null },
        ],
      );
    },
  );

  register(`${form}: delivered says which blocks the relay made itself, and of what`, async (t) => {
    const { lake, warehouse } = await start(t);
    const delivered = new Map([1, 2, 3, 4].map((slot) => [slot, [rowOf(slot, 6, { value: "60" })]]));
    await put(lake, lakeNetwork, "payloads", "one", { rows: delivered });
    const adjusted = {
      adjusted_block_hash: rowOf(1, 6)["block_hash"] ?? "",
      submitted_value: "63",
      adjusted_value: "60",
    };
    // One that didn't land stands beside it.
    const lost = { adjusted_block_hash: `0x${"7".repeat(64)}`, submitted_value: "99" };
    await put(lake, lakeNetwork, "adjustments", "one", {
      rows: new Map([
        [1, [rowOf(1, 6, adjusted), rowOf(1, 6, lost)]],
        [2, []],
        [3, []],
      ]),
    });
    await put(lake, lakeNetwork, "merged_blocks", "one", {
      rows: new Map([
        [2, [rowOf(2, 6, { original_value: "57", proposer_value: "60" })]],
        [3, []],
      ]),
    });
    await warehouse.load(lake, []);
    t.deepEqual(
      await warehouse.query(
        "SELECT slot, adjusted, submitted_value, merged, original_value FROM delivered ORDER BY slot",
      ),
      [
        { slot: "1", adjusted: true, submitted_value: "63", merged: null, original_value: null },
        { slot: "2", adjusted: false, submitted_value: null, merged: true, original_value: "57" },
        { slot: "3", adjusted: false, submitted_value: null, merged: false, original_value: null },
        { slot: "4", adjusted: null, submitted_value: null, merged: null, original_value: null },
      ],
    );
  });

  register(`${form}: delivered says which values and which best bids can be believed`, async (t) => {
    const { lake, warehouse } = await start(t);
    const eth = (tenths: string, zeros = 17) => ({ value: `${tenths}${"0".repeat(zeros)}` });
    await put(lake, lakeNetwork, "bids", "one", {
      rows: new Map([
        [1, [rowOf(1, 1, eth("1")), rowOf(1, 2, eth("2"))]],
        // A claim of 10^9 ETH beside usual bids.
        [2, [rowOf(2, 1, eth("1")), rowOf(2, 2, eth("2")), rowOf(2, 3, eth("1", 27))]],
        [3, [rowOf(3, 1, { value: "0" })]],
      ]),
    });
    await put(lake, lakeNetwork, "payloads", "one", {
      rows: new Map([
        [1, [rowOf(1, 1, eth("1"))]],
        [2, [rowOf(2, 1, eth("1"))]],
        [3, [rowOf(3, 1, { value: "0" })]],
        [4, [rowOf(4, 1, eth("2", 22))]],
      ]),
    });
    // A thousand times what is usual is out of reach, also of a relay without bids of its own.
    const two = new Map([[1, [rowOf(1, 3, eth("1", 21)), rowOf(1, 4, eth("1", 20))]]]);
    await put(lake, lakeNetwork, "payloads", "two", { rows: two });
    await warehouse.load(lake, []);
    t.deepEqual(
      await warehouse.query(
        "SELECT relay, slot, believed, best_believed FROM delivered ORDER BY relay, slot, value DESC",
      ),
      [
        { relay: "one", slot: "1", believed: true, best_believed: true },
        { relay: "one", slot: "2", believed: true, best_believed: false },
        { relay: "one", slot: "3", believed: true, best_believed: true },
        { relay: "one", slot: "4", believed: false, best_believed: null },
        { relay: "two", slot: "1", believed: false, best_believed: null },
        { relay: "two", slot: "1", believed: true, best_believed: null },
      ],
    );
  });

  register(`${form}: readable views add ETH, name, time into the slot and day`, async (t) => {
    const { lake, warehouse } = await start(t);
    const ms = String(slotStartMs(lakeNetwork, 31) - 1234);
    const dated = { value: "1234567890123456789", timestamp_ms: ms, timestamp: ms.slice(0, -3) };
    await put(lake, lakeNetwork, "bids", "one", {
      rows: new Map([[31, [rowOf(31, 1, dated), rowOf(31, 2)]]]),
    });
    await put(lake, lakeNetwork, "payloads", "one", {
      rows: new Map([[31, [rowOf(31, 1, { value: dated.value })]]]),
    });
    await warehouse.load(lake, []);
    const shown = { slot: "31", date: "2023-11-14", builder: "0x0000…0001" };
    t.deepEqual(
      await warehouse.query(
        "SELECT slot, date, value, value_eth, builder, ms_into_slot FROM bids_readable ORDER BY value DESC",
      ),
      [
        { ...shown, value: dated.value, value_eth: 1.2345678901234567, ms_into_slot: "-1234" },
        { ...shown, builder: "0x0000…0002", value: "2", value_eth: 2e-18, ms_into_slot: null },
      ],
    );
    t.deepEqual(
      await warehouse.query("SELECT slot, date, value, value_eth, builder FROM payloads_readable"),
      [{ ...shown, value: dated.value, value_eth: 1.2345678901234567 }],
    );
  });

  register(`${form}: a lake of another network is refused in one line, and so is a warehouse`, async (t) => {
    const { lake, warehouse } = await start(t);
    await warehouse.load(lake, []);
    const foreign = await lakes.open(t, "hoodi");
    await t.throwsAsync(warehouse.load(foreign, []), { name: "UserError", message: /^[^\n]*hoodi[^\n]*$/ });
    const other = await open(t, simulatedNetwork(2), fixedDateClock(NOW));
    const refusal = { name: "UserError", message: /^[^\n]*simulated-1[^\n]*simulated-2[^\n]*$/ };
    await t.throwsAsync(other.query("SELECT 1"), refusal);
    await t.throwsAsync(other.load(await lakes.open(t, "simulated-2"), []), refusal);
    await t.notThrowsAsync(warehouse.load(lake, []));
  });
}

const mainnet = findNetwork("mainnet", 1) ?? simulatedNetwork(1);

/** Covers slots, each with a row if its number is even. */
async function putSlots(
  lake: Lake,
  network_: Network,
  dataset: DatasetName,
  relay: string,
  slots: ReadonlySet<number>,
): Promise<void> {
  const chunks = new Map<number, Map<number, RelayRow[]>>();
  for (const slot of slots) {
    const { first } = chunkOf(dataset, relay, slot);
    const rows = chunks.get(first) ?? new Map<number, RelayRow[]>();
    chunks.set(first, rows.set(slot, slot % 2 === 0 ? [rowOf(slot, 1)] : []));
  }
  for (const rows of chunks.values()) {
    const suspect = [...rows.keys()].filter((slot) => slot % 5 === 0);
    await put(lake, network_, dataset, relay, { rows, suspect });
  }
}

/** Coverage as the design defines it, counted slot by slot. */
function expectedCoverage(
  network_: Network,
  relays: readonly Relay[],
  held: ReadonlyMap<string, ReadonlySet<number>>,
  horizonOf: (dataset: DatasetName, relay: number) => number,
  nowMs: number,
): DayCoverage[] {
  const days = new Map<string, DayCoverage>();
  for (const dataset of Object.keys(datasets) as DatasetName[]) {
    for (const [index, relay] of relays.entries()) {
      if (!serves(relay, dataset)) continue;
      const first = Math.max(network_.floor, relay.activeFrom ?? 0, relay.collectFrom ?? 0);
      const last = Math.min(
        relay.activeTo ?? Infinity,
        Math.floor((nowMs / 1000 - network_.genesis) / 12) - 50,
      );
      for (let slot = first; slot <= last; slot++) {
        const day = new Date(slotStartMs(network_, slot)).toISOString().slice(0, 10);
        const key = [dataset, relay.name, day].join(" ");
        const none = { slots: 0, covered: 0, missing: 0, unavailable: 0, suspect: 0 };
        const before = days.get(key) ?? { dataset, relay: relay.name, day, ...none };
        const covered = held.get(`${dataset} ${relay.name}`)?.has(slot) === true;
        const gone = !covered && slot < horizonOf(dataset, index);
        days.set(key, {
          ...before,
          slots: before.slots + 1,
          covered: before.covered + Number(covered),
          missing: before.missing + Number(!covered && !gone),
          unavailable: before.unavailable + Number(gone),
          suspect: before.suspect + Number(covered && slot % 5 === 0),
        });
      }
    }
  }
  return [...days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, day]) => day);
}
