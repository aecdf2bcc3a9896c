import type { CanonicalTable } from "../../chain/canonicalChain.ts";
import {
  type ChainBlock,
  type ChainSource,
  extraText,
  type LinkedBlock,
  missedBlock,
  provenBlocks,
} from "../../chain/chainSource.ts";
import { type Network, SECONDS_PER_SLOT } from "../../chain/networks.ts";
import { type SlotRange, slotAt, slotStartMs } from "../../chain/slots.ts";
import { UserError } from "../../errors.ts";
import { integerOf, textOf } from "../cells.ts";
import type { Value, Warehouse } from "../warehouse.ts";
import type { Query } from "./bigqueryJobs.ts";
import { progressQuery, sourceNames } from "./bigquerySettleSql.ts";
import { columnName, sqlTime } from "./bigquerySql.ts";

/** Slots that one question takes, a day: BigQuery bills 10 MB for less, too. */
const DAY_SLOTS = 7200;
/** Slots before and behind a range among whose blocks are those that prove its ends; a final slot has so many newer ones. */
const MARGIN_SLOTS = 64;
/** A table whose newest block lies further back isn't kept any more, or not of this network. */
const KEPT_SLOTS = 5 * DAY_SLOTS;

/** The columns of crypto_ethereum.blocks that tell of a block, its time apart. */
const COLUMNS = [
  "number",
  "hash",
  "parent_hash",
  "miner",
  "extra_data",
  "gas_used",
  "gas_limit",
  "transaction_count",
  "base_fee_per_gas",
] as const;

/** A block of the table, and its place in the chain. */
interface TableBlock extends LinkedBlock {
  readonly number: number;
}

/** Whether a table's columns are named as those of crypto_ethereum.blocks: then it tells of blocks, and not of hashes alone. */
export function tellsOfBlocks({ timestamp_column: timestamp, hash_column: hash }: CanonicalTable): boolean {
  return timestamp === "timestamp" && hash === "hash";
}

/**
 * The chain by a table that others keep, in the form of crypto_ethereum.blocks. Such tables have lost ranges of blocks before: a
 * slot without a row proves nothing, so blocks speak by their parents alone. It has no beacon blocks: a slot whose payload never
 * came looks missed.
 */
export function bigqueryChain(
  warehouse: Pick<Warehouse, "query">,
  network: Network,
  source: CanonicalTable,
  nowMs: number,
): ChainSource {
  let final: Promise<number> | undefined;
  const askFinal = async () => {
    const from = Math.max(network.floor, slotAt(network, nowMs) - KEPT_SLOTS);
    const [progress] = await warehouse.query(progressQuery(network, source, from).sql);
    const settled = progress?.["settled"];
    if (settled === null || settled === undefined)
      throw new UserError(
        `${source.table} has no block since slot ${from}: is it still kept, and of ${network.name}?`,
      );
    return integerOf(settled);
  };
  return {
    name: "bigquery",
    slotsAtOnce: DAY_SLOTS,
    // One pass's question: the table grows meanwhile, which is for the next.
    final: () => (final ??= askFinal()),
    async blocks({ first, last }) {
      const range = { first, last: Math.min(last, await this.final()) };
      if (range.last < range.first) return [];
      const rows = await warehouse.query(tableBlocksQuery(network, source, range).sql);
      return rowsByParents(
        range,
        rows.map((row) => tableBlock(network, source, row)),
      );
    },
    close() {},
  };
}

/** The table's blocks of a range, and those beside it that may prove its ends. */
export function tableBlocksQuery(
  network: Network,
  source: CanonicalTable,
  { first, last }: SlotRange,
): Query {
  const { table, timestamp } = sourceNames(source);
  const [from, to] = [Math.max(0, first - MARGIN_SLOTS), last + MARGIN_SLOTS + 1];
  return {
    sql: `SELECT UNIX_SECONDS(${timestamp}) AS seconds, ${COLUMNS.map(columnName).join(", ")}
FROM ${table}
WHERE ${timestamp} >= ${sqlTime(slotStartMs(network, from))} AND ${timestamp} < ${sqlTime(slotStartMs(network, to))}`,
  };
}

/**
 * What blocks of a table prove of a range. From the newest on each names its parent, whose number is the one before; what lies
 * between the two was missed, or is a block that isn't on the chain. Where a parent is lacking, the chain ends, and begins again
 * with the next older block: of the slots between there is no word.
 */
function rowsByParents(range: SlotRange, blocks: readonly TableBlock[]): ChainBlock[] {
  const byId = new Map(blocks.map((block) => [block.id, block]));
  const parentOf = (block: TableBlock): TableBlock | undefined => {
    const parent = byId.get(block.parentId);
    return parent && parent.number === block.number - 1 && parent.slot < block.slot ? parent : undefined;
  };
  const chain: TableBlock[] = [];
  for (const head of [...byId.values()].toSorted((a, b) => b.slot - a.slot)) {
    const oldest = chain.at(-1);
    if (oldest && (head.slot >= oldest.slot || head.number >= oldest.number)) continue;
    for (let block: TableBlock | undefined = head; block; block = parentOf(block))
      // What contradicts its parent's number proves nothing.
      chain.push(parentOf(block) ? block : { ...block, parentId: "" });
  }
  const onChain = new Set(chain.map(({ id }) => id));
  const beside = new Map(
    [...byId.values()].filter(({ id }) => !onChain.has(id)).map(({ slot, block }) => [String(slot), block]),
  );
  return provenBlocks(range, chain.toReversed()).map((row) => {
    const seen = row.status === "missed" ? beside.get(row.slot) : undefined;
    return seen ? { ...seen, status: "orphaned" } : row;
  });
}

type Row = Readonly<Record<string, Value>>;

function tableBlock(network: Network, { table }: CanonicalTable, row: Row): TableBlock {
  const seconds = integerOf(row["seconds"]);
  const slot = (seconds - network.genesis) / SECONDS_PER_SLOT;
  if (!Number.isInteger(slot))
    throw new UserError(
      `${table} has a block at ${seconds} (Unix s), where ${network.name} has no slot: give that network's`,
    );
  // Integers come as text, so none is rounded.
  const text = (name: (typeof COLUMNS)[number]) => (row[name] === null ? null : textOf(row[name]));
  const hex = (name: (typeof COLUMNS)[number]) => text(name)?.toLowerCase() || null;
  const extraData = hex("extra_data");
  const [id, parentId] = [hex("hash") ?? "", hex("parent_hash") ?? ""];
  return {
    slot,
    id,
    parentId,
    number: integerOf(row["number"]),
    block: {
      ...missedBlock(slot),
      status: "canonical",
      block_hash: id,
      parent_hash: parentId,
      block_number: text("number"),
      fee_recipient: hex("miner"),
      gas_used: text("gas_used"),
      gas_limit: text("gas_limit"),
      base_fee_per_gas: text("base_fee_per_gas"),
      extra_data: extraData,
      extra_data_text: extraData === null ? null : extraText(extraData),
      transactions: text("transaction_count"),
      timestamp: new Date(1000 * seconds).toISOString(),
    },
  };
}
