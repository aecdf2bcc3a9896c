import test from "ava";
import type { LogEntry } from "../../components/logMetrics.testing.ts";
import { BACKLOAD_LINES } from "../../runtime/backload/logLines.ts";
import { serviceLog } from "../../runtime/log.ts";
import { EXAMPLE_BACKLOAD, runStack } from "../../stacks/golden.ts";
import { type RuleCase, testRules } from "../promtool.ts";
import { rulesOf } from "./alertRuleFile.ts";

const { registered } = await runStack("production", { "mev-boost-etl:backload": EXAMPLE_BACKLOAD });
const { rules, series } = rulesOf(registered);

const NOW = 150;

/** A worker's line as Cloud Logging keeps it. */
function said(minutesAgo: number, message: string, fields: object): LogEntry {
  const lines: string[] = [];
  serviceLog("info", { write: (line: string) => void lines.push(line) }).info(fields, message);
  const { severity, ...jsonPayload } = JSON.parse(lines[0] ?? "{}") as { severity: string };
  const labels = { cluster_name: "mev-boost-etl-production", namespace_name: "mev-boost-etl-production" };
  return { minute: NOW - minutesAgo, severity, resource: { type: "k8s_container", labels }, jsonPayload };
}

/** The minutes ago at which an alert is looked at, and those of them at which it fires. */
interface Looked {
  readonly alert: string;
  readonly at: readonly number[];
  readonly fires: readonly number[];
  readonly ends?: boolean;
}

function seen(
  name: string,
  lines: readonly LogEntry[],
  { alert, at, fires, ends = false }: Looked,
): RuleCase {
  const expected = at.map((minutesAgo) => ({
    minute: NOW - minutesAgo,
    alert,
    firing: fires.includes(minutesAgo) ? [{ alertname: alert }] : [],
  }));
  return { name, series: series(lines, { minutes: NOW, ends }), expected };
}

test("a shard that failed for good wakes someone, one that is to be tried again or is done doesn't", async (t) => {
  const alert = "backload-alerts-failed";
  const end = (outcome: string) => [said(5, BACKLOAD_LINES.end.message, { shard: 3, outcome, exit_code: 1 })];
  const [woken, calm] = [
    { alert, at: [6, 5, 0], fires: [5, 0] },
    { alert, at: [6, 5, 0], fires: [] },
  ];
  const cases = [
    seen("bad input", end("bad-input"), woken),
    seen("failed", end("failed"), woken),
    seen("retry", end("retry"), calm),
    seen("done", end("done"), calm),
    seen("nothing", [], calm),
  ];
  t.is(await testRules(rules(alert), cases), "");
});

test("workers that get nothing for an hour wake someone; working ones, none at all and those that have ended don't", async (t) => {
  const alert = "backload-alerts-no-progress";
  const settledEveryMinute = (settled: number, until = 0) =>
    Array.from({ length: 61 - until }, (_, minute) =>
      said(minute + until, BACKLOAD_LINES.relay.message, { relay: "titan", settled }),
    );
  const one = said(30, BACKLOAD_LINES.relay.message, { relay: "aestus", settled: 1 });
  const calm = { alert, at: [0], fires: [] };
  const cases = [
    // The first lines say 0, since nothing was read before them.
    seen("nothing settled", settledEveryMinute(0), { alert, at: [60, 59, 30, 1, 0], fires: [0] }),
    seen("two a minute", settledEveryMinute(2), calm),
    seen("one of another relay", [...settledEveryMinute(0), one], calm),
    seen("no workers", [], calm),
    seen("workers that ended", settledEveryMinute(0, 20), { ...calm, ends: true }),
  ];
  t.is(await testRules(rules(alert), cases), "");
});
