import { quotedText } from "../datasets/schema.ts";
import { openXatuFiles, wideInteger, type XatuFiles, xatuText, xatuWide } from "../nodes/xatuFiles.ts";
import { DISTRIBUTIONS, distributedBy, type LoggedEvent } from "./contracts.ts";
import type { BlockFacts, Claim } from "./verdict.ts";

/**
 * What ethpandaops' xatu tells of blocks: parquet files of its canonical_execution_* tables below a folder that has a folder a
 * table, as their own layout has (facts: xatu-data's schema). No node is needed. Close it when done.
 */
export interface XatuBlocks {
  /** By block hash and recipient (`factsKey`); a claim whose block the files don't reach is left out. */
  facts(claims: readonly Claim[]): Promise<ReadonlyMap<string, BlockFacts>>;
  close(): void;
}

const TABLES = [
  "canonical_execution_block",
  "canonical_execution_transaction",
  "canonical_execution_balance_diffs",
];
/** Told of only where its folder is there: without it what contracts distributed stays unknown. */
const EVENTS = "canonical_execution_logs";
/** Throws UserError where a table's folder is missing. */
export async function openXatu(folder: string): Promise<XatuBlocks> {
  const files = await openXatuFiles(folder, TABLES);
  return { facts: (claims) => factsOf(files, claims), close: () => files.close() };
}

/** What tells the facts of one claim from those of another. */
export function factsKey({ blockHash, recipient }: Claim): string {
  return `${blockHash} ${recipient}`;
}

async function factsOf(files: XatuFiles, claims: readonly Claim[]): Promise<ReadonlyMap<string, BlockFacts>> {
  const asked = claims.map(
    ({ blockHash, blockNumber, recipient }) =>
      `(${quotedText(blockHash)}, ${blockNumber ?? "NULL"}::BIGINT, ${quotedText(recipient)})`,
  );
  if (asked.length === 0) return new Map();
  await files.run(
    `CREATE OR REPLACE TEMP TABLE asked AS SELECT DISTINCT * FROM (VALUES ${asked.join(", ")}) AS asked(hash, number, recipient)`,
  );
  const rows = (await files.query(statement(files))) as unknown as readonly Row[];
  return new Map(
    rows.flatMap((row) => {
      const told = toldBy(row);
      return told ? [[`${row.hash} ${row.recipient}`, told] as const] : [];
    }),
  );
}

/** A longer input than Helix's forwarder takes (50 characters) pays nothing: what follows isn't kept in memory. */
const INPUT = `${xatuText("left(input, 51)")}`;

const NO_EVENTS = "(SELECT 0 AS block_number, '' AS address, '' AS topic0, '' AS data WHERE false)";

function statement(files: XatuFiles): string {
  const [blocks, transactions, diffs] = TABLES.map((table) => files.from(table));
  const withEvents = files.has(EVENTS);
  const events = withEvents ? files.from(EVENTS) : NO_EVENTS;
  const told = `block_number AS number, ${xatuText("block_hash")} AS hash, CAST(base_fee_per_gas AS HUGEINT) AS base_fee,
    gas_used = 0 AS is_empty
  FROM ${blocks}`;
  // A number may be wrong, or 0 in rows of 2022: what isn't where it should be is looked for by its hash.
  return `WITH numbered AS MATERIALIZED (
  SELECT ${told} WHERE block_number IN (SELECT number FROM asked WHERE number IS NOT NULL)
), known AS MATERIALIZED (
  SELECT * FROM numbered
  UNION
  SELECT ${told} WHERE ${xatuText("block_hash")} IN (SELECT hash FROM asked EXCEPT SELECT hash FROM numbered)
), wanted AS MATERIALIZED (
  SELECT DISTINCT asked.hash, asked.recipient, own.number, own.base_fee, own.is_empty
  FROM asked JOIN known AS own ON own.hash = asked.hash
), sent AS (
  SELECT block_number AS number, transaction_index AS place, success, ${xatuWide("value")} AS value,
    ${xatuText("to_address")} AS receiver, ${xatuText("from_address")} AS sender, ${INPUT} AS input,
    CAST(gas_used AS HUGEINT) AS gas, CAST(gas_price AS HUGEINT) AS price
  FROM ${transactions} WHERE block_number IN (SELECT number FROM wanted)
), lasts AS (
  SELECT number, arg_max({success: success, value: value, receiver: receiver, input: input}, place) AS last FROM sent GROUP BY number
), tips AS (
  SELECT sent.number, CAST(sum(gas * (price - base_fee)) AS VARCHAR) AS tips
  FROM sent JOIN (SELECT DISTINCT number, base_fee FROM wanted) AS own ON own.number = sent.number GROUP BY sent.number
), spent AS (
  SELECT sent.number, recipient, list(CASE WHEN success THEN value ELSE '' END) AS amounts,
    CAST(sum(gas * price) AS VARCHAR) AS fees
  FROM sent JOIN wanted ON wanted.number = sent.number AND recipient = sender GROUP BY sent.number, recipient
), logged AS (
  SELECT block_number AS number, list({address: ${xatuText("address")}, topic: ${xatuText("topic0")}, data: ${xatuText("data")}}) AS events
  FROM ${events} WHERE block_number IN (SELECT number FROM wanted)
    AND ${xatuText("topic0")} IN (${DISTRIBUTIONS.map(({ topic }) => quotedText(topic)).join(", ")})
  GROUP BY block_number
), changes AS (
  SELECT block_number AS number, ${xatuText("address")} AS address, from_value, to_value,
    CAST(transaction_index AS HUGEINT) * 4294967296 + internal_index AS place
  FROM ${diffs} WHERE block_number IN (SELECT number FROM wanted)
), reached AS (
  SELECT DISTINCT number FROM changes
), balances AS (
  SELECT changes.number, recipient, ${xatuWide("arg_min(from_value, place)")} AS before_value, ${xatuWide("arg_max(to_value, place)")} AS after_value
  FROM changes JOIN wanted ON wanted.number = changes.number AND recipient = address GROUP BY changes.number, recipient
)
SELECT asked.hash, asked.recipient, wanted.hash IS NOT NULL AS canonical, other.hash IS NOT NULL AS replaced,
  wanted.is_empty OR reached.number IS NOT NULL AS reached, before_value, after_value, last, amounts, fees, tips,
  ${withEvents} AS with_events, events
FROM asked
LEFT JOIN wanted ON wanted.hash = asked.hash AND wanted.recipient = asked.recipient
LEFT JOIN known AS other ON other.number = asked.number AND other.hash <> asked.hash
LEFT JOIN reached ON reached.number = wanted.number
LEFT JOIN balances ON balances.number = wanted.number AND balances.recipient = wanted.recipient
LEFT JOIN lasts ON lasts.number = wanted.number
LEFT JOIN spent ON spent.number = wanted.number AND spent.recipient = wanted.recipient
LEFT JOIN tips ON tips.number = wanted.number
LEFT JOIN logged ON logged.number = wanted.number`;
}

interface Row {
  readonly hash: string;
  readonly recipient: string;
  readonly canonical: boolean;
  /** Another block has the number. */
  readonly replaced: boolean;
  /** Balance changes of the block are in the files, or it has no transaction. */
  readonly reached: boolean;
  readonly before_value: string | null;
  readonly after_value: string | null;
  readonly last: { success: boolean; value: string; receiver: string | null; input: string | null } | null;
  readonly amounts: readonly string[] | null;
  readonly fees: string | null;
  readonly tips: string | null;
  readonly with_events: boolean;
  readonly events: readonly LoggedEvent[] | null;
}

/** The facts in a row; undefined where the files don't have the block. */
function toldBy(row: Row): BlockFacts | undefined {
  if (!row.canonical && !row.replaced) return undefined;
  const { last } = row;
  return {
    state: row.canonical ? "canonical" : "not_canonical",
    // Rows come from what transactions changed: withdrawals, credited after the last one, aren't among them.
    gained: async () =>
      row.reached ? wideInteger(row.after_value ?? "") - wideInteger(row.before_value ?? "") : undefined,
    lastTransaction: async () =>
      last === null
        ? undefined
        : {
            succeeded: last.success,
            value: wideInteger(last.value),
            to: last.receiver,
            input: last.input || "0x",
          },
    distributed: async () => (row.with_events ? distributedBy(row.recipient, row.events ?? []) : undefined),
    ownSpending: async () =>
      row.tips === null
        ? undefined
        : {
            spent: (row.amounts ?? []).reduce(
              (sum, amount) => sum + wideInteger(amount),
              BigInt(row.fees ?? "0"),
            ),
            tips: BigInt(row.tips),
          },
  };
}
