import type { SlotRange } from "../chain/slots.ts";
import { type Context, contextOf, rangeOf, tellRange, warehousePath } from "./context.ts";
import { UserError, printable } from "../errors.ts";
import { openWarehouse } from "./load.ts";
import { COMMAND } from "./invoked.ts";
import { grouped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";

/** `export`: Parquet files of the complete days (`--partial`: of all days). */
export async function exportCommand(
  options: CommonOptions & { out?: string; partial: boolean; format: string },
): Promise<number> {
  const context = contextOf(options);
  const { out, format } = options;
  const range = rangeOf(options, context);
  if (format !== "parquet") throw notParquet(format, options, context, range);
  if (out === undefined) throw new UserError("say where the files go: export --out FOLDER", { exitCode: 2 });
  const { print } = context;
  const warehouse = await openWarehouse(options, context);
  try {
    if (range) tellRange(options, context, range);
    const { files, incomplete, pruned } = await warehouse.export(out, {
      datasets: context.datasets,
      partial: options.partial,
      ...(options.relay.length > 0
        ? { relays: options.relay.map((spec) => spec.split("=")[0] ?? spec) }
        : {}),
      ...(range ? { slots: range } : {}),
    });
    if (options.json) process.stdout.write(`${JSON.stringify({ files, incomplete, pruned })}\n`);
    else {
      for (const { path, rows } of files) print(`${path}: ${grouped(rows)} rows\n`);
      for (const { dataset, day, missing } of incomplete) {
        print(
          `${dataset} of ${day} left out: ${grouped(missing)} slots missing or to come (--partial writes it)\n`,
        );
      }
      for (const { dataset, day, slots } of pruned)
        print(
          `${dataset} of ${day} left out: pruned; ${COMMAND} load --rebuild --slots ${slots.first}-${slots.last} restores it\n`,
        );
      if (files.length + incomplete.length + pruned.length === 0)
        print(`${warehouse.url} holds no rows to export; ${COMMAND} run collects\n`);
    }
    return 0;
  } finally {
    await warehouse.close();
  }
}

/** Says how another form than Parquet is made: CSV by one line of DuckDB, from the file itself or from what was exported. */
function notParquet(
  format: string,
  options: CommonOptions,
  { network }: Context,
  range: SlotRange | undefined,
): UserError {
  const path = warehousePath(options, network);
  const table = options.dataset?.[0] ?? "bids";
  const isFile = !path.includes("://");
  const from = isFile ? table : `'FOLDER/${network.name}/${table}/*.parquet'`;
  const where = range ? ` WHERE slot BETWEEN ${range.first} AND ${range.last}` : "";
  const line = `duckdb ${isFile ? `${path} ` : ""}"COPY (FROM ${from}${where}) TO '${table}.csv'"`;
  return new UserError(
    `--format ${printable(format, 20)}: export writes Parquet; a CSV is made by ${isFile ? "" : "export --out FOLDER, then "}${line}`,
    { exitCode: 2 },
  );
}
