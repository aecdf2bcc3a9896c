import { join } from "node:path";
import test from "ava";
import { fillManyRows, manyRowsNetwork } from "../../bench/manyRows.ts";
import { fixedDateClock } from "../../runtime/chain/clock.ts";
import { slotStartMs } from "../../runtime/chain/slots.ts";
import { runChecks } from "../../runtime/checks/checks.ts";
import { silentLog } from "../../runtime/log.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { duckdbDialect } from "../../runtime/warehouse/sql/duckdbDialect.ts";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";
import { BuilderNames } from "../../runtime/report/names.ts";
import { makeReport } from "../../runtime/report/report.ts";

const DAY = 7200;
const MOST_MARKS = 3000;
const MOST_BYTES = 3_000_000;

/** The shapes of each plot, by its figure; those of one that is drawn in two widths stand apart. */
function marksOf(html: string): { figure: string; marks: number; ticks: string[][] }[] {
  return html.split("<figure id=").flatMap((part) => {
    const [, figure = ""] = /^"([^"]+)"/.exec(part) ?? [];
    return Array.from(part.split("</figure>")[0]?.matchAll(/<svg[^]*?<\/svg>/g) ?? [], ([svg]) => ({
      figure,
      marks: svg.match(/<(?:rect|circle|line|path)\b/g)?.length ?? 0,
      ticks: Array.from(svg.matchAll(/aria-label="[xy]-axis tick label"[^]*?<\/g>/g), ([axis]) =>
        Array.from(axis.matchAll(/<text[^>]*>([^<]+)</g), ([, label = ""]) => label),
      ),
    }));
  });
}

for (const { name, days, bidDays, every, least } of [
  { name: "13 minutes", days: 65 / DAY, bidDays: 65 / DAY, every: 1, least: 10 },
  { name: "30 days", days: 30, bidDays: 30, every: 10, least: 28 },
  { name: "a year of payloads and a month of bids", days: 365, bidDays: 30, every: 40, least: 25 },
])
  test(`a page of ${name} has bars enough to tell times apart, no plot of over ${MOST_MARKS} marks, no repeated or long tick, and at most 3 MB`, async (t) => {
    t.timeout(600_000);
    const path = join(await newFolder(t), "many.duckdb");
    const slots = Math.round(days * DAY);
    const bids = { bidSlots: Math.round(bidDays * DAY), bidsASlot: 8 };
    await fillManyRows(path, { relays: 10, slots, every, ...bids });
    const nowMs = slotStartMs(manyRowsNetwork, slots + 50);
    const clock = fixedDateClock(nowMs);
    const warehouse = openDuckDb(path, manyRowsNetwork, { clock, log: silentLog });
    t.teardown(() => warehouse.close());
    const scope = { network: manyRowsNetwork, range: { first: 1, last: slots - 1 }, nowMs };
    const checks = await runChecks(warehouse, duckdbDialect, { scope, relays: [] });
    const names = BuilderNames.of(manyRowsNetwork.name);
    const { html } = await makeReport(warehouse, duckdbDialect, { scope, names, checks });

    t.true(Buffer.byteLength(html) <= MOST_BYTES, `${Buffer.byteLength(html)} bytes`);
    const plots = marksOf(html);
    t.true(plots.length > 30);
    for (const { figure, marks, ticks } of plots) {
      t.true(marks > 0 && marks <= MOST_MARKS, `${figure}: ${marks} marks`);
      for (const labels of ticks) {
        t.is(new Set(labels).size, labels.length, `${figure}: ${labels.join(" ")}`);
        // The margin of most plots holds six characters.
        const numbers = labels.filter((label) => /^[\d.,]+( [kMG%])?$/.test(label));
        t.true(
          numbers.every((label) => label.length <= 6),
          `${figure}: ${labels.join(" ")}`,
        );
      }
    }
    // Bars of ten relays, in both widths.
    const delivered = plots.find(({ figure }) => figure === "payloads-relays");
    t.true((delivered?.marks ?? 0) >= 10 * least, `${delivered?.marks} bars`);
  });
