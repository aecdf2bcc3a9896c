import type { DuckDBConnection } from "@duckdb/node-api";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { integerOf, textOf } from "../cells.ts";
import { MAX_SLOT, type Network } from "../../chain/networks.ts";
import { type Column } from "../../datasets/definition.ts";
import { type DatasetName, datasets } from "../../datasets/dataset.ts";
import { quotedName, quotedText } from "../../datasets/schema.ts";
import { rowTables } from "../../datasets/tables.ts";
import { codeOf, printable, UserError } from "../../errors.ts";
import { rowsOf } from "./duckdbCells.ts";
import { intersect, type SlotRange, slotsOfDay } from "../../chain/slots.ts";
import { prunedDaysSql } from "../sql/prunable.ts";
import { duckdbDialect } from "../sql/duckdbDialect.ts";
import { firstSlotOfDaySql } from "../sql/views.ts";
import { settledNow } from "./duckdbViews.ts";
import type { ExportOptions, ExportSummary } from "../warehouse.ts";

interface Day {
  /** UTC, YYYY-MM-DD. */
  readonly name: string;
  /** Slots of active relays that are missing. */
  readonly missing: number;
  /** True when every slot of the day is settled and asked for. */
  readonly whole: boolean;
}

/**
 * Writes a Parquet file a day and dataset. A day is complete when its last slot is settled and no active relay misses a
 * slot of it; one that was pruned is left out. Times are UTC instants, `value` is DECIMAL(38,0), rows lie in the table's order. `bring`
 * puts a day's rows into the table where they aren't there. Throws UserError.
 */
export async function exportDays(
  connection: DuckDBConnection,
  network: Network,
  out: string,
  options: ExportOptions,
  bring?: (dataset: DatasetName, day: string) => Promise<void>,
): Promise<ExportSummary> {
  const files: { path: string; rows: number; complete: boolean }[] = [];
  const pruned: { dataset: DatasetName; day: string; slots: SlotRange }[] = [];
  const incomplete: { dataset: DatasetName; day: string; missing: number }[] = [];
  for (const dataset of options.datasets) {
    for (const day of await daysOf(connection, network, dataset, options)) {
      const { name, missing } = day;
      const complete = missing === 0 && day.whole;
      if (!complete && !options.partial) {
        incomplete.push({ dataset, day: name, missing });
        continue;
      }
      await bring?.(dataset, name);
      const slots = await prunedSlots(connection, network, dataset, day, options);
      if (slots) {
        pruned.push({ dataset, day: name, slots });
        continue;
      }
      const folder = join(out, network.name, dataset);
      const partial = join(folder, `${name}.partial.parquet`);
      const path = complete ? join(folder, `${name}.parquet`) : partial;
      const rows = await writing(path, () =>
        writeDay(connection, dataset, day, { network, path, ...options }),
      );
      if (complete) await rm(partial, { force: true });
      files.push({ path, rows, complete });
    }
  }
  return { files, incomplete, pruned };
}

/** The slots of a day if rows of it have been pruned: a file of what is left would pass for the day. */
async function prunedSlots(
  connection: DuckDBConnection,
  network: Network,
  dataset: DatasetName,
  { name }: Day,
  { relays, slots }: ExportOptions,
): Promise<SlotRange | undefined> {
  const day = slotsOfDay(network, Date.parse(name) / 86_400_000);
  const range = slots ? intersect(day, slots) : day;
  if (!range) return undefined;
  const scope = { network, range, nowMs: 0, ...(relays ? { relays } : {}) };
  const found = await rowsOf(connection, prunedDaysSql(duckdbDialect, dataset, scope));
  return found.length > 0 ? day : undefined;
}

/** The days of which anything is covered, oldest first. */
async function daysOf(
  connection: DuckDBConnection,
  network: Network,
  dataset: DatasetName,
  { relays, slots }: ExportOptions,
): Promise<Day[]> {
  const firstOf = (day: string) => firstSlotOfDaySql(duckdbDialect, network, day);
  const { first, last } = slots ?? { first: 0, last: MAX_SLOT };
  const rows = await rowsOf(
    connection,
    `SELECT day, sum(CASE WHEN state = 'active' THEN missing ELSE 0 END)::BIGINT,
      any_value(least(last_settled, ${last}) >= last_of_day AND ${first} <= greatest(first_of_day, floor_slot))
    FROM (
      SELECT coverage.*, state, ${network.floor} AS floor_slot, ${settledNow(network)} AS last_settled,
        ${firstOf("epoch(day)::BIGINT // 86400")} AS first_of_day,
        ${firstOf("epoch(day)::BIGINT // 86400 + 1")} - 1 AS last_of_day
      FROM coverage JOIN relays ON name = relay
      WHERE dataset = ${quotedText(dataset)} ${relays ? `AND relay IN (${relays.map(quotedText).join(", ")})` : ""}
    )
    WHERE last_of_day >= ${first} AND first_of_day <= ${last}
    GROUP BY day HAVING sum(covered) > 0 ORDER BY day`,
  );
  return rows.map(([name, missing, whole]) => ({
    name: textOf(name),
    missing: integerOf(missing),
    whole: whole === true,
  }));
}

async function writeDay(
  connection: DuckDBConnection,
  dataset: DatasetName,
  day: Day,
  { network, path, relays, slots }: ExportOptions & { readonly network: Network; readonly path: string },
): Promise<number> {
  const where = [
    `block_timestamp >= TIMESTAMP '${day.name}' AND block_timestamp < TIMESTAMP '${day.name}' + INTERVAL 1 DAY`,
    ...(relays ? [`relay IN (${relays.map(quotedText).join(", ")})`] : []),
    ...(slots ? [`slot BETWEEN ${slots.first} AND ${slots.last}`] : []),
  ];
  const columns = datasets[dataset].columns.map(selected).join(", ");
  const order = (rowTables[dataset].order ?? []).map(quotedName).join(", ");
  const metadata = `{network: ${quotedText(network.name)}, dataset: '${dataset}', day: '${day.name}', missing_slots: '${day.missing}'}`;
  const temporary = `${path}.${process.pid}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    const [copied] = await rowsOf(
      connection,
      `COPY (SELECT ${columns} FROM ${dataset} WHERE ${where.join(" AND ")} ORDER BY ${order}) ` +
        `TO ${quotedText(temporary)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA ${metadata})`,
    );
    await rename(temporary, path);
    return integerOf(copied?.[0]);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Times become instants, so that readers in other time zones see the same moment. */
function selected({ name, type }: Column): string {
  return type === "TIMESTAMP"
    ? `${quotedName(name)} AT TIME ZONE 'UTC' AS ${quotedName(name)}`
    : quotedName(name);
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = error instanceof Error ? error.message : "";
    const what = `can't write ${printable(path, 4096)}`;
    const code = codeOf(error) ?? "";
    if (code === "ENOSPC" || /No space left|Disk quota/.test(text))
      throw new UserError(`${what}: the disk is full; free some space and run \`export\` again`, {
        cause: error,
      });
    if (["EACCES", "EPERM", "EROFS"].includes(code) || /Permission denied|Read-only/.test(text))
      throw new UserError(`${what}: no permission; choose another --out`, { cause: error });
    if (["ENOTDIR", "EEXIST", "EISDIR"].includes(code))
      throw new UserError(`${what}: a file or folder is in the way; choose another --out`, { cause: error });
    throw error;
  }
}
