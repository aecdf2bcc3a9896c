import type { LogEntry } from "../components/logMetrics.testing.ts";
import type { Log } from "../runtime/log.ts";
import { serviceLog } from "../runtime/log.ts";
import { LOG_LINES, type LineOf } from "../runtime/services/logLines.ts";

/** The services of a stack, each of one dataset. */
export const bothServices = ["bids", "payloads"] as const;
export type TickedService = (typeof bothServices)[number];

/** What the production stack's service makes of lines by its own log, as Cloud Logging then keeps them. */
export function logged(service: TickedService, minute: number, write: (log: Log) => void): LogEntry[] {
  const lines: string[] = [];
  write(serviceLog("info", { write: (line: string) => void lines.push(line) }));
  return lines.map((line) => {
    const { severity, ...jsonPayload } = JSON.parse(line) as { severity: string };
    return {
      minute,
      severity,
      resource: {
        type: "cloud_run_revision",
        labels: { location: "us-central1", service_name: `mev-boost-etl-${service}-production` },
      },
      jsonPayload,
    };
  });
}

const quiet = {
  relays: 2,
  relays_failed: 0,
  load_rows: 9000,
  load_slots: 64,
  load_objects: 2,
  load_bytes: 1e6,
  load_waiting: 0,
  load_failed: 0,
  faults: 0,
};

/** The lines of one tick of two relays, titan and flashbots; what is said of a relay is said of flashbots. */
export function oneTick(
  service: TickedService,
  minute: number,
  {
    relay = {},
    line = {},
    level = "info",
  }: {
    relay?: Partial<LineOf<"relay">>;
    line?: Partial<LineOf<"tick">>;
    level?: "info" | "error" | "warn";
  } = {},
): LogEntry[] {
  return logged(service, minute, (log) => {
    const well: LineOf<"relay"> = {
      dataset: service,
      relay: "titan",
      covered: 32,
      missing: 0,
      unproven: 0,
      awaiting: 0,
      rows: 5000,
      refused: 0,
      quarantined: 0,
      answers_kernel: 0,
      answers_fallback: 0,
      reread: 0,
      reread_differing: 0,
      reread_rows_gained: 0,
      lag_slots: 20,
    };
    if (line.outcome !== "failed") {
      log.info(well, LOG_LINES.relay.message);
      log.info({ ...well, relay: "flashbots", ...relay }, LOG_LINES.relay.message);
    }
    if (service === "payloads")
      log.info(
        { dataset: service, page: "day", outcome: "done", seconds: 20, bytes: 9e5 } satisfies LineOf<"page">,
        LOG_LINES.page.message,
      );
    log[level]({ dataset: service, outcome: "done", seconds: 12, ...quiet, ...line }, LOG_LINES.tick.message);
  });
}

/** Ticks every five minutes, none of them later than `to`. */
export function manyTicks(
  service: TickedService,
  from: number,
  to: number,
  options: Parameters<typeof oneTick>[2] = {},
): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let minute = from; minute <= to; minute += 5) entries.push(...oneTick(service, minute, options));
  return entries;
}
