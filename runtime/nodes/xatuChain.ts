import {
  type ChainBlock,
  type ChainSource,
  extraText,
  type LinkedBlock,
  missedBlock,
  provenBlocks,
} from "../chain/chainSource.ts";
import type { SlotRange } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import { openXatuFiles, wideInteger, type XatuFiles, xatuText, xatuWide } from "./xatuFiles.ts";

const BEACON = "canonical_beacon_block";
const EXECUTION = "canonical_execution_block";
const BLOB_GAS = 131_072;

/** ClickHouse's DateTime64 is a TIMESTAMP in parquet, its DateTime an integer of Unix seconds. */
const SECONDS = `coalesce(TRY_CAST(CAST(block_date_time AS VARCHAR) AS BIGINT),
    CAST(epoch(TRY_CAST(CAST(block_date_time AS VARCHAR) AS TIMESTAMP)) AS BIGINT))`;

/** The chain by xatu's parquet files: they hold what was final, and are held to their own parent roots like any node. */
export async function xatuChain(folder: string): Promise<ChainSource> {
  const files = await openXatuFiles(folder, [BEACON, EXECUTION]);
  return {
    name: "xatu",
    async final() {
      const [row] = await files.query(`SELECT max(slot) AS newest FROM ${files.from(BEACON)}`);
      const newest = row?.["newest"] ?? null;
      if (newest === null)
        throw new UserError(`--chain: xatu's files of ${BEACON} hold no block`, { exitCode: 2 });
      return Number(newest) - 1;
    },
    async blocks(range) {
      const rows = (await files.query(statement(files, range))) as unknown as readonly Row[];
      return provenBlocks(range, linkedOf(rows));
    },
    close: () => files.close(),
  };
}

interface Row {
  readonly slot: number;
  readonly block_root: string;
  readonly parent_root: string;
  readonly proposer_index: string;
  readonly block_hash: string | null;
  readonly parent_hash: string | null;
  readonly block_number: string | null;
  readonly fee_recipient: string | null;
  readonly gas_used: string | null;
  readonly gas_limit: string | null;
  /** As `wideInteger` takes it. */
  readonly base_fee: string | null;
  readonly transactions: string | null;
  readonly blob_gas: string | null;
  /** Unix seconds. */
  readonly seconds: string | null;
  readonly extra_data: string | null;
  /** Whether the execution table has the block. */
  readonly has_execution: boolean;
}

/** Each of their sentries writes a block once: equal rows are one. */
function statement(files: XatuFiles, { first, last }: SlotRange): string {
  const beacon = files.from(BEACON);
  const told = (column: string) => `CAST(execution_payload_${column} AS VARCHAR) AS ${column}`;
  return `WITH near AS (
  SELECT * FROM ${beacon} WHERE slot BETWEEN
    coalesce((SELECT max(slot) FROM ${beacon} WHERE slot < ${first}), ${first})
    AND coalesce((SELECT min(slot) FROM ${beacon} WHERE slot > ${last}), ${last})
), blocks AS (
  SELECT DISTINCT CAST(slot AS UINTEGER) AS slot, ${xatuText("block_root")} AS block_root, ${xatuText("parent_root")} AS parent_root,
    CAST(proposer_index AS VARCHAR) AS proposer_index, ${xatuText("execution_payload_block_hash")} AS block_hash,
    ${xatuText("execution_payload_parent_hash")} AS parent_hash, ${told("block_number")},
    ${xatuText("execution_payload_fee_recipient")} AS fee_recipient, ${told("gas_used")}, ${told("gas_limit")},
    ${xatuWide("execution_payload_base_fee_per_gas")} AS base_fee, CAST(execution_payload_transactions_count AS VARCHAR) AS transactions,
    CAST(execution_payload_blob_gas_used AS VARCHAR) AS blob_gas
  FROM near
), executed AS (
  SELECT DISTINCT block_number, ${xatuText("block_hash")} AS hash, ${SECONDS} AS seconds, ${xatuText("extra_data")} AS extra_data
  FROM ${files.from(EXECUTION)} WHERE block_number BETWEEN (SELECT min(CAST(block_number AS UBIGINT)) FROM blocks)
    AND (SELECT max(CAST(block_number AS UBIGINT)) FROM blocks)
)
SELECT blocks.*, CAST(executed.seconds AS VARCHAR) AS seconds, executed.extra_data, executed.hash IS NOT NULL AS has_execution
FROM blocks LEFT JOIN executed ON executed.hash = blocks.block_hash ORDER BY slot`;
}

/** Blocks that can be linked: a slot with two of them, and a block that the execution table lacks, stay out. */
function linkedOf(rows: readonly Row[]): LinkedBlock[] {
  const count = new Map<number, number>();
  for (const { slot } of rows) count.set(slot, (count.get(slot) ?? 0) + 1);
  return rows.flatMap((row) => {
    if ((count.get(row.slot) ?? 0) > 1 || (row.block_hash !== null && !row.has_execution)) return [];
    return [{ slot: row.slot, id: row.block_root, parentId: row.parent_root, block: blockOf(row) }];
  });
}

function blockOf(row: Row): ChainBlock {
  const { base_fee, seconds, extra_data, blob_gas } = row;
  const known: ChainBlock = {
    ...missedBlock(row.slot),
    status: "canonical",
    block_root: row.block_root,
    parent_root: row.parent_root,
    proposer_index: row.proposer_index,
  };
  if (row.block_hash === null) return known;
  return {
    ...known,
    block_hash: row.block_hash,
    parent_hash: row.parent_hash,
    block_number: row.block_number,
    fee_recipient: row.fee_recipient,
    gas_used: row.gas_used,
    gas_limit: row.gas_limit,
    base_fee_per_gas: base_fee === null ? null : wideInteger(base_fee).toString(),
    extra_data,
    extra_data_text: extra_data === null ? null : extraText(extra_data),
    transactions: row.transactions,
    blobs: blob_gas === null ? "0" : String(Number(blob_gas) / BLOB_GAS),
    timestamp: seconds === null ? null : new Date(Number(seconds) * 1000).toISOString(),
  };
}
