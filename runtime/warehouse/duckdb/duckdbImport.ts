import type { DuckDBConnection } from "@duckdb/node-api";
import type { Clock } from "../../chain/clock.ts";
import type { Network } from "../../chain/networks.ts";
import type { Column } from "../../datasets/definition.ts";
import { importRowTables, importsTable } from "../../datasets/importTables.ts";
import { nameList, quotedName, quotedText } from "../../datasets/schema.ts";
import { codeOf, messageOf, printable, UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { integerOf, textOf } from "../cells.ts";
import {
  type Brought,
  IMPORT_VERSION,
  type ImportEngine,
  importKey,
  refusedRowsOf,
  type RowPlan,
  type WaitingFile,
} from "../importEngine.ts";
import { rowsOf } from "./duckdbCells.ts";
import { isDataError, isReadError } from "./duckdbErrors.ts";
import { DuckDbFile } from "./duckdbFile.ts";
import { insertRows } from "./duckdbLoadSql.ts";

/** More than loads take: a group of Parquet's rows is unpacked as a whole, by each thread. */
const MEMORY = "450MB";

/** Unknown relays' names that are told of a file. */
const MOST_NAMES = 10;

/** Imports into the warehouse in a DuckDB file, which the first one makes. */
export function openDuckDbImports(
  path: string,
  network: Network,
  { clock, log }: { clock: Clock; log: Log },
): ImportEngine {
  const file = new DuckDbFile(path, network, clock, log);
  return {
    async held() {
      const columns = "source, dataset, source_file, sha256";
      try {
        return await file.use("read", async (opened) => {
          const rows = await rowsOf(
            await opened.connect(),
            `SELECT ${columns} FROM ${importsTable.name} WHERE version = ${IMPORT_VERSION}`,
          );
          return new Map(
            rows.map(([source, dataset, name, sha256]) => [
              importKey(textOf(source), textOf(dataset), textOf(name)),
              textOf(sha256),
            ]),
          );
        });
      } catch (error) {
        // No file yet, or one of before there were imports: the first import makes or mends it.
        if (error instanceof UserError && / run `load`/.test(error.message)) return new Map();
        throw error;
      }
    },
    bring: (waiting) => file.use("write", async (opened) => bring(await opened.connect(), waiting)),
  };
}

async function bring(connection: DuckDBConnection, file: WaitingFile): Promise<Brought | undefined> {
  const plan = file.plan(await columnsOf(connection, file));
  const same = `source = ${quotedText(file.source)} AND dataset = ${quotedText(plan.dataset)} AND source_file = ${quotedText(file.sourceFile)}`;
  const [before] = await rowsOf(connection, `SELECT sha256, version FROM ${importsTable.name} WHERE ${same}`);
  const isIn = before?.[0] === file.sha256 && integerOf(before[1]) === IMPORT_VERSION;
  if (isIn && !file.again) return undefined;
  const table = importRowTables[plan.dataset];
  const own = `source = ${quotedText(file.source)} AND source_file = ${quotedText(file.sourceFile)}`;
  await connection.run(`SET memory_limit = '${MEMORY}'`);
  // Before the transaction: an insert from a table of the same transaction takes twice the time.
  const checked = await readable(file, () => checkRows(connection, file, plan));
  await connection.run("BEGIN");
  try {
    if (before) {
      await connection.run(`DELETE FROM ${table.name} WHERE ${own}`);
      await connection.run(`DELETE FROM ${importsTable.name} WHERE ${same}`);
    }
    await readable(file, () => connection.run(insertOf(file, plan)));
    const brought = {
      dataset: plan.dataset,
      ...checked,
      ...(await insertedOf(connection, table.name, own)),
      replaced: before !== undefined,
    };
    await connection.run(insertRows(importsTable, [importsRow(file, brought)]));
    await file.keep(brought);
    await connection.run("COMMIT");
    await file.told(brought);
    return brought;
  } catch (error) {
    // Behind a COMMIT, done or failed, there is nothing to roll back.
    await connection.run("ROLLBACK").catch(() => {});
    throw error;
  }
}

function importsRow(file: WaitingFile, brought: Brought) {
  const { dataset, rows, refused, firstSlot, lastSlot } = brought;
  const count = refusedRowsOf(brought);
  const causes = count > 0 ? JSON.stringify(refused) : null;
  const facts = [file.source, dataset, file.sourceFile, file.url, file.etag, file.sha256, file.bytes];
  const told = [rows, count, causes, firstSlot, lastSlot, file.licence];
  return [...facts, ...told, file.importedAt, IMPORT_VERSION];
}

async function columnsOf(connection: DuckDBConnection, file: WaitingFile): Promise<Map<string, string>> {
  const rows = await readable(file, () =>
    rowsOf(connection, `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${file.reader})`),
  );
  return new Map(rows.map(([name, type]) => [textOf(name), textOf(type)]));
}

/** What DuckDB says of a file that it can't read as one line; the machine's faults as they are. */
async function readable<T>(file: WaitingFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isOfFile =
      isDataError(error) || isReadError(error) || /^(Invalid|Binder|TProtocol)/.test(messageOf(error));
    if (!isOfFile || codeOf(error) !== undefined || /No space left/.test(messageOf(error))) throw error;
    const [said = ""] = messageOf(error).split("\n");
    throw new UserError(
      `${printable(file.sourceFile)} of ${file.source} can't be read (${printable(said, 300)}): nothing of it was imported; get it again`,
      { cause: error },
    );
  }
}

interface Checked {
  readonly refused: Readonly<Record<string, number>>;
  readonly unknownRelays: readonly string[];
}

/**
 * Evaluates the rows of a file, once, into table `staged`, counts those that are refused by their cause, and writes them down. Throws
 * UserError where no row is taken.
 */
async function checkRows(connection: DuckDBConnection, file: WaitingFile, plan: RowPlan): Promise<Checked> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE staged AS ${stagedSql(file, plan)}`);
  const counts = await rowsOf(
    connection,
    "SELECT cause, sum(copies)::BIGINT FROM staged GROUP BY cause ORDER BY cause",
  );
  const taken = integerOf(counts.find(([cause]) => cause === null)?.[1] ?? 0);
  const refused = Object.fromEntries(
    counts.flatMap(([cause, rows]) => (cause === null ? [] : [[textOf(cause), integerOf(rows)] as const])),
  );
  if (Object.keys(refused).length === 0) return { refused, unknownRelays: [] };
  const names = await rowsOf(
    connection,
    `SELECT DISTINCT relay_name FROM (${checkedSql(file.reader, plan)}) WHERE cause = 'relay' ORDER BY relay_name LIMIT ${MOST_NAMES}`,
  );
  const unknownRelays = names.map(([name]) => (name === null ? "without a name" : textOf(name)));
  if (taken === 0) throw noneTaken(file, refused, unknownRelays);
  await connection.run(
    `COPY (SELECT slot, cause AS reason, raw FROM (${checkedSql(file.reader, plan, ["CAST(to_json(sent) AS VARCHAR) AS raw"])}) WHERE cause IS NOT NULL)
      TO ${quotedText(file.refusedPath)} (FORMAT json, COMPRESSION gzip)`,
  );
  return { refused, unknownRelays };
}

/** A file of another network, or of another relay, is refused as a whole. */
function noneTaken(
  file: WaitingFile,
  refused: Readonly<Record<string, number>>,
  names: readonly string[],
): UserError {
  const causes = Object.entries(refused).map(([cause, rows]) => `${rows} by ${cause}`);
  const unknown = names.length > 0 ? `; relays: ${names.map((name) => printable(name, 60)).join(", ")}` : "";
  return new UserError(
    `${printable(file.sourceFile)} holds no row that can be taken (refused: ${causes.join(", ")}${unknown}): is it a file of this network and of ${file.source}? Nothing of it was imported`,
  );
}

/** The rows of a file as the table's columns, with what keeps each out (NULL: nothing), and what else is asked of the file (`sent`). */
function checkedSql(reader: string, plan: RowPlan, besides: readonly string[] = []): string {
  const { given, where, refuse, relayName } = plan;
  const list = Object.entries(given).map(([name, expression]) => `${expression} AS ${quotedName(name)}`);
  const causes = refuse.map(([cause, condition]) => `WHEN ${condition} THEN ${quotedText(cause)}`);
  const cause = causes.length > 0 ? `CASE ${causes.join(" ")} END` : "NULL";
  return `SELECT *, ${cause} AS cause FROM (
  SELECT ${[...list, `${relayName} AS relay_name`, ...besides].join(", ")} FROM ${reader} AS sent${where === undefined ? "" : ` WHERE ${where}`}
)`;
}

/** What a plan reads of a file's rows, of those that are the same in it the first, with how often it is there. */
function distinctReader({ reader }: WaitingFile, reads: readonly string[]): string {
  const first = `SELECT min(file_row_number) AS place, count(*) AS copies FROM ${reader} GROUP BY ${digests(reads)}`;
  return `(SELECT ${reads.map(quotedName).join(", ")}, place, copies FROM ${reader} JOIN (${first}) ON file_row_number = place)`;
}

/**
 * Groups rows by columns, of which block_hash is one. By digests: groups of texts are more than memory holds. Of the block's hash and
 * of the others apart, so that 64 bits alone never take two rows that differ in both for one.
 */
function digests(columns: readonly string[]): string {
  const others = columns.filter((name) => name !== "block_hash").map(quotedName);
  return `hash(block_hash), hash(${others.join(", ")})`;
}

/** What is staged, a row for those that are one; of sightings only the place in the file, which is read again for less than its rows take on disk. */
function stagedSql(file: WaitingFile, plan: RowPlan): string {
  if (!plan.oneBy)
    return `SELECT ${Object.keys(plan.given).map(quotedName).join(", ")}, cause, count(*) AS copies FROM (${checkedSql(file.reader, plan)}) GROUP BY ALL`;
  const { columns, reads } = plan.oneBy;
  const rows = checkedSql(distinctReader(file, reads), plan, ["place", "copies"]);
  return `SELECT cause, min(place) AS place, sum(copies) AS copies FROM (${rows}) GROUP BY cause, ${digests(columns)}`;
}

function insertOf(file: WaitingFile, plan: RowPlan): string {
  const { columns, name } = importRowTables[plan.dataset];
  const list = columns.map((column) => `${valueOf(column, file, plan)} AS ${quotedName(column.name)}`);
  const taken = "staged WHERE cause IS NULL";
  // Nothing is checked a second time, and of the rows that are left out nothing is worked out.
  const staged = `(SELECT * FROM ${file.reader} WHERE file_row_number IN (SELECT place FROM ${taken}))`;
  const rows = plan.oneBy ? `(${checkedSql(staged, { ...plan, refuse: [] })})` : taken;
  return `INSERT INTO ${name} (${nameList(columns)}) SELECT ${list.join(", ")} FROM ${rows}`;
}

function valueOf({ name }: Column, file: WaitingFile, plan: RowPlan): string {
  if (name === "source") return quotedText(file.source);
  if (name === "source_file") return quotedText(file.sourceFile);
  if (name === "copies") return plan.oneBy ? "NULL" : "copies";
  return plan.given[name] === undefined ? "NULL" : quotedName(name);
}

async function insertedOf(connection: DuckDBConnection, table: string, own: string) {
  const found = await rowsOf(
    connection,
    `SELECT relay, list(DISTINCT slot ORDER BY slot), count(*) FROM ${table} WHERE ${own} GROUP BY relay ORDER BY relay`,
  );
  const slots = new Map(found.map(([relay, list]) => [textOf(relay), slotList(list)] as const));
  const ends = [...slots.values()].flatMap((list) => [list[0] ?? 0, list.at(-1) ?? 0]);
  return {
    rows: found.reduce((sum, [, , rows]) => sum + integerOf(rows), 0),
    slots,
    firstSlot: ends.length > 0 ? Math.min(...ends) : null,
    lastSlot: ends.length > 0 ? Math.max(...ends) : null,
  };
}

function slotList(value: unknown): number[] {
  return Array.isArray(value) ? value.map((slot) => integerOf(slot)) : [];
}
