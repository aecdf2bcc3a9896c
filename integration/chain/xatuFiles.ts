import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Rpc } from "../../runtime/nodes/rpc.ts";

type Answer = Record<string, string>;
interface Diff {
  readonly pre: Readonly<Record<string, { balance?: string }>>;
  readonly post: Readonly<Record<string, { balance?: string }>>;
}

/** The columns that are read, in the physical types of xatu's parquet as DuckDB reads them: FixedString and UInt256 are BLOBs. */
const COLUMNS = {
  canonical_execution_block:
    "block_number UBIGINT, block_hash BLOB, base_fee_per_gas UBIGINT, gas_used UBIGINT",
  canonical_execution_transaction:
    "block_number UBIGINT, transaction_index UINTEGER, from_address BLOB, to_address VARCHAR, value BLOB, input VARCHAR, gas_used UBIGINT, gas_price UBIGINT, success BOOLEAN",
  canonical_execution_balance_diffs:
    "block_number UBIGINT, transaction_index UINTEGER, internal_index UINTEGER, address VARCHAR, from_value BLOB, to_value BLOB",
  canonical_execution_logs: "block_number UBIGINT, address VARCHAR, topic0 VARCHAR, data VARCHAR",
} as const;

/** Writes blocks of a node in the form of xatu's files: a folder a table, a file for each 1000 blocks. */
export async function writeXatu(
  rpc: Rpc,
  blocks: readonly { readonly hash: string }[],
  folder: string,
): Promise<void> {
  const rows: Record<keyof typeof COLUMNS, string[]> = {
    canonical_execution_block: [],
    canonical_execution_transaction: [],
    canonical_execution_balance_diffs: [],
    canonical_execution_logs: [],
  };
  for (const { hash } of blocks) {
    const block = (await rpc("eth_getBlockByHash", [hash, true])) as Answer & {
      transactions: readonly unknown[];
    };
    const number = Number(block["number"]);
    rows.canonical_execution_block.push(
      `(${number}, ${blob(hash)}, ${Number(block["baseFeePerGas"])}, ${Number(block["gasUsed"])})`,
    );
    for (const [place, told] of (block.transactions as readonly Answer[]).entries()) {
      const receipt = (await rpc("eth_getTransactionReceipt", [told["hash"]])) as Answer & {
        logs: readonly Answer[];
      };
      const { from = "", to = "", value = "", input = "" } = told;
      rows.canonical_execution_transaction.push(
        `(${number}, ${place}, ${blob(from)}, '${to}', ${uint256(value)}, '${input}', ${Number(receipt["gasUsed"])}, ${Number(receipt["effectiveGasPrice"])}, ${receipt["status"] === "0x1"})`,
      );
      for (const { address = "", data = "", topics } of receipt.logs)
        rows.canonical_execution_logs.push(`(${number}, '${address}', '${topics?.[0]}', '${data}')`);
      const trace = { tracer: "prestateTracer", tracerConfig: { diffMode: true } };
      const diff = (await rpc("debug_traceTransaction", [told["hash"], trace])) as Diff;
      for (const [address, from, to] of changesOf(diff))
        rows.canonical_execution_balance_diffs.push(
          `(${number}, ${place}, 0, '${address}', ${uint256(from)}, ${uint256(to)})`,
        );
    }
  }
  await write(folder, rows);
}

/** The balances that a transaction changed, each from and to. */
function changesOf({ pre, post }: Diff): [string, string, string][] {
  const addresses = new Set([...Object.keys(pre), ...Object.keys(post)]);
  return [...addresses].flatMap((address): [string, string, string][] => {
    const before = pre[address]?.balance ?? "0x0";
    const after = post[address]?.balance;
    return after === undefined || after === before ? [] : [[address, before, after]];
  });
}

async function write(
  folder: string,
  rows: Readonly<Record<keyof typeof COLUMNS, readonly string[]>>,
): Promise<void> {
  const connection = await (await DuckDBInstance.create()).connect();
  for (const [table, columns] of Object.entries(COLUMNS)) {
    await connection.run(`CREATE TABLE ${table} (${columns})`);
    const own = rows[table as keyof typeof COLUMNS];
    if (own.length > 0) await connection.run(`INSERT INTO ${table} VALUES ${own.join(", ")}`);
    mkdirSync(join(folder, table, "1000"), { recursive: true });
    await connection.run(`COPY ${table} TO '${join(folder, table, "1000", "0.parquet")}' (FORMAT parquet)`);
  }
  connection.closeSync();
}

const blob = (text: string) => `'${text}'::BLOB`;

/** 32 bytes, little-endian. */
function uint256(hex: string): string {
  const bytes = Buffer.from(BigInt(hex).toString(16).padStart(64, "0"), "hex").reverse();
  return `'${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}'::BLOB`;
}
