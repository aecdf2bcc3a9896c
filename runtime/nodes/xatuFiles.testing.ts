import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { ChainBlock } from "../chain/chainSource.ts";
import type { Rpc } from "./rpc.ts";

type Answer = Record<string, string>;
interface Diff {
  readonly pre: Readonly<Record<string, { balance?: string }>>;
  readonly post: Readonly<Record<string, { balance?: string }>>;
}

/** The columns that are read, in the physical types of xatu's parquet as DuckDB reads them: FixedString and UInt256 are BLOBs. */
const COLUMNS = {
  canonical_execution_block:
    "block_number UBIGINT, block_hash BLOB, base_fee_per_gas UBIGINT, gas_used UBIGINT, block_date_time TIMESTAMP, extra_data VARCHAR",
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
      `(${number}, ${blob(hash)}, ${Number(block["baseFeePerGas"])}, ${Number(block["gasUsed"])}, make_timestamp(${Number(block["timestamp"])}000000), '${block["extraData"]}')`,
    );
    const receipts = (await rpc("eth_getBlockReceipts", [hash])) as readonly (Answer & {
      logs: readonly Answer[];
    })[];
    const trace = { tracer: "prestateTracer", tracerConfig: { diffMode: true } };
    const sent = block.transactions as readonly Answer[];
    const diffs = await Promise.all(
      sent.map(async (told) => (await rpc("debug_traceTransaction", [told["hash"], trace])) as Diff),
    );
    for (const [place, told] of sent.entries()) {
      const { from = "", to = "", value = "", input = "" } = told;
      const receipt = receipts[place];
      rows.canonical_execution_transaction.push(
        `(${number}, ${place}, ${blob(from)}, '${to}', ${uint256(value)}, '${input}', ${Number(receipt?.["gasUsed"])}, ${Number(receipt?.["effectiveGasPrice"])}, ${receipt?.["status"] === "0x1"})`,
      );
      for (const { address = "", data = "", topics } of receipt?.logs ?? [])
        rows.canonical_execution_logs.push(`(${number}, '${address}', '${topics?.[0]}', '${data}')`);
      for (const [address, from_, to_] of changesOf(diffs[place] ?? { pre: {}, post: {} }))
        rows.canonical_execution_balance_diffs.push(
          `(${number}, ${place}, 0, '${address}', ${uint256(from_)}, ${uint256(to_)})`,
        );
    }
  }
  await write(folder, COLUMNS, rows);
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

const BEACON = {
  canonical_beacon_block: [
    "slot UINTEGER, block_root BLOB, parent_root BLOB, proposer_index UINTEGER, meta_client_name VARCHAR",
    "execution_payload_block_hash BLOB, execution_payload_block_number UINTEGER, execution_payload_fee_recipient VARCHAR",
    "execution_payload_parent_hash BLOB, execution_payload_base_fee_per_gas BLOB, execution_payload_blob_gas_used UBIGINT",
    "execution_payload_gas_limit UBIGINT, execution_payload_gas_used UBIGINT, execution_payload_transactions_count UINTEGER",
  ].join(", "),
} as const;

/** Writes blocks that are on the chain in the form of xatu's table of beacon blocks; every third was seen by two sentries. */
export async function writeXatuBeacon(folder: string, blocks: readonly ChainBlock[]): Promise<void> {
  const rows = blocks.flatMap((block, place) => {
    const row = (sentry: string) =>
      `(${block.slot}, ${blob(block.block_root)}, ${blob(block.parent_root)}, ${block.proposer_index}, '${sentry}',
        ${blob(block.block_hash)}, ${block.block_number}, '${block.fee_recipient}', ${blob(block.parent_hash)},
        ${littleEndianBlob(`0x${BigInt(block.base_fee_per_gas ?? 0).toString(16)}`, 16)},
        ${Number(block.blobs) * 131_072}, ${block.gas_limit}, ${block.gas_used}, ${block.transactions})`;
    return place % 3 === 0 ? [row("one"), row("two")] : [row("one")];
  });
  await write(folder, BEACON, { canonical_beacon_block: rows });
}

async function write<K extends string>(
  folder: string,
  tables: Readonly<Record<K, string>>,
  rows: Readonly<Record<K, readonly string[]>>,
): Promise<void> {
  const connection = await (await DuckDBInstance.create()).connect();
  for (const table of Object.keys(tables) as K[]) {
    await connection.run(`CREATE TABLE ${table} (${tables[table]})`);
    const own = rows[table];
    if (own.length > 0) await connection.run(`INSERT INTO ${table} VALUES ${own.join(", ")}`);
    mkdirSync(join(folder, table, "1000"), { recursive: true });
    await connection.run(`COPY ${table} TO '${join(folder, table, "1000", "0.parquet")}' (FORMAT parquet)`);
  }
  connection.closeSync();
}

const blob = (text: string | null) => `'${text}'::BLOB`;

const uint256 = (hex: string) => littleEndianBlob(hex, 32);

/** An integer as so many bytes, the least significant first. */
function littleEndianBlob(hex: string, size: number): string {
  const bytes = Buffer.from(
    BigInt(hex)
      .toString(16)
      .padStart(2 * size, "0"),
    "hex",
  ).reverse();
  return `'${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}'::BLOB`;
}
