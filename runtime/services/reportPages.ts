import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { type SlotRange, intersect, slotAt } from "../chain/slots.ts";
import { withTimeLimit } from "../chain/timeLimit.ts";
import { messageOf } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import type { ObjectStore } from "../lake/store.ts";
import type { ServiceLog } from "../log.ts";
import type { Relay } from "../relays/relay.ts";
import { REPORT_DAYS, type ReportPage } from "../settings/serviceSettings.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import type { Queried } from "../warehouse/sql/rowsOfEach.ts";
import { LOG_LINES, type LineOf } from "./logLines.ts";
import { said } from "./tickLines.ts";

export interface ReportPagesOptions {
  /** What is written. */
  readonly pages: readonly ReportPage[];
  /** Where it is written: the root of the lake. */
  readonly store: Pick<ObjectStore, "head" | "writeText">;
  readonly network: Network;
  readonly relays: readonly Relay[];
  readonly lake: Lake;
  readonly warehouse: Queried;
  readonly dialect: SqlDialect;
  readonly clock: Clock;
}

/** What is left of a tick for its pages. */
export interface PageTime {
  readonly log: ServiceLog;
  readonly stop: AbortSignal;
  readonly seconds: number;
}

const HOUR_MS = 3_600_000;
const SLOTS_PER_DAY = 7200;
/** A page isn't begun with less time: its questions would be asked, billed and thrown away. */
const LEAST_SECONDS = 60;

/**
 * The pages of plots that a service keeps in the lake's folder `reports`: `day.html` and `week.html`, written anew once in each UTC day.
 * The copy that carries the day's date says that it is done, so an instance that has just started knows too; what failed is tried
 * again in the next hour, then after two, four and so on: each try asks, and is billed for, all that the page reads. A page that fails
 * costs a line of the log, never its tick.
 */
export class ReportPages {
  readonly #options: ReportPagesOptions;
  /** Hours since 1970: before this one nothing is looked at. */
  #nextHour = 0;
  /** Tries that failed since the last one that didn't. */
  #failed = 0;

  constructor(options: ReportPagesOptions) {
    this.#options = options;
  }

  /** Writes what of today's pages isn't there. Never throws. */
  async write({ log, stop, seconds }: PageTime): Promise<void> {
    const { clock, pages } = this.#options;
    const hour = Math.floor(clock.now() / HOUR_MS);
    if (hour < this.#nextHour || seconds < LEAST_SECONDS) return;
    this.#nextHour = hour + 1;
    const end = clock.monotonic() + seconds * 1000;
    let hasFailed = false;
    for (const page of pages) {
      const left = Math.floor((end - clock.monotonic()) / 1000);
      if (left < LEAST_SECONDS || stop.aborted) break;
      if (!(await this.#page(page, { log, stop, seconds: left }))) hasFailed = true;
    }
    if (hasFailed) this.#nextHour = hour + 2 ** this.#failed;
    this.#failed = hasFailed ? this.#failed + 1 : 0;
  }

  /** False where it failed. */
  async #page(page: ReportPage, { log, stop, seconds }: PageTime): Promise<boolean> {
    const { clock, store } = this.#options;
    const started = clock.monotonic();
    const time = withTimeLimit(stop, clock, seconds);
    const line = (outcome: string, bytes: number): LineOf<"page"> => {
      const took = Math.round(clock.monotonic() - started) / 1000;
      return { dataset: "payloads", page, outcome, seconds: took, bytes };
    };
    try {
      const dated = `reports/${new Date(clock.now()).toISOString().slice(0, 10)}-${page}.html`;
      if (await store.head(dated)) return true;
      const html = await untilStopped(this.#html(page, time.stop), time.stop);
      if (html === undefined) return true;
      for (const name of [`reports/${page}.html`, dated])
        await store.writeText(name, html, "text/html; charset=utf-8");
      log.info(line("done", Buffer.byteLength(html)), LOG_LINES.page.message);
      return true;
    } catch (error) {
      if (stop.aborted) return true;
      log.warn({ ...line("failed", 0), fault: said(messageOf(error), 500) }, LOG_LINES.page.message);
      return false;
    } finally {
      await time.end();
    }
  }

  /** The page over its days up to an hour ago, of which all should be there; undefined before the network has any. */
  async #html(page: ReportPage, stop: AbortSignal): Promise<string | undefined> {
    const { network, relays, lake, warehouse, dialect, clock } = this.#options;
    const range = shown(network, page, clock.now());
    if (!range) return undefined;
    // Drawing is loaded where a page is due: the service is smaller without it.
    const [{ makeReport }, { runChecks }, { BuilderNames }] = await Promise.all([
      import("../report/report.ts"),
      import("../checks/checks.ts"),
      import("../report/names.ts"),
    ]);
    const asked: Queried = {
      url: warehouse.url,
      query: async (sql) => {
        stop.throwIfAborted();
        return warehouse.query(sql);
      },
    };
    const scope = { network, range, nowMs: clock.now() };
    const checks = await runChecks(asked, dialect, { scope, relays });
    const names = BuilderNames.of(network.name);
    return (await makeReport(asked, dialect, { scope, names, lake, checks })).html;
  }
}

function shown(network: Network, page: ReportPage, nowMs: number): SlotRange | undefined {
  const last = slotAt(network, nowMs - HOUR_MS);
  const first = last - REPORT_DAYS[page] * SLOTS_PER_DAY + 1;
  return intersect({ first, last }, { first: network.floor, last });
}

/** What a work gives, or the reason of a signal: what is under way then ends unheard. */
async function untilStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // Heard first: a work that fails unheard would end the process.
    work.then(resolve, reject);
    if (stop.aborted) reject(stop.reason as Error);
    stop.addEventListener("abort", () => reject(stop.reason as Error), { once: true });
  });
}
