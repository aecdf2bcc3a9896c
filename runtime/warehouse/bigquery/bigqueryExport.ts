import type { DuckDBConnection } from "@duckdb/node-api";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import type { Clock } from "../../chain/clock.ts";
import type { Network } from "../../chain/networks.ts";
import type { DatasetName } from "../../datasets/dataset.ts";
import { nameList, quotedName, quotedText } from "../../datasets/schema.ts";
import { infoTable, loadTables, relaysTable, rowTables, type Table } from "../../datasets/tables.ts";
import type { Log } from "../../log.ts";
import type { Query } from "./bigqueryJobs.ts";
import { dayRowsQuery, ledgerRowsQuery, relayRowsQuery } from "./bigqueryExportSql.ts";
import type { DatasetPlace } from "./bigquerySql.ts";
import { DuckDbFile } from "../duckdb/duckdbFile.ts";
import { exportDays } from "../duckdb/parquet.ts";
import type { ExportOptions, ExportSummary, Value } from "../warehouse.ts";

/** What an export reads from. */
export interface ExportSource {
  readonly place: DatasetPlace;
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
  /** A query's rows, some thousands at a time. */
  pages(query: Query): AsyncIterable<Record<string, Value>[]>;
}

/**
 * Writes a BigQuery warehouse's days as Parquet: ledgers and relays, and then each day's rows, go through a DuckDB file that is
 * thrown away, so that the files are the very ones that a DuckDB warehouse would give. Disk holds a day, memory a page.
 */
export async function exportFromBigQuery(
  source: ExportSource,
  out: string,
  options: ExportOptions,
): Promise<ExportSummary> {
  const { network, clock, log, place } = source;
  const folder = await mkdtemp(join(tmpdir(), "mev-boost-etl-export-"));
  try {
    const file = new DuckDbFile(join(folder, "days.duckdb"), network, clock, log);
    return await file.use("write", async (opened) => {
      const connection = await opened.connect();
      await connection.run(`UPDATE ${infoTable.name} SET fixed_now = ${Math.trunc(clock.now())}`);
      const spool = join(folder, "rows.ndjson");
      await copyRows(connection, relaysTable, source.pages(relayRowsQuery(place)), spool);
      for (const dataset of options.datasets) {
        const ledger = ledgerRowsQuery(place, dataset, options.slots);
        await copyRows(connection, loadTables[dataset], source.pages(ledger), spool);
      }
      const bring = async (dataset: DatasetName, day: string): Promise<void> => {
        await connection.run(`DELETE FROM ${quotedName(dataset)}`);
        const rows = source.pages(dayRowsQuery(place, dataset, day, options));
        await copyRows(connection, rowTables[dataset], rows, spool);
      };
      return exportDays(connection, network, out, options, bring);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts rows into a table by way of a file of lines. */
async function copyRows(
  connection: DuckDBConnection,
  { name, columns }: Table,
  pages: AsyncIterable<Record<string, Value>[]>,
  spool: string,
): Promise<void> {
  const stream = createWriteStream(spool);
  let count = 0;
  for await (const rows of pages) {
    count += rows.length;
    for (const row of rows) if (!stream.write(`${JSON.stringify(row)}\n`)) await once(stream, "drain");
  }
  stream.end();
  await finished(stream);
  if (count === 0) return;
  const texts = columns.map((column) => `${quotedName(column.name)}: 'VARCHAR'`);
  // Wei by way of HUGEINT: DuckDB casts text to DECIMAL some 300 times slower.
  const values = columns.map((column) =>
    column.type === "NUMERIC" ? `${quotedName(column.name)}::HUGEINT` : quotedName(column.name),
  );
  await connection.run(
    `INSERT INTO ${quotedName(name)} (${nameList(columns)}) SELECT ${values.join(", ")}
      FROM read_json(${quotedText(spool)}, format = 'newline_delimited', columns = {${texts.join(", ")}})`,
  );
}
