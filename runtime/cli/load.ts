import { nameBuilders } from "../builders/nameBuilders.ts";
import type { SlotRange } from "../chain/slots.ts";
import { printable, UserError } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import type { Relay } from "../relays/relay.ts";
import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { canonicalOf, settleBy } from "./canonical.ts";
import { type Context, contextOf, lakeToRead, rangeOf, tellRange, warehousePath } from "./context.ts";
import { grouped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { knownRelays } from "./relays.ts";

/** What a load brought, for the commands that load on their way. */
export interface Loaded {
  readonly warehouse: string;
  readonly rows: number;
  readonly slots: number;
  readonly objects: number;
  readonly left: number;
  /** Slots that had been pruned from the lake. */
  readonly pruned: number;
  /** One line for every object that can't be loaded, and for a node that can't be asked. */
  readonly failed: readonly string[];
}

/** The warehouse that the options name. DuckDB and BigQuery's client are only imported here. Throws UserError. */
export async function openWarehouse(
  options: CommonOptions,
  { network, clock, log }: Context,
): Promise<Warehouse> {
  const path = warehousePath(options, network);
  if (path.startsWith("bigquery://")) {
    const { openBigQuery } = await import("../warehouse/bigquery/bigquery.ts");
    return openBigQuery(path, network, {
      clock,
      log,
      async exporter(source, out, what) {
        const { exportFromBigQuery } = await import("../warehouse/bigquery/bigqueryExport.ts");
        return exportFromBigQuery(source, out, what);
      },
      ...(options.create ? { create: {} } : {}),
    });
  }
  if (options.create)
    throw new UserError("--create makes tables in BigQuery; a DuckDB file is made by itself", {
      exitCode: 2,
    });
  const { openDuckDb } = await import("../warehouse/duckdb/duckdb.ts");
  return openDuckDb(path, network, { clock, log });
}

/** Brings the warehouse (of a range: the chunks that touch it) up to the lake, and settles what is known of the canonical chain. */
export async function loadInto(
  options: CommonOptions & { rebuild?: boolean },
  context: Context,
  lake: Lake,
  relays: readonly Relay[],
  range?: SlotRange,
): Promise<Loaded> {
  const canonical = await canonicalOf(options, context);
  const warehouse = await openWarehouse(options, context);
  try {
    const summary = await warehouse.load(lake, relays, {
      rebuild: options.rebuild ?? false,
      ...(range ? { ranges: [range] } : {}),
    });
    const { rows, slots, objects, left, pruned } = summary;
    const unloaded = summary.failed.map(({ error }) => printable(error, 500));
    const failed = [...unloaded, ...(await settleBy(canonical, warehouse, context))];
    await nameBuilders(warehouse, sqlDialectOf(warehouse.url), context.network, context.clock.now());
    return { warehouse: warehouse.url, rows, slots, objects, left, pruned, failed };
  } finally {
    await warehouse.close();
  }
}

/** `load`: brings the warehouse up to the lake. Exit 1 when an object can't be loaded. */
export async function load(options: CommonOptions & { rebuild: boolean }): Promise<number> {
  const context = contextOf(options);
  const lake = await lakeToRead(options, context.network, true);
  const range = rangeOf(options, context);
  if (range) tellRange(options, context, range);
  const loaded = await loadInto(
    options,
    context,
    lake,
    await knownRelays({ ...options, relay: [] }, context, lake),
    range,
  );
  if (options.json) process.stdout.write(`${JSON.stringify({ ...loaded, loaded_rows: loaded.rows })}\n`);
  else {
    const { rows, slots, objects, warehouse, left, pruned } = loaded;
    const { print } = context;
    print(
      `${grouped(rows)} rows of ${grouped(slots)} slots from ${grouped(objects)} objects of ${lake.url} loaded into ${warehouse}\n`,
    );
    if (pruned > 0)
      print(
        `${grouped(pruned)} slots were pruned from the lake before: their rows are in published files alone\n`,
      );
    if (left > 0) print(`${grouped(left)} objects changed meanwhile; the next load takes them\n`);
  }
  for (const line of loaded.failed) context.say(line);
  return loaded.failed.length > 0 ? 1 : 0;
}
