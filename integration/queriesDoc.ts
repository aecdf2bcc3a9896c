// The generated part of docs/queries.md: what BigQuery bills for each question.
import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { columnBytes } from "../deploy/cost/cost.ts";
import volumes from "../deploy/cost/volumes.json" with { type: "json" };
import { slotStartMs } from "../runtime/chain/slots.ts";
import { AUCTIONS } from "../runtime/report/auction/auction.ts";
import { everyStatement } from "../runtime/report/statements.ts";
import { findNetwork } from "../runtime/chain/networks.ts";
import { allTables, infoTable } from "../runtime/datasets/tables.ts";
import { prices } from "../runtime/prices.ts";
import { layTables } from "../runtime/warehouse/duckdb/duckdbTables.ts";
import { duckdbDialect } from "../runtime/warehouse/sql/duckdbDialect.ts";
import { deliveredQuery } from "../runtime/warehouse/sql/views.ts";
import { tableOf, withPart } from "./generated.ts";
import { questionsIn } from "./queries.ts";

const TIB = 2 ** 40;
const { bidsPerDay, payloadsPerDay } = volumes.networks.mainnet;
/** Rows of a day; what isn't here is small, and costs the least that is billed for a table. */
const ROWS: Readonly<Record<string, number>> = { bids: bidsPerDay, payloads: payloadsPerDay };

/** docs/queries.md with its bill anew. Throws RangeError where that has no place. */
export async function queriesDocument(text: string): Promise<string> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await planner(instance);
    const rows: string[][] = [];
    for (const { number, title, sql } of questionsIn(text)) {
      const read = await columnsRead(connection, sql.duckdb);
      const bytes = billedBytes(read);
      const bids = [...(read.get("bids") ?? [])].map((name) => `\`${name}\``).join(", ");
      rows.push([String(number), title, bids, amount(bytes), `$${dollars(bytes)}`]);
    }
    const lines = tableOf([["", "question", "columns of bids that it reads", "bytes", "costs"], ...rows]);
    return withPart(text, "billed", lines);
  } finally {
    instance.closeSync();
  }
}

/** What BigQuery bills for view slots of a day and of a month of mainnet, with its arithmetic, as text. */
export async function slotsBill(): Promise<string> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const read = await columnsRead(await planner(instance), "SELECT * FROM slots");
    const bytes = billedBytes(read);
    const bids = [...(read.get("bids") ?? [])].join(", ");
    const line = (what: string, times: number) =>
      `${what}${amount(times * bytes)}, $${dollars(times * bytes)}`;
    return `${line("a day:   ", 1)}\n${line("a month: ", 365 / 12)}\nof bids it reads ${bids}\n`;
  } finally {
    instance.closeSync();
  }
}

/** What BigQuery bills for the page of a day, with its checks: bytes for each bid of it, and tables that are read besides. */
export async function pageReads(): Promise<{ readonly bytesPerBid: number; readonly tableReads: number }> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await planner(instance);
    const network = findNetwork("mainnet", 1);
    if (!network) throw new RangeError("there is no network mainnet");
    const last = network.floor + 9999;
    const scope = {
      network,
      range: { first: last - 7199, last },
      nowMs: slotStartMs(network, last) + 3_600_000,
    };
    let [bytesPerBid, tableReads] = [0, 0];
    for (const { name, sql } of everyStatement(duckdbDialect, scope)) {
      // A page has no choice of its days, so it doesn't ask what was pruned; it draws some auctions.
      if (name === "loaded range" || name.startsWith("pruned")) continue;
      const times = name.startsWith("auction") ? AUCTIONS : 1;
      for (const [table, columns] of await columnsRead(connection, sql)) {
        if (table === "bids") bytesPerBid += times * rowBytesOf(table, columns);
        else tableReads += times;
      }
    }
    return { bytesPerBid, tableReads };
  } finally {
    instance.closeSync();
  }
}

/** Empty tables and views over which nothing is optimized away but columns that nobody reads, as in BigQuery. */
async function planner(instance: DuckDBInstance): Promise<DuckDBConnection> {
  const network = findNetwork("mainnet", 1);
  if (!network) throw new RangeError("there is no network mainnet");
  const connection = await instance.connect();
  await layTables(connection, network, 0);
  // As function delivered_between has it, which bounds the days of both tables.
  const window = "block_timestamp >= TIMESTAMP '2026-11-01'";
  await connection.run(
    `CREATE OR REPLACE VIEW delivered AS ${deliveredQuery(duckdbDialect, (table) => table, window)}`,
  );
  const optimizers = await connection.runAndReadAll(
    "SELECT string_agg(name) FROM duckdb_optimizers() WHERE name <> 'unused_columns'",
  );
  await connection.run(`SET disabled_optimizers = '${String(optimizers.getRows()[0]?.[0])}'`);
  return connection;
}

interface PlanNode {
  readonly children: readonly PlanNode[];
  readonly extra_info: { readonly Table?: string; readonly Projections?: string | readonly string[] };
}

/** The columns that a statement reads of each table, as DuckDB plans it. */
async function columnsRead(connection: DuckDBConnection, sql: string): Promise<Map<string, Set<string>>> {
  const plan = await connection.runAndReadAll(`EXPLAIN (FORMAT JSON) ${sql}`);
  const read = new Map<string, Set<string>>();
  const look = ({ children, extra_info: { Table: name, Projections: columns = [] } }: PlanNode): void => {
    const table = name?.split(".").at(-1);
    // BigQuery's views have the current time and the network in their text.
    if (table !== undefined && table !== infoTable.name)
      read.set(table, new Set([...(read.get(table) ?? []), ...[columns].flat()]));
    for (const child of children) look(child);
  };
  for (const node of JSON.parse(String(plan.getRows()[0]?.[1])) as PlanNode[]) look(node);
  return read;
}

function billedBytes(read: ReadonlyMap<string, ReadonlySet<string>>): number {
  let sum = 0;
  for (const [table, columns] of read) {
    sum += Math.max(rowBytesOf(table, columns) * (ROWS[table] ?? 0), volumes.work.leastBytesPerTableRead);
  }
  return sum;
}

/** Bytes of some columns of a table's row. */
function rowBytesOf(table: string, columns: ReadonlySet<string>): number {
  const definition = allTables.find(({ name }) => name === table);
  if (!definition) throw new RangeError(`a question reads ${table}, which is no table`);
  return definition.columns
    .filter(({ name }) => columns.has(name))
    .reduce((bytes, column) => bytes + columnBytes(column), 0);
}

function amount(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}

function dollars(bytes: number): string {
  return ((bytes / TIB) * prices.queries.usd).toPrecision(2);
}
