import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fillManyRows } from "./manyRows.ts";

/** A day. */
const SLOTS = 7_200;

/**
 * The time (s) of a report with its checks over a day of 10 million bids, then of view slots of that day, in a process of its own, and
 * that process's peak memory (MB).
 * The medians of some rounds.
 */
export async function benchReport(rounds = 3): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-report-"));
  try {
    const path = join(folder, "warehouse.duckdb");
    const bids = { bidSlots: SLOTS, bidsASlot: 139 };
    await fillManyRows(path, { relays: 10, slots: SLOTS, every: 1, ...bids });
    const told: { s: number; checks_s: number; slots_s: number; mb: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const child = fork(join(import.meta.dirname, "reportChild.ts"), [path, String(SLOTS)], {
        execArgv: ["--import=tsx"],
      });
      const [message]: unknown[] = await once(child, "message");
      told.push(message as (typeof told)[number]);
    }
    const median = (figure: (one: (typeof told)[number]) => number) =>
      told.map(figure).toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
    return {
      report_10m_s: median(({ s }) => s),
      report_10m_checks_s: median(({ checks_s }) => checks_s),
      slots_day_10m_s: median(({ slots_s }) => slots_s),
      report_10m_peak_rss_mb: median(({ mb }) => mb),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
