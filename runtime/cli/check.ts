import type { CheckResult } from "../checks/check.ts";
import { printable } from "../errors.ts";
import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import { contextOf, lakeToRead, tellRange } from "./context.ts";
import { terminalColumns } from "./numbers.ts";
import { tableText } from "./tables.ts";
import { openWarehouse } from "./load.ts";
import { loadedScope } from "./loadedScope.ts";
import type { CommonOptions } from "./options.ts";
import { knownRelays } from "./relays.ts";

/** `check`: the data-quality detectors over what is loaded. Exit 3 when one of them finds an error. */
export async function checkCommand(options: CommonOptions): Promise<number> {
  const context = contextOf(options);
  const { network, log, print } = context;
  const { logFindings, runChecks } = await import("../checks/checks.ts");
  const lake = await lakeToRead(options, network);
  const warehouse = await openWarehouse(options, context);
  try {
    const scope = await loadedScope(options, context, warehouse);
    tellRange(options, context, scope.range);
    const relays = await knownRelays({ ...options, relay: [] }, context, lake);
    const results = await runChecks(warehouse, sqlDialectOf(warehouse.url), { scope, relays });
    logFindings(log, network.name, results);
    if (options.json) process.stdout.write(`${JSON.stringify(results.map(inJson), null, 1)}\n`);
    else {
      print(`warehouse: ${warehouse.url}\n\n${checkTable(results, terminalColumns(process.stdout))}\n`);
      for (const line of findingLines(results)) print(`${line}\n`);
    }
    return results.some(({ findings }) => findings.some(({ severity }) => severity === "error")) ? 3 : 0;
  } finally {
    await warehouse.close();
  }
}

function inJson({ check, measured, findings }: CheckResult): object {
  const { number, name, title, advice } = check;
  return { check: number, name, title, state: stateOf(findings), measured, findings, advice };
}

function stateOf(findings: CheckResult["findings"]): string {
  if (findings.length === 0) return "ok";
  return findings.some(({ severity }) => severity === "error") ? "error" : "warning";
}

/** Columns of what was measured: in 80 columns, and at most. */
const [MEASURED, LONGEST_MEASURED] = [49, 110];

/** The checks in so many columns. */
export function checkTable(results: readonly CheckResult[], columns: number): string {
  const rows = results.map(({ check, measured, findings }) => [
    String(check.number),
    check.name,
    stateOf(findings),
    printable(measured, 500),
  ]);
  return tableText(["no.", "check", "state", "measured"], rows, {
    gap: "  ",
    left: [1, 2, 3],
    widths: [3, 15, 7, Math.max(MEASURED, Math.min(LONGEST_MEASURED, columns - 31))],
  });
}

function findingLines(results: readonly CheckResult[]): string[] {
  return results.flatMap(({ check, findings }) => {
    if (findings.length === 0) return [];
    const lines = findings.map(({ severity, relay, what }) =>
      printable(`  ${severity}: ${relay === null ? "" : `${relay}: `}${what}`, 500),
    );
    return ["", `${check.number} ${check.title}`, ...lines, `  what to do: ${check.advice}`];
  });
}
