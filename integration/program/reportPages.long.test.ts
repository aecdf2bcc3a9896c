import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { slotAt } from "../../runtime/chain/slots.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { serviceLog, silentLog } from "../../runtime/log.ts";
import { ReportPages } from "../../runtime/services/reportPages.ts";
import { bigqueryDialect } from "../../runtime/warehouse/sql/bigqueryDialect.ts";
import { REPORT_PAGES } from "../../runtime/settings/serviceSettings.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { TickClock, startService } from "./service.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SEED = 7;
const network = simulatedNetwork(SEED);
/** Two minutes into a UTC day. */
const MIDNIGHT = Date.UTC(2026, 10, 30, 0, 2);

/** A payloads service without relays over a lake in a folder, and what is in that lake's folder of pages. */
async function world(
  t: ExecutionContext,
  query: (real: Warehouse["query"]) => Warehouse["query"] = (real) => real,
) {
  const clock = new TickClock(MIDNIGHT);
  const folder = mkdtempSync(join(tmpdir(), "etl-pages-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const open = () => {
    const warehouse = openDuckDb(join(folder, "warehouse.duckdb"), network, { clock, log: silentLog });
    const real = warehouse.query.bind(warehouse);
    return Object.assign(warehouse, { query: query(real) });
  };
  const start = async (tickSeconds = 240) => {
    const settings = { reportPages: REPORT_PAGES, tickSeconds };
    const warehouse = open();
    const parts = { dataset: "payloads", seed: SEED, relays: [], lake, warehouse, clock, settings } as const;
    const service = await startService(parts);
    t.teardown(() => service.close());
    return service;
  };
  const pages = join(folder, "lake", "reports");
  return {
    clock,
    start,
    pages,
    written: () =>
      existsSync(pages)
        ? readdirSync(pages)
            .filter((name) => name.endsWith(".html"))
            .toSorted()
        : [],
    facts: (name: string) =>
      /<dt>Slots<\/dt><dd>(\d+)–(\d+)/
        .exec(readFileSync(join(pages, name), "utf8"))
        ?.slice(1)
        .map(Number),
  };
}

const outcomes = (service: Awaited<ReturnType<typeof startService>>) =>
  service
    .lines()
    .filter(({ message }) => message === "tick.page")
    .map(({ page, outcome, severity }) => `${String(severity)} ${String(page)} ${String(outcome)}`);

test("the first tick of a UTC day writes the pages of the last day and week up to an hour ago, and no other tick of that day does", async (t) => {
  const { clock, start, pages, written, facts } = await world(t);
  const service = await start();
  t.is((await service.tick()).status, 200);
  t.deepEqual(written(), ["2026-11-30-day.html", "2026-11-30-week.html", "day.html", "week.html"]);
  const last = slotAt(network, MIDNIGHT - HOUR);
  t.deepEqual(facts("day.html"), [last - 7199, last]);
  t.deepEqual(facts("week.html"), [last - 7 * 7200 + 1, last]);
  t.deepEqual(outcomes(service), ["INFO day done", "INFO week done"]);

  writeFileSync(join(pages, "day.html"), "untouched");
  for (const minutes of [5, 55, 120]) {
    clock.advance(minutes * MINUTE);
    t.is((await service.tick()).status, 200);
  }
  await service.close();
  // An instance that has just started knows by what is there.
  const next = await start();
  t.is((await next.tick()).status, 200);
  t.is(readFileSync(join(pages, "day.html"), "utf8"), "untouched");
  t.deepEqual(outcomes(next), []);

  clock.advance(22 * HOUR);
  t.is((await next.tick()).status, 200);
  t.deepEqual(outcomes(next), ["INFO day done", "INFO week done"]);
  t.true(written().includes("2026-12-01-day.html"));
  t.deepEqual(facts("day.html")?.[1], slotAt(network, clock.now() - HOUR));
});

test("a page that fails is a warning and no failed tick; it is tried again in the next hour, and not before", async (t) => {
  let failing = true;
  const { clock, start, written } = await world(t, (real) => async (sql) => {
    if (failing && sql.includes("FROM loads")) throw new Error("quota exceeded");
    return real(sql);
  });
  const service = await start();
  const reply = await service.tick();
  t.is(reply.status, 200);
  t.is(reply.body["outcome"], "done");
  t.deepEqual(outcomes(service), ["WARNING day failed", "WARNING week failed"]);
  t.true(
    service
      .lines()
      .some(({ message, fault }) => message === "tick.page" && /quota exceeded/.test(String(fault))),
  );
  t.deepEqual(written(), []);
  failing = false;
  clock.advance(30 * MINUTE);
  await service.tick();
  t.deepEqual(written(), []);
  clock.advance(30 * MINUTE);
  await service.tick();
  t.deepEqual(outcomes(service).slice(2), ["INFO day done", "INFO week done"]);
});

test("a page that goes on failing is tried after one hour, two and four: each try is billed", async (t) => {
  const { clock, start } = await world(t, (real) => async (sql) => {
    if (sql.includes("FROM loads")) throw new Error("quota exceeded");
    return real(sql);
  });
  const service = await start();
  const tried: number[] = [];
  for (let hour = 0; hour < 12; hour++) {
    const before = outcomes(service).length;
    await service.tick();
    if (outcomes(service).length > before) tried.push(hour);
    clock.advance(HOUR);
  }
  t.deepEqual(tried, [0, 1, 3, 7]);
});

test("a page has what is left of its tick: it is given up when that is over, and not begun with less than a minute", async (t) => {
  let asked = 0;
  let hanging: () => void = () => {};
  const begun = new Promise<void>((resolve) => (hanging = resolve));
  const { clock, start, written } = await world(t, (real) => async (sql) => {
    // Only pages ask for the ledger's view.
    if (!sql.includes("loads")) return real(sql);
    asked++;
    hanging();
    return new Promise(() => {});
  });
  const service = await start();
  const reply = service.tick();
  await begun;
  clock.advance(241_000);
  t.is((await reply).status, 200);
  const before = asked;
  t.deepEqual(outcomes(service), ["WARNING day failed"]);
  t.true(service.lines().some(({ fault }) => /time limit/.test(String(fault))));
  // What was given up asks nothing more, and the next page isn't begun.
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(asked, before);
  await service.close();
  const short = await start(59);
  t.is((await short.tick()).status, 200);
  t.deepEqual(outcomes(short), []);
  t.deepEqual(written(), []);
});

test("a place that answers after the time is up fails the page, and nothing else", async (t) => {
  const clock = new TickClock(MIDNIGHT);
  const lines: string[] = [];
  const stop = new AbortController();
  const pages = new ReportPages({
    pages: ["day"],
    store: {
      // The time is up while it is asked.
      head: async () => {
        clock.advance(240_000);
        await new Promise((resolve) => setImmediate(resolve));
        return undefined;
      },
      writeText: async () => t.fail(),
    },
    network,
    relays: [],
    lake: openFolderLake(join(tmpdir(), "etl-no-lake"), network.name),
    warehouse: {
      url: "bigquery://a-project/a_set",
      query: async () => Promise.reject(new Error("not to be asked")),
    },
    dialect: bigqueryDialect,
    clock,
  });
  const log = serviceLog("info", { write: (line: string) => void lines.push(line) });
  await pages.write({ log, stop: stop.signal, seconds: 240 });
  t.regex(lines.join(""), /"outcome":"failed".*the time limit of \d+ s was reached/);
});
