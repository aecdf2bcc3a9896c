import { type ExecutionContext } from "ava";
import { fixedDateClock } from "../chain/clock.ts";
import { slotAt, slotStartMs } from "../chain/slots.ts";
import { DATASET_NAMES, type DatasetName } from "../datasets/dataset.ts";
import { lakeNetwork } from "../lake/lake.testing.ts";
import { chunkOf, expectedTableRows, put, relayNamed, rowOf, tableRows } from "./warehouse.testing.ts";
import { sqlDialectOf } from "./sql/dialects.ts";
import { prunedDaysSql } from "./sql/prunable.ts";
import { keyedPayments, type RowValues } from "./keyedTables.ts";
import { CONTRACT_NOW, type ContractParts, startEmpty } from "./contractParts.testing.ts";

/** Registers what any warehouse promises of keyed tables, of what was read again, and of pruning. */
export function upkeepContract(parts: ContractParts): void {
  const { form, open, lakes, register } = parts;
  const start = (t: ExecutionContext) => startEmpty(t, parts);
  register(
    `${form}: rows are put into a keyed table in place of those with the same keys, exact to the wei`,
    async (t) => {
      const lake = await lakes.open(t, lakeNetwork.name);
      const warehouse = await open(t, lakeNetwork, fixedDateClock(CONTRACT_NOW));
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

  register(
    `${form}: table rereads is what the lake says of re-reading; a load of ranges takes their months and one more in turn`,
    async (t) => {
      const months = ["2023-11", "2023-12", "2024-01", "2024-02"];
      const inTurn = 1;
      const hour = Math.floor(CONTRACT_NOW / 3_600_000 / months.length) * months.length + inTurn;
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
}
