import type { Log } from "../log.ts";
import { printable } from "../errors.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import { type Queried, rowsOfEach } from "../warehouse/sql/rowsOfEach.ts";
import type { Check, CheckResult, Checking } from "./check.ts";
import { duplicates } from "./duplicates.ts";
import { goneQuiet } from "./goneQuiet.ts";
import { lateRows } from "./lateRows.ts";
import { notOnChain } from "./notOnChain.ts";
import { pageBorder } from "./pageBorder.ts";
import { rereadsDiffer } from "./rereadsDiffer.ts";
import { retention } from "./retention.ts";
import { samePayload } from "./samePayload.ts";
import { sourcesDisagree } from "./sourcesDisagree.ts";
import { staleEmpty } from "./staleEmpty.ts";
import { timestamps } from "./timestamps.ts";
import { truncated } from "./truncated.ts";
import { twinRelays } from "./twinRelays.ts";
import { typeDrift } from "./typeDrift.ts";
import { unequalShares } from "./unequalShares.ts";
import { changedAfterwards } from "./changedAfterwards.ts";
import { misattributed } from "./misattributed.ts";
import { overclaimed } from "./overclaimed.ts";
import { unlistedRelay } from "./unlistedRelay.ts";
import { untestable } from "./untestable.ts";
import { unprovenEmpty } from "./unprovenEmpty.ts";

/** The detectors, by their number. */
export const checks: readonly Check[] = [
  lateRows,
  truncated,
  staleEmpty,
  pageBorder,
  notOnChain,
  unlistedRelay,
  overclaimed,
  untestable,
  samePayload,
  twinRelays,
  changedAfterwards,
  timestamps,
  retention,
  duplicates,
  typeDrift,
  unequalShares,
  misattributed,
  goneQuiet,
  unprovenEmpty,
  rereadsDiffer,
  sourcesDisagree,
];

/** Runs every detector over what is loaded. */
export async function runChecks(
  warehouse: Queried,
  d: SqlDialect,
  checking: Checking,
): Promise<CheckResult[]> {
  const answers = await Promise.all(
    checks.map((check) => rowsOfEach(warehouse, check.statements(d, checking.scope))),
  );
  return checks.map((check, index) => ({ check, ...check.judge(answers[index] ?? {}, checking) }));
}

/** One log line a finding, `check` with its number and severity: what alerts are made of. */
export function logFindings(log: Log, network: string, results: readonly CheckResult[]): void {
  for (const { check, findings } of results) {
    for (const { severity, relay, what } of findings) {
      const fields = {
        check: check.number,
        name: check.name,
        severity,
        network,
        relay,
        what: printable(what, 500),
      };
      if (severity === "error") log.error(fields, "check");
      else log.warn(fields, "check");
    }
  }
}
