import type { Network } from "../chain/networks.ts";
import { loadTables, rowTables } from "../datasets/tables.ts";
import { keyedBuilders, type RowValues } from "../warehouse/keyedTables.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import { inScope, type Scope } from "../warehouse/sql/scope.ts";
import { groupBy, numberIn, numberOrNull, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { nameInExtraData } from "./extraData.ts";

/** Fewer blocks than this give a key no name, nor does a smaller share of its blocks in that time. */
const LEAST_BLOCKS = 5;
const LEAST_SHARE = 0.8;

/** Blocks of one builder's key that bear one name. */
interface Signed {
  readonly pubkey: string;
  /** Undefined: blocks that bear none. */
  readonly name: string | undefined;
  readonly slot: number;
}

/**
 * Names builders' keys by what their canonical blocks bear as extra_data, and writes table builders: a row a key and name, from its
 * first block of that name to its last, where most of the key's blocks of that time bear it. A name stays in the table until another
 * takes its place. Returns how many rows were written; none where table chain_blocks holds nothing.
 */
export async function nameBuilders(
  warehouse: Warehouse,
  d: SqlDialect,
  network: Network,
  nowMs: number,
): Promise<number> {
  const [held = {}] = await warehouse.query(
    `SELECT MIN(first_slot) AS first_slot, MAX(last_slot) AS last_slot FROM ${loadTables.chain_blocks.name}`,
  );
  const [first, last] = ["first_slot", "last_slot"].map((name) => numberOrNull(held, name));
  if (first == null || last == null) return 0;
  const scope: Scope = { network, range: { first, last }, nowMs };
  const { payloads, chain_blocks: chainBlocks } = rowTables;
  const rows = await warehouse.query(`WITH told AS (
  SELECT slot, block_hash, MIN(extra_data_text) AS extra_data_text FROM ${chainBlocks.name}
  WHERE ${inScope(d, scope)} AND status = 'canonical' GROUP BY slot, block_hash
)
SELECT DISTINCT builder_pubkey, payloads.slot AS slot, COALESCE(extra_data_text, '') AS extra_data_text
FROM ${payloads.name} JOIN told ON told.slot = payloads.slot AND told.block_hash = payloads.block_hash
WHERE ${inScope(d, scope, payloads.name)}`);
  const signed = rows.map((row): Signed => ({
    pubkey: textIn(row, "builder_pubkey"),
    name: nameInExtraData(textIn(row, "extra_data_text")),
    slot: numberIn(row, "slot"),
  }));
  const named = namedKeys(signed);
  await warehouse.put(keyedBuilders, named);
  return named.length;
}

/** The rows of table builders that such blocks give. */
export function namedKeys(blocks: readonly Signed[]): RowValues[] {
  return Array.from(groupBy(blocks, ({ pubkey }) => pubkey)).flatMap(([pubkey, ofKey]) =>
    Array.from(groupBy(ofKey, ({ name }) => name)).flatMap(([name, ofName]): RowValues[] => {
      if (name === undefined || ofName.length < LEAST_BLOCKS) return [];
      const slots = ofName.map(({ slot }) => slot);
      const from = slots.reduce((a, b) => Math.min(a, b));
      const to = slots.reduce((a, b) => Math.max(a, b));
      const then = sumOf(ofKey, ({ slot }) => (slot >= from && slot <= to ? 1 : 0));
      const share = ofName.length / then;
      return share < LEAST_SHARE ? [] : [[pubkey, name, from, to, ofName.length, share, "extra_data"]];
    }),
  );
}
