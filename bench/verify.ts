import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import { silentLog } from "../runtime/log.ts";
import { openDuckDb } from "../runtime/warehouse/duckdb/duckdb.ts";
import { median } from "./rounds.ts";
import { BLOCKS, DAY_CLAIM, FORWARDED, paymentKindOf, SHORT, TRANSACTIONS } from "./verifyNode.ts";

const network = simulatedNetwork(1);
const BLOCKS_A_FILE = 1000;
/** As mainnet's blocks have on average. */
const DIFFS = 600;

/**
 * The time (s) in which a day of mainnet's size is verified from parquet files, blocks a second by a node on loopback, and the
 * peak memory (MB) of a process that does either. The medians of some rounds.
 */
export async function benchVerify(rounds = 3): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-verify-"));
  const child = (what: string, ...args: string[]) =>
    fork(join(import.meta.dirname, "verifyChild.ts"), [what, ...args], { execArgv: ["--import=tsx"] });
  const node = child("serve");
  try {
    const [url]: unknown[] = await once(node, "message");
    const warehouse = join(folder, "warehouse.duckdb");
    const files = join(folder, "xatu");
    await fill(warehouse, files);
    const measured = async (source: string) => {
      const told: { s: number; mb: number }[] = [];
      for (let round = 0; round < rounds; round++) {
        const [message]: unknown[] = await once(child("verify", warehouse, source), "message");
        told.push(message as (typeof told)[number]);
      }
      return { s: median(told.map(({ s }) => s)), mb: median(told.map(({ mb }) => mb)) };
    };
    const byFiles = await measured(files);
    const byNode = await measured(String(url));
    return {
      verify_day_parquet_s: byFiles.s,
      verify_day_parquet_peak_mb: byFiles.mb,
      verify_rpc_blocks_per_s: BLOCKS / byNode.s,
      verify_rpc_peak_mb: byNode.mb,
    };
  } finally {
    node.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

const hex = (text: string, digits: number) => `'0x' || lpad(printf('%x', ${text}), ${digits}, '0')`;
/** An integer below 2^64 as 32 bytes, the least significant first. */
const wide = (value: string) => {
  const bytes = Array.from({ length: 8 }, (_, byte) => `substr(h, ${15 - 2 * byte}, 2)`).join(" || ");
  return `(SELECT unhex(${bytes} || repeat('0', 48)) FROM (SELECT printf('%016x', (${value})::BIGINT) AS h))`;
};

/** A warehouse with a payload a block, and the blocks in the form of xatu's files. */
async function fill(path: string, files: string): Promise<void> {
  const warehouse = openDuckDb(path, network, { clock: systemClock, log: silentLog });
  await warehouse.load(openFolderLake(`${path}.lake`, network.name), []);
  await warehouse.close();
  const instance = await DuckDBInstance.create(path, { threads: "2", memory_limit: "300MB" });
  const connection = await instance.connect();
  await connection.run(`INSERT INTO payloads SELECT 'relay-' || n % 4, n, make_timestamp((${network.genesis} + 12 * n) * 1000000),
    ${hex("n - 1", 64)}, ${hex("n", 64)}, ${hex("n % 40", 96)}, ${hex("n", 96)}, ${hex("n", 40)}, 36000000, 15000000, ${DAY_CLAIM}, ${TRANSACTIONS},
    n, NULL, 1, NULL FROM range(1, ${BLOCKS + 1}) t(n)`);
  for (let first = 1; first <= BLOCKS; first += BLOCKS_A_FILE)
    await writeFiles(connection, files, first, Math.min(BLOCKS, first + BLOCKS_A_FILE - 1));
  connection.closeSync();
  instance.closeSync();
}

async function writeFiles(
  connection: DuckDBConnection,
  files: string,
  first: number,
  last: number,
): Promise<void> {
  const write = async (table: string, rows: string) => {
    const folder = join(files, table, "1000");
    await mkdir(folder, { recursive: true });
    await connection.run(`COPY (${rows}) TO '${join(folder, `${first}.parquet`)}' (FORMAT parquet)`);
  };
  const blocks = `range(${first}, ${last + 1}) b(n)`;
  const time = `make_timestamp((${network.genesis} + 12 * n) * 1000000)`;
  const paid = `CASE n % 100 ${[FORWARDED, SHORT].map((kind) => `WHEN ${kind} THEN 0`).join(" ")} ELSE ${DAY_CLAIM} END`;
  const isLast = `i = ${TRANSACTIONS - 1}`;
  await write(
    "canonical_execution_block",
    `SELECT n::UBIGINT AS block_number, (${hex("n", 64)})::BLOB AS block_hash, 1000000000::UBIGINT AS base_fee_per_gas,
      15000000::UBIGINT AS gas_used, ${time} AS block_date_time, '0x' AS extra_data FROM ${blocks}`,
  );
  await write(
    "canonical_execution_transaction",
    `SELECT n::UBIGINT AS block_number, i::UINTEGER AS transaction_index, (${hex("n * 1000 + i + 1000000000", 40)})::BLOB AS from_address,
      CASE WHEN ${isLast} THEN ${hex("n", 40)} ELSE ${hex("i + 2000000000", 40)} END AS to_address,
      ${wide(`CASE WHEN ${isLast} AND n % 100 <> ${SHORT} THEN ${DAY_CLAIM} ELSE i * 1000000007 END`)} AS value,
      CASE WHEN ${isLast} THEN '0x' ELSE '0x' || repeat(md5((n * 1000 + i)::VARCHAR), 12) END AS input,
      75000::UBIGINT AS gas_used, 1500000000::UBIGINT AS gas_price, true AS success FROM ${blocks}, range(${TRANSACTIONS}) t(i)`,
  );
  await write(
    "canonical_execution_balance_diffs",
    `SELECT n::UBIGINT AS block_number, (i * ${TRANSACTIONS} // ${DIFFS})::UINTEGER AS transaction_index, (i % 3)::UINTEGER AS internal_index,
      CASE WHEN i = ${DIFFS - 1} THEN ${hex("n", 40)} ELSE ${hex("n * 1000 + i + 3000000000", 40)} END AS address,
      ${wide("1000000007 * (n + i)")} AS from_value,
      ${wide(`1000000007 * (n + i) + CASE WHEN i = ${DIFFS - 1} THEN ${paid} ELSE 1 END`)} AS to_value
      FROM ${blocks}, range(${DIFFS}) t(i)`,
  );
}

/** What a day's blocks have to be found to be. */
export function wantedVerdicts(): Readonly<Record<string, number>> {
  const wanted: Record<string, number> = {};
  for (let number = 1; number <= BLOCKS; number++) {
    const verdict = paymentKindOf(number) === "short" ? "less" : "exact";
    wanted[verdict] = (wanted[verdict] ?? 0) + 1;
  }
  return wanted;
}
