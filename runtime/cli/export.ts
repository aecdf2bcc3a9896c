import { contextOf, rangeOf } from "./context.ts";
import { openWarehouse } from "./load.ts";
import type { CommonOptions } from "./options.ts";

/** `export`: Parquet files of the complete days (`--partial`: of all days). */
export async function exportCommand(
  options: CommonOptions & { out: string; partial: boolean },
): Promise<number> {
  const context = contextOf(options);
  const range = rangeOf(options, context);
  const warehouse = await openWarehouse(options, context);
  try {
    const { files, incomplete } = await warehouse.export(options.out, {
      datasets: context.datasets,
      partial: options.partial,
      ...(options.relay.length > 0 ? { relays: options.relay } : {}),
      ...(range ? { slots: range } : {}),
    });
    if (options.json) process.stdout.write(`${JSON.stringify({ files, incomplete })}\n`);
    else {
      for (const { path, rows } of files) process.stdout.write(`${path}: ${rows} rows\n`);
      for (const { dataset, day, missing } of incomplete) {
        process.stdout.write(
          `${dataset} of ${day} left out: ${missing} slots missing or to come (--partial writes it)\n`,
        );
      }
      if (files.length + incomplete.length === 0)
        process.stdout.write(`${warehouse.url} holds no rows to export; run collects\n`);
    }
    return 0;
  } finally {
    await warehouse.close();
  }
}
