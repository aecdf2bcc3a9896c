import test from "ava";
import fc from "fast-check";
import { datasets } from "../../runtime/datasets/dataset.ts";
import { STACKS } from "../../stacks/stacks.testing.ts";
import { type PricedItem, prices } from "../../runtime/prices.ts";
import { pageReads } from "../../integration/queriesDoc.ts";
import type { Bill } from "./bill.ts";
import { monthlyBill, rowBytes } from "./cost.ts";
import { configOf, watchedBy } from "./costReport.ts";
import volumes from "./volumes.json" with { type: "json" };

const watched = watchedBy("production");
const committed = configOf("production");
const key = (name: string) => `mev-boost-etl:${name}`;
const bill = (more?: Readonly<Record<string, unknown>>, month = 1) =>
  monthlyBill(more ? configOf("production", more) : committed, month, watched);
const quantity = ({ lines }: Bill, item: PricedItem) =>
  lines.filter((line) => line.item === item).reduce((sum, line) => sum + line.quantity, 0);
const near = (a: number, b: number) => Math.abs(a - b) <= 0.01 * Math.max(Math.abs(a), Math.abs(b), 0.001);

test("every price has a source, and all of it a date", (t) => {
  for (const { usd, free, unit, source } of Object.values(prices)) {
    t.true(usd > 0 && free >= 0 && unit !== "");
    t.regex(source, /^cloud\.google\.com\/[a-z-]+(?:\/[a-z-]+)*\/pricing/);
  }
});

test("each line is what its arithmetic says, and a free share is taken once", (t) => {
  for (const stack of STACKS) {
    for (const month of [1, 7, 12]) {
      const { lines, total } = monthlyBill(
        configOf(stack, { [key("schedulerEnabled")]: true }),
        month,
        watchedBy(stack),
      );
      t.true(
        near(
          total,
          lines.reduce((sum, { usd }) => sum + usd, 0),
        ),
      );
      for (const { item, usd, arithmetic } of lines) {
        const [, amount = "", free = "0", price] =
          /(?:^|= )([\d.,]+) [^,=]+(?:, ([\d.,]+) free)?, at \$([\d.]+)$/.exec(arithmetic) ?? [];
        const number = (text: string) => Number(text.replaceAll(",", ""));
        t.is(Number(price), prices[item].usd, arithmetic);
        t.true(near((number(amount) - number(free)) * Number(price), usd) || usd < 0.05, arithmetic);
      }
      for (const item of new Set(lines.map((line) => line.item))) {
        const of = lines.filter((line) => line.item === item);
        const billed = Math.max(0, of.reduce((sum, line) => sum + line.quantity, 0) - prices[item].free);
        t.true(
          near(
            of.reduce((sum, { usd }) => sum + usd, 0),
            billed * prices[item].usd,
          ),
          item,
        );
      }
    }
  }
});

test("only what grows costs more later: lake and tables, in proportion to their age", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), (month) => {
      const [first, later] = [bill(), bill(undefined, month)];
      for (const [index, { what, quantity: before }] of first.lines.entries()) {
        const now = later.lines[index]?.quantity ?? 0;
        if (what === "lake: storage") t.true(near(now, before * (2 * month - 1)));
        else if (!what.startsWith("tables")) t.is(now, before, what);
      }
      const tables = (of: Bill) => quantity(of, "tableActive") + quantity(of, "tableLongTerm");
      t.true(near(tables(later), tables(first) * (2 * month - 1)));
    }),
  );
});

test("config decides: schedulers, address, size, schedule, rate and soft delete", (t) => {
  const is = (more: Readonly<Record<string, unknown>>, item: PricedItem, ratio: number) => {
    t.true(
      near(
        quantity(bill(Object.fromEntries(Object.entries(more).map(([k, v]) => [key(k), v]))), item),
        quantity(bill(), item) * ratio,
      ),
      item,
    );
  };
  for (const item of [
    "runCpu",
    "bucketStorage",
    "bucketWrites",
    "tableActive",
    "queries",
    "logs",
    "metrics",
    "natData",
  ] as const)
    is({ schedulerEnabled: false }, item, 0);
  for (const item of ["natHours", "natData", "natAddress"] as const) is({ egress: "shared" }, item, 0);
  is({ bidsSchedule: "*/10 * * * *", payloadsSchedule: "*/10 * * * *" }, "logs", 0.5);
  is({ bidsCpu: 4, payloadsCpu: 2, bidsMemory: "4Gi", payloadsMemory: "1Gi" }, "runCpu", 2);
  is({ bidsCpu: 4, payloadsCpu: 2, bidsMemory: "4Gi", payloadsMemory: "1Gi" }, "runMemory", 2);
  // A faster relay answers the same slots sooner, and a tick can't take longer than its deadline.
  const seconds = (more: Readonly<Record<string, unknown>>) =>
    quantity(bill(more), "runRequests") && quantity(bill(more), "runCpu");
  t.true(seconds({ [key("tickSeconds")]: 10 }) < seconds({}));
});

test("a page's bytes are those of its statements; a week is seven days of bids, and without pages nothing is read for them", async (t) => {
  const { pageBytesPerBid: bytesPerBid, pageTableReads: tableReads } = volumes.work;
  t.deepEqual({ bytesPerBid, tableReads }, await pageReads(), "write these into volumes.json");
  const of = (reportPages: readonly string[]) =>
    bill({ [key("reportPages")]: reportPages }).lines.find(({ what }) => what === "queries: pages")
      ?.quantity ?? NaN;
  t.is(of([]), 0);
  const least = (2 * tableReads * volumes.work.leastBytesPerTableRead * 365) / 12 / 2 ** 40;
  t.true(near(of(["day", "week"]) - least, 8 * (of(["day"]) - least / 2)));
});

test("publishing costs its run and what lies there, and nothing without the key", (t) => {
  const lines = (more: Readonly<Record<string, unknown>>, month = 1) =>
    bill(
      Object.fromEntries(Object.entries(more).map(([name, value]) => [key(name), value])),
      month,
    ).lines.filter(({ what }) => what.startsWith("publish"));
  t.deepEqual(lines({}), []);
  const publish = { prefix: "mev-boost" };
  const [cpu, memory, files] = lines({ publish });
  t.true(near(cpu?.quantity ?? NaN, (memory?.quantity ?? NaN) / 2), "2 CPUs and 4 GiB");
  t.true((files?.quantity ?? 0) > 0);
  t.true(near(lines({ publish }, 12)[2]?.quantity ?? NaN, (files?.quantity ?? NaN) * 23));
  t.true(lines({ publish, schedulerEnabled: false }).every(({ quantity: none }) => none === 0));
  // Bids are nearly all of it.
  const [less] = lines({ publish: { ...publish, datasets: ["payloads"] } });
  t.true((less?.quantity ?? NaN) < (cpu?.quantity ?? NaN) / 10);
  t.is(quantity(bill({ [key("publish")]: publish }), "schedulerJobs"), 3);
});

test("a row's logical bytes are those of its values", (t) => {
  // A row of bids as the warehouse has it: 0x hex of 32 bytes twice, of 48 twice, of 20; eleven numbers and times of 8.
  const texts = [volumes.bytes.relayName, 66, 66, 98, 98, 42].reduce((sum, length) => sum + 2 + length, 0);
  const others = datasets.bids.columns.filter(({ type }) => type === "INT64" || type === "TIMESTAMP").length;
  t.is(rowBytes(datasets.bids), texts + others * 8 + 16 + 1);
});
