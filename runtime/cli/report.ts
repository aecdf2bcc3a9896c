import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { CheckResult } from "../checks/check.ts";
import { UserError, messageOf, printable } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import type { BuilderNames } from "../report/names.ts";
import type { Report } from "../report/report.ts";
import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import type { Scope } from "../warehouse/sql/scope.ts";
import { textIn } from "../warehouse/sql/values.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { type Context, contextOf, lakeToRead, tellRange } from "./context.ts";
import { openWarehouse } from "./load.ts";
import { loadedScope, scopeOf, wholeScope } from "./loadedScope.ts";
import type { CommonOptions } from "./options.ts";
import { type RangeOptions, namesRange } from "./range.ts";
import { knownRelays } from "./relays.ts";

type ReportOptions = CommonOptions & {
  readonly out?: string;
  readonly builders?: string;
  /** The slot whose auction is the page, in place of a range. */
  readonly slot?: number;
};

/** `report`: one page of plots over what is loaded. With `--json` its numbers, and a page only where `--out` names one. */
export async function reportCommand(given: ReportOptions): Promise<number> {
  const { slot } = given;
  const options = slot === undefined ? given : { ...given, slots: { first: slot, last: slot } };
  const context = contextOf(options);
  const lake = await lakeToRead(options, context.network);
  const warehouse = await openWarehouse(options, context);
  try {
    const scope = await loadedScope(options, context, warehouse);
    tellRange(options, context, scope.range);
    const report =
      slot === undefined
        ? await reportOn(options, context, warehouse, lake, scope)
        : await auctionOf(options, context, warehouse, scope);
    const part = slot === undefined ? partOf(options, scope) : `-slot-${slot}`;
    const out = options.out ?? (options.json ? undefined : reportPath(warehouse, context, part));
    if (out !== undefined) await writePage(out, report.html);
    if (options.json) process.stdout.write(`${JSON.stringify(report.numbers, null, 1)}\n`);
    else context.print(`report: ${out}\n`);
    return 0;
  } finally {
    await warehouse.close();
  }
}

/**
 * The page that a run ends with: over all that is loaded, but in BigQuery, which bills what is read, over what the run asked for.
 * A report that fails doesn't fail the run: it costs one line. Returns where the page is, or undefined.
 */
export async function reportOfRun(
  options: CommonOptions,
  context: Context,
  lake: Lake,
  range: Scope["range"],
): Promise<string | undefined> {
  try {
    const warehouse = await openWarehouse(options, context);
    try {
      const isBilled = warehouse.url.startsWith("bigquery://");
      const scope = isBilled
        ? scopeOf(options, context, range)
        : await loadedOrAsked(options, context, warehouse);
      const { html } = await reportOn(options, context, warehouse, lake, scope);
      const out = reportPath(warehouse, context, isBilled ? partOf({ slots: range }, scope) : "");
      await writePage(out, html);
      return out;
    } finally {
      await warehouse.close();
    }
  } catch (error) {
    context.say(
      `no report was written: ${printable(messageOf(error), 500)}; what was collected is not touched`,
    );
    return undefined;
  }
}

/** All that is loaded. Where a run asked some relays alone, the others count as far as anything of them is loaded. */
async function loadedOrAsked(options: CommonOptions, context: Context, warehouse: Warehouse): Promise<Scope> {
  const whole = await wholeScope(context, warehouse);
  if (options.relay.length === 0) return whole;
  const loaded = await warehouse.query("SELECT DISTINCT relay FROM loads");
  const { relays: asked = [] } = scopeOf(options, context, whole.range);
  return {
    ...whole,
    relays: [...new Set([...asked, ...loaded.map((row) => textIn(row, "relay"))])].toSorted(),
  };
}

async function reportOn(
  options: ReportOptions,
  context: Context,
  warehouse: Warehouse,
  lake: Lake,
  scope: Scope,
): Promise<Report> {
  const [{ makeReport }, { runChecks }, names] = await Promise.all([
    import("../report/report.ts"),
    import("../checks/checks.ts"),
    namesOf(options, context),
  ]);
  const relays = await knownRelays({ ...options, relay: [], quiet: true }, context, lake);
  const d = sqlDialectOf(warehouse.url);
  const checks: CheckResult[] = await runChecks(warehouse, d, { scope, relays });
  return makeReport(warehouse, d, { scope, names, lake, checks });
}

async function auctionOf(
  options: ReportOptions,
  context: Context,
  warehouse: Warehouse,
  scope: Scope,
): Promise<Report> {
  const [{ makeSlotReport }, names] = await Promise.all([
    import("../report/auction/slotReport.ts"),
    namesOf(options, context),
  ]);
  return makeSlotReport(warehouse, sqlDialectOf(warehouse.url), { scope, names });
}

/** The names of builders that are built in, those of the simulated network, and those of `--builders`. */
async function namesOf(options: ReportOptions, { network }: Context): Promise<BuilderNames> {
  const { BuilderNames, readNames } = await import("../report/names.ts");
  const builtIn = BuilderNames.of(network.name);
  const known = network.simulated ? builtIn.with(await simulatedNames(options.seed)) : builtIn;
  return options.builders === undefined ? known : known.with(await readNames(options.builders));
}

async function simulatedNames(seed: number): Promise<ReadonlyMap<string, string>> {
  const { builderNames } = await import("../simulator/builders.ts");
  return builderNames(seed);
}

/** Beside the warehouse's file; for BigQuery, where a file of that network would be. */
function reportPath(warehouse: Warehouse, { network }: Context, part: string): string {
  const whole = warehouse.url.startsWith("bigquery://")
    ? `data/${network.name}`
    : warehouse.url.replace(/\.(?:duckdb|db)$/, "");
  return `${whole}${part}.html`;
}

/** What a page about a part of what is loaded has in its name, so that it never takes the place of the page about all. */
function partOf(options: RangeOptions, { range, relays = [] }: Scope): string {
  const slots = namesRange(options) ? [`${range.first}-${range.last}`] : [];
  return [...slots, ...relays].map((word) => `-${word}`).join("");
}

/** Writes the page whole or not at all. */
async function writePage(path: string, html: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeFile(temporary, html);
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  } catch (error) {
    throw new UserError(
      `the report can't be written to ${printable(path, 4096)}: ${messageOf(error)}; choose another --out`,
    );
  }
}
