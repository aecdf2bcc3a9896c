import type { Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import { bids } from "../datasets/bids.ts";
import { serviceLog } from "../log.ts";
import { LOG_LINES } from "../services/logLines.ts";
import { grouped } from "./numbers.ts";
import { FOLLOW_INTERVAL_MS, type TickReport } from "./followTick.ts";

/** What is said before the first tick. */
export interface FollowStart {
  readonly network: Network;
  /** The range that was asked for. */
  readonly range: SlotRange;
  /** The newest slot that can be had, and that of the newest chunk of bids that is settled. */
  readonly settled: number;
  readonly takeable: number;
  /** Where metrics are served, where they are. */
  readonly url: string | undefined;
}

/** What `run --follow` says: where it begins, and a line a tick. */
export interface FollowLines {
  start(start: FollowStart): void;
  /** `nextMs`: when the next tick begins, Unix ms; undefined where none comes. */
  tick(report: TickReport, nextMs: number | undefined): void;
}

const timeOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** Where bids end by now, and why that isn't the newest settled slot. */
function roundingOf({ settled, takeable }: FollowStart): string {
  const behind = `bids are taken by whole chunks of ${bids.chunkSlots} slots: up to slot ${takeable} by now`;
  return settled === takeable
    ? behind
    : `${behind}, ${settled - takeable} short of the newest settled one (${settled}), which come when their chunk is settled`;
}

/** Lines for a person at a terminal by `print`; troubles go to `say`, one line each. */
export function linesForPeople(print: (line: string) => void, say: (line: string) => void): FollowLines {
  return {
    start(start) {
      const { network, range, settled, url } = start;
      print(
        `following ${network.name} from slot ${range.first} on, a tick every ${FOLLOW_INTERVAL_MS / 60_000} minutes`,
      );
      if (range.last < settled) print(`--follow has no end: it goes on past slot ${range.last}`);
      print(roundingOf(start));
      if (url !== undefined) print(`metrics at ${url}/metrics`);
    },
    tick(report, nextMs) {
      const { outcome, seconds, counts, relays, coverage, fault } = report;
      const sum = (key: "covered" | "rows") => relays.reduce((total, one) => total + one[key], 0);
      const inAll = (key: "missing" | "unproven") => coverage.reduce((total, one) => total + one[key], 0);
      const unproven = inAll("unproven") > 0 ? ` (${grouped(inAll("unproven"))} unproven)` : "";
      const did =
        fault ??
        `${grouped(sum("covered"))} slots covered, ${grouped(sum("rows"))} rows, ` +
          `${grouped(counts.load_rows)} loaded; ${grouped(inAll("missing"))} slots missing${unproven}`;
      const next = nextMs === undefined ? "" : `; next tick at ${timeOf(nextMs)}`;
      const line = `tick ${outcome} in ${seconds.toFixed(1)} s: ${did}${next}`;
      if (fault === undefined) print(line);
      else say(line);
      for (const trouble of [...report.unanswered, ...report.faults]) say(trouble);
    },
  };
}

/** One JSON object a line on standard output, as the services log; `quiet` leaves those that tell of a fault. */
export function linesForPrograms(
  quiet: boolean,
  ...stream: [] | [{ write: (line: string) => void }]
): FollowLines {
  const log = serviceLog(quiet ? "warn" : "info", ...stream);
  return {
    start(start) {
      const { network, range, settled, takeable, url } = start;
      const fields = {
        network: network.name,
        first_slot: range.first,
        settled_slot: settled,
        last_slot: takeable,
        chunks: roundingOf(start),
        interval_seconds: FOLLOW_INTERVAL_MS / 1000,
        ...(range.last < settled ? { passes: range.last } : {}),
        ...(url === undefined ? {} : { url }),
      };
      log.info(fields, "following");
    },
    tick(report, nextMs) {
      const level =
        report.fault === undefined
          ? report.unanswered.length + report.faults.length > 0
            ? "warn"
            : "info"
          : "error";
      log[level](fieldsOf(report, nextMs), LOG_LINES.tick.message);
    },
  };
}

function fieldsOf(report: TickReport, nextMs: number | undefined): object {
  const { outcome, seconds, range, counts, relays, coverage, refused, freeBytes, fault } = report;
  const { unanswered, faults } = report;
  const byRelay = coverage.map(({ dataset, relay, covered, missing, unproven, suspect, rows }) => {
    const tick = relays.find((one) => one.relay === relay && one.dataset === dataset);
    const lag = tick ? { lag_slots: tick.lag_slots } : {};
    return { dataset, relay, covered, missing, unproven, suspect, rows, ...lag };
  });
  return {
    outcome,
    seconds,
    first_slot: range.first,
    last_slot: range.last,
    ...counts,
    refused: [...refused.values()].reduce((sum, count) => sum + count, 0),
    by_relay: byRelay,
    free_bytes: freeBytes,
    ...(fault === undefined ? {} : { fault }),
    ...(unanswered.length > 0 ? { unanswered } : {}),
    ...(faults.length > 0 ? { objects_at_fault: faults } : {}),
    next_tick: nextMs === undefined ? null : new Date(nextMs).toISOString(),
  };
}
